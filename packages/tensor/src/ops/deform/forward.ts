import { conv2dOutputSize, type DeformSpec, deformSample } from "@retinaface-webgpu/kernels-wgsl";
import { requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { type Conv2dParams, conv2d, conv2dAttrs, type Pair } from "../conv2d/forward.js";
import { requireDtype } from "../dtype-check.js";
import { concat, narrow } from "../movement/forward.js";
import { defineOp } from "../op.js";

/** Options of `deformConv2d`, torchvision's names, and the convolution's groups. */
export interface DeformConv2dParams {
  stride?: Pair | undefined;
  /** Zeros on each side: one number, `[height, width]` or `[top, bottom, left, right]`. */
  padding?: Conv2dParams["padding"];
  dilation?: Pair | undefined;
  /** Of the weight; those of the offsets follow from their number. */
  groups?: number | undefined;
}

/** Where the samples of an offset lie. */
export interface DeformAttrs {
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Top and left. */
  readonly padding: readonly [number, number];
}

/** The kernels' spec for an NHWC input, an offset `[n, h', w', 2 · groups · taps]` and a mask or none. */
export function deformSpec(
  x: TensorInfo,
  offset: TensorInfo,
  mask: TensorInfo | undefined,
  attrs: DeformAttrs,
): DeformSpec {
  const [batch, inHeight, inWidth, channels] = x.shape;
  const [, outHeight, outWidth, numbers] = offset.shape;
  const [kh, kw] = attrs.kernelSize;
  return {
    ...{ batch, inHeight, inWidth, channels, outHeight, outWidth },
    ...attrs,
    offsetGroups: numbers / (2 * kh * kw),
    modulated: mask !== undefined,
  };
}

/** Samples of x, those of an output pixel as a block of the kernel's size. Inputs: x, offset, mask or none. */
export const deformSampleOp = /* @__PURE__ */ defineOp<DeformAttrs>({
  name: "deformSample",
  outputs: ([x, offset], { kernelSize: [kh, kw] }) => {
    const [batch, height, width] = offset.shape;
    return [{ shape: [batch, height * kh, width * kw, x.shape[3]], dtype: x.dtype }];
  },
  forward: (run, [x, offset, mask], [samples], attrs) => {
    const kernel = deformSample(deformSpec(x, offset, mask, attrs));
    run.kernel(kernel, [x, offset, ...(mask ? [mask] : []), samples]);
  },
});

/**
 * The most bytes of samples at once: of larger outputs some rows are made after the others, so that a plan needs their
 * memory once, and a binding's limit does not matter.
 */
const BAND_BYTES = 2 ** 26;

/**
 * Deformable convolution (Dai et al. 2017; with a mask, modulated: Zhu et al. 2019), torchvision's `deform_conv2d` for
 * NHWC: each tap reads the input where its offset moves it, between pixels bilinearly, outside as 0.
 *
 * A step's memory grows by taps times the input.
 *
 * @param input `[n, h, w, cin]`
 * @param offset `[n, h', w', 2 · groups · kh · kw]` in pixels: for each group of the input's channels and each tap how far
 *   down, then how far across
 * @param weight `[cout, cin / options.groups, kh, kw]` @param bias `[cout]`
 * @param mask `[n, h', w', groups · kh · kw]`: factors of the samples
 * @returns `[n, h', w', cout]`, h' as of `conv2d`
 * @throws ShapeError naming the shapes that do not fit, TensorError `ARGUMENT` for an option that there is not
 */
export function deformConv2d(
  input: Tensor,
  offset: Tensor,
  weight: Tensor,
  bias?: Tensor,
  mask?: Tensor,
  options: DeformConv2dParams = {},
): Tensor {
  requireOptions("deformConv2d", options, ["stride", "padding", "dilation", "groups"]);
  const { stride, padding, dilation, groups } = conv2dAttrs("deformConv2d", options);
  for (const one of [input, offset, weight, bias, mask]) {
    if (one) requireDtype("deformConv2d", one, "f32");
  }
  const kernelSize = checkShapes({ input, offset, weight, mask }, groups, (kernel) =>
    conv2dOutputSize({
      ...{ inHeight: input.shape[1], inWidth: input.shape[2], kernelSize: kernel },
      ...{ stride, dilation, padding },
    }),
  );
  const [kh, kw] = kernelSize;
  const [, rows, columns] = offset.shape;
  const rowBytes = input.shape[0] * kh * kw * columns * input.shape[3] * 4;
  const most = Math.min(BAND_BYTES, input.device.limits.maxStorageBufferBindingSize);
  const band = Math.max(1, Math.floor(most / Math.max(1, rowBytes)));
  const bands = Array.from({ length: Math.ceil(rows / band) }, (_, i) => {
    const first = i * band;
    const part = <T extends Tensor | undefined>(t: T) =>
      t && rows > band ? narrow(t, 1, first, Math.min(band, rows - first)) : t;
    const [moved, factors] = [part(offset), part(mask)];
    const [samples] = deformSampleOp(factors ? [input, moved, factors] : [input, moved], {
      ...{ kernelSize, stride, dilation },
      padding: [padding[0] - first * stride[0], padding[2]],
    });
    return conv2d(samples, weight, bias, { stride: [kh, kw], groups });
  });
  return bands.length === 1 ? bands[0] : concat(bands, 1);
}

interface DeformTensors {
  readonly input: TensorInfo;
  readonly offset: TensorInfo;
  readonly weight: TensorInfo;
  readonly mask: TensorInfo | undefined;
}

/** @returns the kernel's height and width */
function checkShapes(
  { input, offset, weight, mask }: DeformTensors,
  groups: number,
  outputSize: (kernel: readonly [number, number]) => readonly [number, number],
): readonly [number, number] {
  const shapes = `input ${showShape(input.shape)} and weight ${showShape(weight.shape)}`;
  if (input.shape.length !== 4 || weight.shape.length !== 4) {
    throw new ShapeError(
      `deformConv2d takes NHWC input and OIHW weight, not ${shapes}; reshape them`,
    );
  }
  const [batch, , , channels] = input.shape;
  const [, perGroup, kh, kw] = weight.shape;
  if (channels !== perGroup * groups) {
    throw new ShapeError(
      `deformConv2d: ${shapes} do not fit in ${groups} group(s): the input's last axis must be the weight's second times the groups`,
    );
  }
  const [height, width] = outputSize([kh, kw]);
  if (height < 1 || width < 1) {
    throw new ShapeError(
      `deformConv2d: kernel ${showShape(weight.shape)} does not fit the padded input ${showShape(input.shape)}; add padding, or take a smaller kernel`,
    );
  }
  const offsetGroups = offset.shape[3] / (2 * kh * kw);
  const fits = Number.isInteger(offsetGroups) && offsetGroups > 0 && channels % offsetGroups === 0;
  const place = [batch, height, width];
  if (!fits || offset.shape.slice(0, 3).join() !== place.join()) {
    throw new ShapeError(
      `deformConv2d: offset ${showShape(offset.shape)} for ${shapes}; it must be [${place.join(", ")}, ${2 * kh * kw}], ` +
        `or that many numbers for each of several groups that divide the ${channels} channels`,
    );
  }
  const factors = [...place, offsetGroups * kh * kw];
  if (mask && mask.shape.join() !== factors.join()) {
    throw new ShapeError(
      `deformConv2d: mask ${showShape(mask.shape)} for offset ${showShape(offset.shape)}; it must be [${factors.join(", ")}]`,
    );
  }
  return [kh, kw];
}

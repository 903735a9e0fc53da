import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { add } from "../binary/forward.js";
import { requireDtype } from "../dtype-check.js";
import { type Conv2dParams, conv2dAttrs, type Pair, toPair } from "./forward.js";
import { inputGradientOp } from "./input-gradient.js";

/** Options of `convTranspose2d`: as `conv2d`, and rows and columns added at the bottom and right. */
export interface ConvTranspose2dParams extends Conv2dParams {
  outputPadding?: Pair | undefined;
}

/**
 * Transposed 2-D convolution (PyTorch's `conv_transpose2d`): the gradient of `conv2d` towards its input.
 *
 * @param x `[n, h, w, cin]` @param weight `[cin, cout / groups, kh, kw]` @param bias `[cout]`
 * @returns `[n, h', w', cout]` with h' = (h − 1)·stride − padding + dilation·(kh − 1) + outputPadding + 1
 * @throws ShapeError naming the shapes that do not fit
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  params: ConvTranspose2dParams = {},
): Tensor {
  const attrs = conv2dAttrs("convTranspose2d", params, ["outputPadding"]);
  for (const one of bias ? [x, weight, bias] : [x, weight]) {
    requireDtype("convTranspose2d", one, "f32");
  }
  const extra = toPair(params.outputPadding ?? 0);
  if (x.rank !== 4 || weight.rank !== 4 || x.shape[3] !== weight.shape[0]) {
    throw new ShapeError(
      `convTranspose2d: input ${showShape(x.shape)} (NHWC) and weight ${showShape(weight.shape)} ` +
        "(cin, cout / groups, kh, kw) do not fit",
    );
  }
  if (x.shape[3] % attrs.groups !== 0) {
    throw new ShapeError(
      `convTranspose2d: ${x.shape[3]} channels of input ${showShape(x.shape)} do not divide into ${attrs.groups} groups`,
    );
  }
  if (extra.some((n, axis) => n >= Math.max(attrs.stride[axis], attrs.dilation[axis], 1))) {
    throw new ShapeError(
      `convTranspose2d: outputPadding ${showShape(extra)} must be less than stride ` +
        `${showShape(attrs.stride)} or dilation ${showShape(attrs.dilation)}`,
    );
  }
  const [height, width] = ([0, 1] as const).map(
    (axis) =>
      (x.shape[1 + axis] - 1) * attrs.stride[axis] -
      attrs.padding[axis * 2] -
      attrs.padding[axis * 2 + 1] +
      attrs.dilation[axis] * (weight.shape[2 + axis] - 1) +
      extra[axis] +
      1,
  );
  const inputShape = [x.shape[0], height, width, weight.shape[1] * attrs.groups];
  const y = inputGradientOp([x, weight], { ...attrs, inputShape })[0];
  return bias ? add(y, bias) : y;
}

/**
 * Gradients of the convolution, and the transposed convolution, which is one of them. They are apart from the operation
 * so that an inference bundle does not carry their kernels: this module gives `conv2d` its gradient when it is loaded,
 * which `@retinaface-webgpu/tensor` does and `@retinaface-webgpu/tensor/inference` does not.
 */
import {
  conv2dBackwardInput,
  conv2dBackwardWeight,
  type Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../core/errors.js";
import { type Shape, showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { add } from "./binary.js";
import {
  type Conv2dAttrs,
  type Conv2dParams,
  conv2dAttrs,
  conv2dOp,
  conv2dSpec,
  conv2dTraits,
  type Pair,
  runLaunch,
  toPair,
} from "./conv2d.js";
import { keepPacking, LaunchCache } from "./launch-cache.js";
import { defineOp, type Op } from "./op.js";

type GradientAttrs = Conv2dAttrs & {
  /** Shape of the convolution's input. */
  readonly inputShape: Shape;
};

const inputLaunches = new LaunchCache<ReturnType<typeof conv2dBackwardInput>>();

const weightLaunches = new LaunchCache<{
  readonly partial: Kernel;
  readonly finish: Kernel;
  readonly scratchLength: number;
}>();

/** Gradient towards the input, which is also the transposed convolution. Inputs: g, weight. */
const inputGradientOp: Op<GradientAttrs> = defineOp<GradientAttrs>({
  name: "conv2dInputGradient",
  outputs: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  forward: (run, [g, weight], [gx], attrs) => {
    const spec = conv2dSpec(gx, weight, attrs);
    const launch = inputLaunches.get(run.device, spec, () =>
      keepPacking(conv2dBackwardInput(spec, conv2dTraits(run.device))),
    );
    runLaunch(run, launch, g, weight, undefined, gx);
  },
  backward: ([gg], [g, weight], _, attrs, needs) => {
    if (!gg) return [];
    return [
      needs[0] ? conv2dOp([gg, weight], attrs)[0] : undefined,
      needs[1] ? weightGradientOp([gg, g], { ...attrs, weightShape: weight.shape })[0] : undefined,
    ];
  },
});

/** Gradients towards weight and bias. Inputs: x, g. */
const weightGradientOp = /* @__PURE__ */ defineOp<Conv2dAttrs & { readonly weightShape: Shape }>({
  name: "conv2dWeightGradient",
  outputs: ([x], { weightShape }) => [
    { shape: weightShape, dtype: x.dtype },
    { shape: [weightShape[0]], dtype: x.dtype },
  ],
  forward: (run, [x, g], [gWeight, gBias], attrs) => {
    const spec = conv2dSpec(x, gWeight, attrs);
    const { partial, finish, scratchLength } = weightLaunches.get(run.device, spec, () => {
      const launch = conv2dBackwardWeight(spec, conv2dTraits(run.device));
      return { ...launch, finish: launch.finish(true) };
    });
    const scratch = run.scratch(scratchLength);
    run.kernel(partial, [x, g, scratch]);
    run.kernel(finish, [scratch, gWeight, gBias]);
  },
});

conv2dOp.spec.backward = ([g], [x, weight], _, attrs, needs) => {
  if (!g) return [];
  const gx = needs[0]
    ? inputGradientOp([g, weight], { ...attrs, inputShape: x.shape })[0]
    : undefined;
  const [gWeight, gBias] =
    needs[1] || needs[2] ? weightGradientOp([x, g], { ...attrs, weightShape: weight.shape }) : [];
  return [gx, gWeight, gBias];
};

/** Options of `convTranspose2d`: as `conv2d`, and rows and columns added at the bottom and right. */
export interface ConvTranspose2dParams extends Conv2dParams {
  outputPadding?: Pair;
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
  const attrs = conv2dAttrs(params);
  const extra = toPair(params.outputPadding ?? 0);
  if (x.rank !== 4 || weight.rank !== 4 || x.shape[3] !== weight.shape[0]) {
    throw new ShapeError(
      `convTranspose2d: input ${showShape(x.shape)} (NHWC) and weight ${showShape(weight.shape)} ` +
        "(cin, cout / groups, kh, kw) do not fit",
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

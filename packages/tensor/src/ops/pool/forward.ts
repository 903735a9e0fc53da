import {
  averagePool,
  maxPool as maxPoolKernel,
  type PoolSpec,
  poolOutputSize,
  type Spatial,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { type Shape, showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireStored } from "../half.js";
import { defineOp } from "../op.js";
import { mean } from "../reduce/forward.js";

/** A number for every spatial axis, or one for each. */
type PerAxis = number | readonly number[];

/** Windows of a pooling, PyTorch's names; one number serves every spatial axis. */
export interface PoolOptions {
  readonly kernelSize: PerAxis;
  /** The kernel size by default. */
  readonly stride?: PerAxis | undefined;
  /** Padding of each axis: a number for both ends, or a pair. 0 by default. */
  readonly padding?:
    | number
    | readonly (number | readonly [before: number, after: number])[]
    | undefined;
  readonly dilation?: PerAxis | undefined;
  /** Also take a last, partial window that starts inside the input or its front padding. */
  readonly ceilMode?: boolean | undefined;
}

/** Options of `avgPool`. */
export interface AvgPoolOptions extends PoolOptions {
  /** Count padding as zeros, which is the default, or average real elements only. */
  readonly countIncludePad?: boolean | undefined;
}

export type PoolAttrs = Omit<PoolSpec, "batch" | "channels" | "from" | "to"> & {
  readonly ceil: boolean;
};

function perAxis(value: PerAxis, rank: number): readonly number[] {
  return typeof value === "number" ? new Array<number>(rank).fill(value) : value;
}

/** Three axes from one to three, by leading ones that pool nothing. */
function spatial(values: readonly number[], filler: number): Spatial {
  return [...new Array<number>(3 - values.length).fill(filler), ...values] as unknown as Spatial;
}

const OPTIONS = ["kernelSize", "stride", "padding", "dilation", "ceilMode"];

function attrsOf(name: string, x: Tensor, options: PoolOptions, more: string[] = []): PoolAttrs {
  requireOptions(name, options, [...OPTIONS, ...more]);
  const rank = x.rank - 2;
  const { kernelSize, stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  const [kernel, steps, dilations] = [kernelSize, stride, dilation].map((v) => perAxis(v, rank));
  for (const sizes of [kernel, steps, dilations]) {
    requireIntegers(`${name}'s kernelSize, stride and dilation`, sizes, 1);
  }
  const pads = typeof padding === "number" ? perAxis(padding, rank) : padding;
  if (rank < 1 || rank > 3 || [kernel, steps, dilations, pads].some((v) => v.length !== rank)) {
    throw new ShapeError(
      `${name}: ${showShape(x.shape)} is not [N, …, C] with one to three axes between that the options match`,
    );
  }
  const sides = pads.map((p) => (typeof p === "number" ? [p, p] : p));
  return {
    kernel: spatial(kernel, 1),
    stride: spatial(steps, 1),
    dilation: spatial(dilations, 1),
    before: spatial(
      sides.map(([b]) => b),
      0,
    ),
    after: spatial(
      sides.map(([, a]) => a),
      0,
    ),
    ceil: ceilMode,
  };
}

export function specOf(shape: Shape, attrs: PoolAttrs): PoolSpec {
  const from = spatial(shape.slice(1, -1), 1);
  const to = from.map((extent, k) =>
    poolOutputSize(
      {
        from: extent,
        kernel: attrs.kernel[k],
        stride: attrs.stride[k],
        dilation: attrs.dilation[k],
        before: attrs.before[k],
        after: attrs.after[k],
      },
      attrs.ceil,
    ),
  ) as unknown as Spatial;
  return { batch: shape[0], channels: shape[shape.length - 1], from, to, ...attrs };
}

function outputInfo(name: string, x: TensorInfo, attrs: PoolAttrs): TensorInfo {
  requireStored(name, x);
  const { to, kernel } = specOf(x.shape, attrs);
  const rank = x.shape.length - 2;
  if (to.some((n) => n < 1)) {
    throw new ShapeError(
      `${name}: a window ${showShape(kernel.slice(-rank))} does not fit in ${showShape(x.shape)}; pad it, or take a smaller kernelSize`,
    );
  }
  return { shape: [x.shape[0], ...to.slice(-rank), ...x.shape.slice(-1)], dtype: x.dtype };
}

export const maxOp = /* @__PURE__ */ defineOp<PoolAttrs>({
  name: "maxPool",
  outputs: ([x], attrs) => {
    const y = outputInfo("maxPool", x, attrs);
    return [y, { shape: y.shape, dtype: "i32" }];
  },
  forward: (run, [x], [y, positions], attrs) =>
    run.kernel(maxPoolKernel(specOf(x.shape, attrs)), [x, y, positions]),
});

export type AverageAttrs = PoolAttrs & { readonly countPadding: boolean };

export const averageOp = /* @__PURE__ */ defineOp<AverageAttrs>({
  name: "avgPool",
  outputs: ([x], attrs) => [outputInfo("avgPool", x, attrs)],
  forward: (run, [x], [y], attrs) => {
    const spec = { ...specOf(x.shape, attrs), countPadding: attrs.countPadding };
    run.kernel(averagePool(spec), [x, y]);
  },
});

/** Maximum over windows of [N, W, C], [N, H, W, C] or [N, D, H, W, C]; padding never wins. */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return maxPoolWithPositions(x, options).y;
}

/** `maxPool`, and where each maximum was: i32, (depth · H + row) · W + column. */
export function maxPoolWithPositions(
  x: Tensor,
  options: PoolOptions,
): { y: Tensor; positions: Tensor } {
  const [y, positions] = maxOp([x], attrsOf("maxPool", x, options));
  return { y, positions };
}

/** Average over windows of [N, W, C], [N, H, W, C] or [N, D, H, W, C]. */
export function avgPool(x: Tensor, options: AvgPoolOptions): Tensor {
  const attrs = attrsOf("avgPool", x, options, ["countIncludePad"]);
  return averageOp([x], { ...attrs, countPadding: options.countIncludePad ?? true })[0];
}

/** Mean over all spatial axes, which keep extent 1: [N, H, W, C] to [N, 1, 1, C]. */
export function globalAvgPool(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis).slice(1, -1);
  return mean(x, { axes, keepDims: true });
}

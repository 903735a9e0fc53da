import {
  bilinearResize,
  type Kernel,
  type NearestRounding,
  nearestResize,
  type ResizeCoordinates,
  type ResizeSpec,
  resizeAxis,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireStored } from "../half.js";
import { defineOp, type Op } from "../op.js";

/** How large the result of a resize is, and how its pixels map to the input's. */
export interface ResizeOptions {
  /** Height and width of the result. */
  readonly size?: readonly [height: number, width: number] | undefined;
  /** Ratio of result to input, where no size is given: the size is rounded down. */
  readonly scale?: number | readonly [y: number, x: number] | undefined;
  /** How centres map; `"asymmetric"` for nearest (as PyTorch) and `"halfPixel"` for bilinear by default. */
  readonly coordinates?: ResizeCoordinates | undefined;
  /** Nearest only; `"floor"` by default. */
  readonly rounding?: NearestRounding | undefined;
}

export interface ResizeAttrs {
  readonly mode: "nearest" | "bilinear";
  readonly size: readonly [number, number];
  readonly scale: readonly [number | undefined, number | undefined];
  readonly coordinates: ResizeCoordinates;
  readonly rounding: NearestRounding;
}

export function specOf(x: TensorInfo, attrs: ResizeAttrs): ResizeSpec {
  const [batch, height, width, channels] = x.shape;
  const { mode, size, scale, coordinates, rounding } = attrs;
  return {
    batch,
    channels,
    y: resizeAxis(height, size[0], coordinates, scale[0]),
    x: resizeAxis(width, size[1], coordinates, scale[1]),
    mode,
    rounding,
  };
}

/** Whether it takes for each pixel the one that PyTorch's nearest neighbour takes. */
export function isPlainNearest({ mode, coordinates, rounding, scale }: ResizeAttrs): boolean {
  const plain = mode === "nearest" && coordinates === "asymmetric" && rounding === "floor";
  return plain && scale.every((ratio) => ratio === undefined);
}

function declare(kernel: (spec: ResizeSpec) => Kernel): Op<ResizeAttrs> {
  return defineOp<ResizeAttrs>({
    name: "resize",
    fusion: { computes: (attrs) => (isPlainNearest(attrs) ? { kind: "nearest" } : undefined) },
    outputs: ([x], { size }) => {
      requireStored("resize", x);
      const [batch, , , channels] = x.shape;
      return [{ shape: [batch, size[0], size[1], channels], dtype: x.dtype }];
    },
    forward: (run, [x], [y], attrs) => run.kernel(kernel(specOf(x, attrs)), [x, y]),
  });
}

export const nearestOp = /* @__PURE__ */ declare(nearestResize);
export const bilinearOp = /* @__PURE__ */ declare(bilinearResize);

function apply(
  op: Op<ResizeAttrs>,
  x: Tensor,
  mode: "nearest" | "bilinear",
  coordinates: ResizeCoordinates,
  options: ResizeOptions,
): Tensor {
  if (x.rank !== 4 || x.shape[1] === 0 || x.shape[2] === 0) {
    throw new ShapeError(
      `resize: ${showShape(x.shape)} is not a batch of images [N, H, W, C] with pixels; reshape it`,
    );
  }
  requireOptions("resize", options, ["size", "scale", "coordinates", "rounding"]);
  const { size, scale = 1 } = options;
  const [sy, sx] = typeof scale === "number" ? [scale, scale] : scale;
  const target = size ?? ([Math.floor(x.shape[1] * sy), Math.floor(x.shape[2] * sx)] as const);
  if (target.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new ShapeError(
      `resize: ${showShape(x.shape)} to height and width ${showShape(target)}; give a size of positive integers, or a scale`,
    );
  }
  return op([x], {
    mode,
    size: target,
    scale: size ? [undefined, undefined] : [sy, sx],
    coordinates: options.coordinates ?? coordinates,
    rounding: options.rounding ?? "floor",
  })[0];
}

/** Nearest-neighbour resize of images [N, H, W, C], by default as PyTorch's `interpolate(mode="nearest")`. */
export const resizeNearest = (x: Tensor, options: ResizeOptions): Tensor =>
  apply(nearestOp, x, "nearest", "asymmetric", options);

/** Bilinear resize of images [N, H, W, C], by default as PyTorch's with `align_corners=False`. */
export const resizeBilinear = (x: Tensor, options: ResizeOptions): Tensor =>
  apply(bilinearOp, x, "bilinear", "halfPixel", options);

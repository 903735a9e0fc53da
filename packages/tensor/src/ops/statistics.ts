/**
 * Norms, moments and normalisations made of other operations, which gives them gradient, compilation and both engines.
 * A kernel of its own would read x once instead of three times.
 */
import { requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError, TensorError } from "../core/errors.js";
import { normalizeAxes, normalizeAxis, type Shape, sameShape, showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { add, div, maximum, mul, sub } from "./binary/forward.js";
import { reshape } from "./movement/forward.js";
import { max, mean, type ReduceOptions, sum, sumSquares } from "./reduce/forward.js";
import { where } from "./select/forward.js";
import { abs, addScalar, clamp, exp, log, mulScalar, rsqrt, square } from "./unary/forward.js";

/** Options of `variance`. */
export interface VarianceOptions extends ReduceOptions {
  /** Taken from the number of elements that the sum of squares is divided by; 1 by default (Bessel's). */
  readonly correction?: number | undefined;
}

/** Variance over axes: about the mean, in two passes, so that a large mean costs no accuracy. */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  requireOptions("variance", options, ["axes", "keepDims", "correction"]);
  const { correction = 1, keepDims = false } = options;
  const axes = normalizeAxes("variance", options.axes, x.shape);
  const count = axes.reduce((n, axis) => n * x.shape[axis], 1);
  if (!(count > correction)) {
    throw new ShapeError(
      `variance: ${count} elements along axes ${showShape(axes)} of ${showShape(x.shape)} are too few ` +
        `for a correction of ${correction}; give { correction: 0 }`,
    );
  }
  const centred = sub(x, mean(x, { axes, keepDims: true }));
  return mulScalar(sumSquares(centred, { axes, keepDims }), 1 / (count - correction));
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** 1, 2 or Infinity; 2 by default. */
  readonly p?: 1 | 2 | number | undefined;
}

/** Squares below this are taken for 0, whose root has no slope. */
const TINY = 1e-37;

/** The p-norm over axes, all by default; the gradient at 0 is 0. */
export function norm(x: Tensor, options: NormOptions = {}): Tensor {
  requireOptions("norm", options, ["axes", "keepDims", "p"]);
  const { p = 2, ...reduction } = options;
  if (p === 1) return sum(abs(x), reduction);
  if (p === Number.POSITIVE_INFINITY) return max(abs(x), reduction);
  if (p !== 2) throw new TensorError("ARGUMENT", `norm takes p of 1, 2 or Infinity, not ${p}.`);
  const squares = sumSquares(x, reduction);
  return mul(squares, rsqrt(maximum(squares, TINY)));
}

/** Options of `normalize`. */
export interface NormalizeOptions {
  readonly p?: number | undefined;
  /** The axis along which vectors lie; the last by default (PyTorch's default is 1, where it has channels). */
  readonly axis?: number | undefined;
  /** Vectors shorter than this are not made longer than 1; 1e-12 by default. */
  readonly eps?: number | undefined;
}

/** Divides vectors along an axis by their norm. */
export function normalize(x: Tensor, options: NormalizeOptions = {}): Tensor {
  requireOptions("normalize", options, ["p", "axis", "eps"]);
  const { p = 2, axis = -1, eps = 1e-12 } = options;
  const length = norm(x, { p, axes: [normalizeAxis("normalize", axis, x.shape)], keepDims: true });
  return div(x, maximum(length, eps));
}

/** log Σ exp(x) along an axis, without overflow. */
export function logSumExp(x: Tensor, axis: number, keepDims = false): Tensor {
  const axes = [normalizeAxis("logSumExp", axis, x.shape)];
  // The largest of nothing but −∞ is −∞, and −∞ less that NaN.
  const top = clamp(max(x.detach(), { axes, keepDims: true }), -3.4e38, 3.4e38);
  const total = sum(exp(sub(x, top)), { axes, keepDims: true });
  // Adapters differ in what they take for the logarithm of 0.
  const result = where(total, add(log(total), top), Number.NEGATIVE_INFINITY);
  if (keepDims) return result;
  return reshape(
    result,
    x.shape.filter((_, k) => k !== axes[0]),
  );
}

/** (x − mean) / √(variance + eps) over axes, with the biased variance. */
function standardize(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const centred = sub(x, mean(x, { axes, keepDims: true }));
  const spread = mean(square(centred), { axes, keepDims: true });
  return mul(centred, rsqrt(addScalar(spread, eps)));
}

/** Scale and shift behind a normalisation. */
export interface Affine {
  readonly weight?: Tensor | undefined;
  readonly bias?: Tensor | undefined;
}

function transform(name: string, y: Tensor, { weight, bias }: Affine, shape: Shape): Tensor {
  for (const t of [weight, bias]) {
    if (!t || sameShape(t.shape, shape)) continue;
    throw new ShapeError(
      `${name}: a weight or bias ${showShape(t.shape)} for ${showShape(y.shape)}; it must be ${showShape(shape)}`,
    );
  }
  const scaled = weight ? mul(y, weight) : y;
  return bias ? add(scaled, bias) : scaled;
}

/**
 * Layer normalisation over the last `axes` axes (Ba et al. 2016): each sample by its own mean and biased variance.
 *
 * @param affine weight and bias of the shape of those axes
 */
export function layerNorm(x: Tensor, affine: Affine = {}, eps = 1e-5, axes = 1): Tensor {
  requireOptions("layerNorm's affine", affine, ["weight", "bias"]);
  requireIntegers("layerNorm's axes", [axes], 1);
  if (axes > x.rank) {
    throw new ShapeError(`layerNorm over ${axes} axes of ${showShape(x.shape)}; it has fewer`);
  }
  const last = x.shape.map((_, axis) => axis).slice(-axes);
  return transform("layerNorm", standardize(x, last, eps), affine, x.shape.slice(-axes));
}

/**
 * Group normalisation of [N, …, C] (Wu and He 2018): groups of neighbouring channels of each sample by their own mean
 * and biased variance.
 *
 * @param affine weight and bias [C]
 */
export function groupNorm(x: Tensor, groups: number, affine: Affine = {}, eps = 1e-5): Tensor {
  requireOptions("groupNorm's affine", affine, ["weight", "bias"]);
  requireIntegers("groupNorm's groups", [groups], 1);
  const channels = x.shape[x.rank - 1];
  if (x.rank < 2 || channels % groups !== 0) {
    throw new ShapeError(
      `groupNorm: channels of ${showShape(x.shape)} ([N, …, C]) do not divide into ${groups} groups`,
    );
  }
  const grouped = reshape(x, [x.shape[0], -1, groups, channels / groups]);
  const y = reshape(standardize(grouped, [1, 3], eps), x.shape);
  return transform("groupNorm", y, affine, [channels]);
}

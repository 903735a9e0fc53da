/** Operators that work along axes. */
import {
  abs,
  addScalar,
  argmax,
  argmin,
  cast,
  cumsum,
  flip,
  log,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  mulScalar,
  normalize,
  oneHot,
  permute,
  prod,
  type ReduceOptions,
  reshape,
  softmax,
  sqrt,
  sub,
  sum,
  sumSquares,
  type Tensor,
  topk,
} from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import type { NodeContext } from "./context.js";
import { axisOf, lastTo, type Mapping, type Mappings } from "./mapping.js";
import { DeviceValue, type Value } from "./value.js";

type Reduce = (x: Tensor, options: ReduceOptions) => Tensor;

/** No axes named are all of them, unless `noop_with_empty_axes` says that they are none. */
export function reducedAxes(c: NodeContext, rank: number): number[] {
  const named = (c.has(1) ? c.numbers(1) : c.ints("axes")) ?? [];
  if (named.length > 0) return named.map((axis) => c.axisOf(axis, rank));
  const none = c.attribute("noop_with_empty_axes", 0) === 1;
  return none ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

const reduction =
  (f: Reduce): Mapping =>
  (c) => {
    const value = c.flow(0);
    const axes = reducedAxes(c, value.shape.length);
    return reduce(c, f, value, axes, c.attribute("keepdims", 1) === 1);
  };

/** Reduces an image as it lies, where what is left is in order. */
function reduce(
  c: NodeContext,
  f: Reduce,
  value: DeviceValue,
  axes: readonly number[],
  keepDims: boolean,
): (Value | Tensor)[] {
  if (!value.channelsLast) return [f(value.tensor, { axes, keepDims })];
  const places = axes.map((axis) => c.placeOf(value, axis));
  const spatial = value.shape.map((_, axis) => axis).slice(2);
  const inOrder = axes.includes(1) || spatial.every((axis) => axes.includes(axis));
  if (keepDims) return [new DeviceValue(f(value.tensor, { axes: places, keepDims }), true)];
  return [f(inOrder ? value.tensor : value.planar(), { axes: inOrder ? places : axes, keepDims })];
}

/** Over all that is no batch and no channel. */
const global =
  (f: Reduce): Mapping =>
  (c) => {
    const value = c.flow(0);
    const axes = value.shape.map((_, axis) => axis).slice(2);
    return reduce(c, f, value, axes, true);
  };

/** One axis after the other, the last first. */
function logSumExpOver(x: Tensor, { axes, keepDims }: ReduceOptions): Tensor {
  return [...axes!].sort((a, b) => b - a).reduce((y, axis) => logSumExp(y, axis, keepDims), x);
}

/** The first of equal elements, or the last where `select_last_index` asks for it. */
function extremeAt(f: (x: Tensor, axis: number, keepDims?: boolean) => Tensor): Mapping {
  return (c) => {
    const x = c.tensor(0);
    const axis = axisOf(c, x.rank, 0);
    const keepDims = c.attribute("keepdims", 1) === 1;
    if (c.attribute("select_last_index", 0) === 0) return [f(x, axis, keepDims)];
    return [sub(x.shape[axis] - 1, f(flip(x, [axis]), axis, keepDims))];
  };
}

/** Since opset 13 along one axis; before, over all axes from `axis` on. */
const softmaxes =
  (f: (x: Tensor, axis?: number) => Tensor): Mapping =>
  (c) => {
    const value = c.flow(0);
    const { rank } = value.tensor;
    if (c.opset >= 13) {
      const place = c.placeOf(value, axisOf(c, rank, -1));
      return [new DeviceValue(f(value.tensor, place), value.channelsLast)];
    }
    const x = c.tensor(0);
    const from = axisOf(c, rank, 1);
    if (from === rank - 1) return [f(x, from)];
    const rows = x.shape.slice(0, from).reduce((n, extent) => n * extent, 1);
    return [reshape(f(reshape(x, [rows, -1])), x.shape)];
  };

/** As softmax, with a one in place of the largest. */
function hardmax(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const single = c.opset >= 13;
  const axis = axisOf(c, x.rank, single ? -1 : 1);
  if (single) {
    const ones = oneHot(argmax(x, axis), x.shape[axis]);
    return [permute(ones, lastTo(axis, x.rank))];
  }
  const rows = x.shape.slice(0, axis).reduce((n, extent) => n * extent, 1);
  const flat = reshape(x, [rows, -1]);
  return [reshape(oneHot(argmax(flat, 1), flat.shape[1]), x.shape)];
}

function cumulative(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const axis = c.axisOf(c.numbers(1)[0], x.rank);
  const turn = (t: Tensor) => (c.attribute("reverse", 0) === 1 ? flip(t, [axis]) : t);
  const total = turn(cumsum(turn(x), axis));
  return [c.attribute("exclusive", 0) === 1 ? sub(total, x) : total];
}

/** Indices as ONNX takes them: from the end where negative. */
function oneHotOf(c: NodeContext): Tensor[] {
  const [depth] = c.numbers(1);
  const labels = c.indices(0, (i) => (i < 0 ? i + depth : i));
  const axis = axisOf(c, labels.rank + 1, -1);
  const [off, on] = c.numbers(2);
  const rows = permute(oneHot(labels, depth), lastTo(axis, labels.rank + 1));
  const scaled = addScalar(mulScalar(rows, on - off), off);
  return [c.typeOf(2) === "float" ? scaled : cast(scaled, "i32")];
}

function topkOf(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const k = c.has(1) ? c.numbers(1)[0] : c.attribute("k", 1);
  const largest = c.attribute("largest", 1) === 1;
  const { values, indices } = topk(x, k, { axis: axisOf(c, x.rank, -1), largest });
  return [values, indices];
}

function lpNormalization(c: NodeContext): Tensor[] {
  const p = c.attribute("p", 2);
  if (p !== 1 && p !== 2) throw new Unsupported(`LpNormalization by the norm ${p}`);
  const x = c.tensor(0);
  return [normalize(x, { p, axis: axisOf(c, x.rank, -1) })];
}

export const reductions: Mappings = {
  ArgMax: extremeAt(argmax),
  ArgMin: extremeAt(argmin),
  CumSum: cumulative,
  GlobalAveragePool: global(mean),
  GlobalMaxPool: global(max),
  Hardmax: hardmax,
  LogSoftmax: softmaxes(logSoftmax),
  LpNormalization: lpNormalization,
  OneHot: oneHotOf,
  ReduceL1: reduction((x, options) => sum(abs(x), options)),
  ReduceL2: reduction((x, options) => sqrt(sumSquares(x, options))),
  ReduceLogSum: reduction((x, options) => log(sum(x, options))),
  ReduceLogSumExp: reduction(logSumExpOver),
  ReduceMax: reduction(max),
  ReduceMean: reduction(mean),
  ReduceMin: reduction(min),
  ReduceProd: reduction(prod),
  ReduceSum: reduction(sum),
  ReduceSumSquare: reduction(sumSquares),
  Softmax: softmaxes(softmax),
  TopK: topkOf,
};

import {
  abs,
  addScalar,
  argmax,
  argmin,
  cast,
  cumsum,
  flip,
  log,
  logSumExp,
  max,
  mean,
  min,
  mulScalar,
  oneHot,
  permute,
  prod,
  type ReduceOptions,
  reshape,
  sqrt,
  sub,
  sum,
  sumSquares,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import type { NodeContext, Value } from "./context.js";
import { axisOf, lastTo, type Mapping, type Mappings } from "./mapping.js";

/** No axes named are all of them, unless `noop_with_empty_axes` says that they are none. */
function reduction(f: (x: Tensor, options: ReduceOptions) => Tensor): Mapping {
  return (c) => {
    const named = (c.has(1) ? c.numbers(1) : c.ints("axes")) ?? [];
    const none = c.attribute("noop_with_empty_axes", 0) === 1;
    const axes = named.length > 0 || none ? named : undefined;
    return [f(c.tensor(0), { axes, keepDims: c.attribute("keepdims", 1) === 1 })];
  };
}

/** One axis after the other, the last first. */
function logSumExpOver(x: Tensor, { axes, keepDims }: ReduceOptions): Tensor {
  const all = (axes ?? x.shape.map((_, axis) => axis)).map((a) => (a < 0 ? a + x.rank : a));
  return all.sort((a, b) => b - a).reduce((y, axis) => logSumExp(y, axis, keepDims), x);
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
function hardmax(c: NodeContext): Value[] {
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

function cumulative(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const [axis] = c.numbers(1);
  const turn = (t: Tensor) => (c.attribute("reverse", 0) === 1 ? flip(t, [axis]) : t);
  const total = turn(cumsum(turn(x), axis));
  return [c.attribute("exclusive", 0) === 1 ? sub(total, x) : total];
}

/** Indices as ONNX takes them: from the end where negative. */
function oneHotOf(c: NodeContext): Value[] {
  const [depth] = c.numbers(1);
  const labels = c.indices(0, (i) => (i < 0 ? i + depth : i));
  const axis = axisOf(c, labels.rank + 1, -1);
  const [off, on] = c.numbers(2);
  const rows = permute(oneHot(labels, depth), lastTo(axis, labels.rank + 1));
  const scaled = addScalar(mulScalar(rows, on - off), off);
  return [c.typeOf(2) === "float" ? scaled : cast(scaled, "i32")];
}

export const reductions: Mappings = {
  ArgMax: extremeAt(argmax),
  ArgMin: extremeAt(argmin),
  CumSum: cumulative,
  Hardmax: hardmax,
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
};

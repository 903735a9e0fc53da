import {
  abs,
  add,
  broadcastTo,
  cast,
  clamp,
  concat,
  div,
  elu,
  exp,
  gather,
  leakyRelu,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  mulScalar,
  neg,
  pad,
  permute,
  pow,
  prelu,
  reciprocal,
  relu,
  reshape,
  selu,
  sigmoid,
  slice,
  softmax,
  softplus,
  softsign,
  split,
  sqrt,
  sub,
  type Tensor,
  tanh,
} from "@retinaface-webgpu/tensor";
import { arrangements } from "./arrangements.js";
import { isHost, type NodeContext, Unsupported, type Value } from "./context.js";
import { elementwise } from "./elementwise.js";
import { binary, type Mapping, unary } from "./mapping.js";
import type { HostValue } from "./model.js";
import { reductions } from "./reductions.js";
import * as spatial from "./spatial.js";

export type { Mapping } from "./mapping.js";

const variadic =
  (f: (a: Tensor, b: Tensor) => Tensor): Mapping =>
  (c) => {
    const inputs = c.node.inputs.map((_, i) => c.tensor(i));
    return [inputs.reduce(f)];
  };

/** Since opset 13 along one axis; before, over all axes from `axis` on. */
const softmaxes =
  (f: (x: Tensor, axis?: number) => Tensor): Mapping =>
  (c) => {
    const x = c.tensor(0);
    if (c.opset >= 13) return [f(x, c.attribute("axis", -1))];
    const axis = c.attribute("axis", 1);
    const from = axis < 0 ? axis + x.rank : axis;
    const rows = x.shape.slice(0, from).reduce((n, extent) => n * extent, 1);
    return [reshape(f(reshape(x, [rows, -1])), x.shape)];
  };

function clip(c: NodeContext): Value[] {
  const bound = (index: number, name: string, otherwise: number) =>
    c.has(index) ? c.numbers(index)[0] : c.attribute(name, otherwise);
  const x = c.tensor(0);
  const low = bound(1, "min", Number.NEGATIVE_INFINITY);
  const high = bound(2, "max", Number.POSITIVE_INFINITY);
  return [low <= high ? clamp(x, low, high) : minimum(maximum(x, low), high)];
}

function gemm(c: NodeContext): Value[] {
  const product = matmul(c.tensor(0), c.tensor(1), {
    transposeA: c.attribute("transA", 0) === 1,
    transposeB: c.attribute("transB", 0) === 1,
  });
  const scaled = mulScalar(product, c.attribute("alpha", 1));
  return [c.has(2) ? add(scaled, mulScalar(c.tensor(2), c.attribute("beta", 1))) : scaled];
}

function flatten(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const axis = c.attribute("axis", 1);
  const rows = x.shape.slice(0, axis < 0 ? axis + x.rank : axis).reduce((a, b) => a * b, 1);
  return [reshape(x, [rows, rows === 0 ? 0 : x.size / rows])];
}

function reshapeTo(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const wanted = c.has(1) ? c.numbers(1) : (c.ints("shape") ?? []);
  const copy = c.attribute("allowzero", 0) === 0;
  return [
    reshape(
      x,
      wanted.map((n, axis) => (n === 0 && copy ? x.shape[axis] : n)),
    ),
  ];
}

function squeeze(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const axes = c.has(1) ? c.numbers(1) : c.ints("axes");
  const drop = axes?.map((axis) => (axis < 0 ? axis + x.rank : axis));
  return [
    reshape(
      x,
      x.shape.filter((n, axis) => (drop ? !drop.includes(axis) : n !== 1)),
    ),
  ];
}

function unsqueeze(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const axes = (c.has(1) ? c.numbers(1) : c.ints("axes")) ?? [];
  const rank = x.rank + axes.length;
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...x.shape];
  return [
    reshape(
      x,
      Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift()!)),
    ),
  ];
}

function sliceOf(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const given = (index: number, name: string) => (c.has(index) ? c.numbers(index) : c.ints(name));
  const starts = given(1, "starts") ?? [];
  const ends = given(2, "ends") ?? [];
  const axes = given(3, "axes") ?? starts.map((_, i) => i);
  const steps = given(4, "steps") ?? starts.map(() => 1);
  const ranges = x.shape.map(() => ({}));
  for (const [i, axis] of axes.entries()) {
    ranges[axis < 0 ? axis + x.rank : axis] = { start: starts[i], end: ends[i], step: steps[i] };
  }
  return [slice(x, ranges)];
}

function splitOf(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const axis = c.attribute("axis", 0);
  const extent = x.shape[axis < 0 ? axis + x.rank : axis];
  const parts = c.node.outputs.length;
  const each = Math.ceil(extent / parts);
  const even = c.node.outputs.map((_, i) => Math.min(each, extent - i * each));
  return split(x, (c.has(1) ? c.numbers(1) : c.ints("split")) ?? even, axis);
}

function padOf(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const pads = (c.has(1) ? c.numbers(1) : c.ints("pads")) ?? [];
  const mode = c.attribute("mode", "constant");
  if (mode !== "constant" && mode !== "reflect" && mode !== "edge") {
    throw new Unsupported(`operator Pad in mode ${mode}`);
  }
  const value = c.has(2) ? c.numbers(2)[0] : c.attribute("value", 0);
  const axes = c.has(3) ? c.numbers(3) : x.shape.map((_, axis) => axis);
  const pairs = axes.map((_, i): [number, number] => [pads[i], pads[i + axes.length]]);
  return [pad(x, pairs, { mode, value, axes })];
}

function tile(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const repeats = c.numbers(1);
  const spread = x.shape.flatMap((n) => [1, n]);
  const wide = x.shape.flatMap((n, axis) => [repeats[axis], n]);
  return [
    reshape(
      broadcastTo(reshape(x, spread), wide),
      x.shape.map((n, i) => n * repeats[i]),
    ),
  ];
}

function gatherOf(c: NodeContext): Value[] {
  const axis = c.attribute("axis", 0);
  const x = c.tensor(0);
  return [gather(x, c.indices(1), axis < 0 ? axis + x.rank : axis)];
}

function constant(c: NodeContext): Value[] {
  for (const [name, value] of c.node.attributes) {
    if (typeof value === "object" && !Array.isArray(value)) return [value];
    if (typeof value === "string") break;
    const shape = Array.isArray(value) ? [value.length] : [];
    const type = name.startsWith("value_float") ? "float" : "int64";
    return [{ shape, type, data: Float64Array.from([value].flat()) }];
  }
  throw new Unsupported("operator Constant without numbers");
}

function transposeOf(c: NodeContext): Value[] {
  const x = c.tensor(0);
  return [permute(x, c.ints("perm") ?? x.shape.map((_, i) => x.rank - 1 - i))];
}

function preluOf(c: NodeContext): Value[] {
  const x = c.tensor(0);
  const slope = c.tensor(1);
  const perChannel = c.opset < 7 && slope.rank === 1 && slope.size > 1;
  return [prelu(x, perChannel ? reshape(slope, [-1, ...x.shape.slice(2).map(() => 1)]) : slope)];
}

function shapeOf(c: NodeContext): Value[] {
  const value = c.value(0);
  const shape = isHost(value) ? value.shape : value.shape;
  const part = shape.slice(c.attribute("start", 0), c.attribute("end", shape.length));
  const data = Float64Array.from(part);
  return [{ shape: [part.length], type: "int64", data } satisfies HostValue];
}

function seluOf(c: NodeContext): Value[] {
  const [alpha, gamma] = c.opset < 6 ? [1.6732, 1.0507] : [1.6732632423543772, 1.0507009873554805];
  const own = { alpha: c.attribute("alpha", alpha), gamma: c.attribute("gamma", gamma) };
  return [selu(c.tensor(0), own)];
}

/** Every operator the library has, by ONNX's name. */
export const OPERATORS: Readonly<Record<string, Mapping>> = {
  ...reductions,
  ...elementwise,
  ...arrangements,
  Abs: unary(abs),
  Add: binary(add),
  AveragePool: spatial.averagePool,
  BatchNormalization: spatial.batchNormalization,
  Clip: clip,
  Concat: (c) => [
    concat(
      c.node.inputs.map((_, i) => c.tensor(i)),
      c.attribute("axis", 1),
    ),
  ],
  Constant: constant,
  Conv: spatial.conv,
  ConvTranspose: spatial.convTranspose,
  DeformConv: spatial.deformConv,
  Div: binary(div),
  Elu: (c) => [elu(c.tensor(0), c.attribute("alpha", 1))],
  Exp: unary(exp),
  Flatten: flatten,
  Gather: gatherOf,
  Gemm: gemm,
  GlobalAveragePool: (c) => {
    const x = c.tensor(0);
    const axes = x.shape.map((_, i) => i).slice(2);
    return [mean(x, { axes, keepDims: true })];
  },
  GlobalMaxPool: (c) => {
    const x = c.tensor(0);
    const axes = x.shape.map((_, i) => i).slice(2);
    return [max(x, { axes, keepDims: true })];
  },
  Identity: (c) => [c.value(0)],
  GroupNormalization: spatial.groupNormalization,
  InstanceNormalization: spatial.instanceNormalization,
  LeakyRelu: (c) => [leakyRelu(c.tensor(0), c.attribute("alpha", 0.01))],
  Log: unary(log),
  LogSoftmax: softmaxes(logSoftmax),
  MatMul: (c) => [matmul(c.tensor(0), c.tensor(1))],
  Max: variadic(maximum),
  MaxPool: spatial.maxPool,
  Min: variadic(minimum),
  Mul: binary(mul),
  Neg: unary(neg),
  PRelu: preluOf,
  Pad: padOf,
  Pow: binary((a, b) => pow(a, cast(b, a.dtype))),
  Reciprocal: unary(reciprocal),
  Relu: unary(relu),
  Reshape: reshapeTo,
  Resize: spatial.resize,
  Selu: seluOf,
  Shape: shapeOf,
  Sigmoid: unary(sigmoid),
  Slice: sliceOf,
  Softmax: softmaxes(softmax),
  Softplus: unary(softplus),
  Softsign: unary(softsign),
  Split: splitOf,
  Sqrt: unary(sqrt),
  Squeeze: squeeze,
  Sub: binary(sub),
  Sum: variadic(add),
  Tanh: unary(tanh),
  Tile: tile,
  Transpose: transposeOf,
  Unsqueeze: unsqueeze,
  Upsample: spatial.resize,
};

/** Operators element by element. */
import {
  abs,
  add,
  addScalar,
  cast,
  ceil,
  clamp,
  cos,
  div,
  elu,
  equal,
  erf,
  exp,
  floor,
  gelu,
  greater,
  greaterEqual,
  leakyRelu,
  less,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  mulScalar,
  neg,
  pow,
  prelu,
  reciprocal,
  relu,
  round,
  selu,
  sigmoid,
  sign,
  sin,
  softplus,
  softsign,
  sqrt,
  sub,
  type Tensor,
  tanh,
  where,
} from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import { elementType } from "../model/elements.js";
import { deviceType, type NodeContext } from "./context.js";
import {
  aligned,
  alignedAt,
  binary,
  elementwise,
  type Mapping,
  type Mappings,
  unary,
} from "./mapping.js";
import { DeviceValue, isHost, type Value } from "./value.js";

/** One element type for all that a condition says: 0 and 1. */
const truth = (x: Tensor): Tensor => where(x, 1, 0);

const logical = (f: (a: Tensor, b: Tensor) => Tensor): Mapping =>
  binary((a, b) => f(truth(a as Tensor), truth(b as Tensor)), false);

function castTo(c: NodeContext, type: string | undefined): Value[] {
  if (type === "bool") return [elementwise(c, truth)];
  if (type === undefined || type === "double" || type.endsWith("8") || type.endsWith("16")) {
    throw new Unsupported(`${c.node.op} to an element type that the library lacks`);
  }
  return [elementwise(c, (x) => cast(x, deviceType(type as "float", c.node.op)))];
}

function castLike(c: NodeContext): Value[] {
  const like = c.value(1);
  const types = { f32: "float", i32: "int32", u32: "uint32", f16: undefined };
  return castTo(c, isHost(like) ? like.type : types[like.tensor.dtype]);
}

/** All inputs by a function of two, then one of the result. */
const variadic =
  (f: (a: Tensor, b: Tensor) => Tensor, last = (x: Tensor, _count: number) => x): Mapping =>
  (c) => {
    const all = c.node.inputs.map((_, i) => i);
    const { operands, channelsLast } = aligned(c, all);
    return [new DeviceValue(last(operands.reduce(f), operands.length), channelsLast)];
  };

function clip(c: NodeContext): Value[] {
  const bound = (index: number, name: string, otherwise: number) =>
    c.has(index) ? c.numbers(index)[0] : c.attribute(name, otherwise);
  const low = bound(1, "min", Number.NEGATIVE_INFINITY);
  const high = bound(2, "max", Number.POSITIVE_INFINITY);
  return [
    elementwise(c, (x) => (low <= high ? clamp(x, low, high) : minimum(maximum(x, low), high))),
  ];
}

/** A slope for each channel stands at axis 1 before opset 7, and broadcasts since then. */
function preluOf(c: NodeContext): Value[] {
  const slope = c.value(1);
  if (isHost(slope) && slope.data.length === 1) {
    return [elementwise(c, (x) => leakyRelu(x, slope.data[0]))];
  }
  if (c.opset < 7 && slope.shape.length === 1) {
    const x = c.tensor(0);
    return [new DeviceValue(prelu(x, alignedAt(c, 1)))];
  }
  const { operands, channelsLast } = aligned(c, [0, 1]);
  return [new DeviceValue(prelu(operands[0], operands[1]), channelsLast)];
}

function seluOf(c: NodeContext): Value[] {
  const [alpha, gamma] = c.opset < 6 ? [1.6732, 1.0507] : [1.6732632423543772, 1.0507009873554805];
  const own = { alpha: c.attribute("alpha", alpha), gamma: c.attribute("gamma", gamma) };
  return [elementwise(c, (x) => selu(x, own))];
}

/** A gate of x that is linear between 0 and 1. */
const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  clamp(addScalar(mulScalar(x, alpha), beta), 0, 1);

/** A function with one of the node's numbers. */
const withNumber =
  (name: string, otherwise: number, f: (x: Tensor, value: number) => Tensor): Mapping =>
  (c) => {
    const value = c.attribute(name, otherwise);
    return [elementwise(c, (x) => f(x, value))];
  };

function geluOf(c: NodeContext): Value[] {
  const approximate = c.attribute("approximate", "none") === "tanh" ? "tanh" : "none";
  return [elementwise(c, (x) => gelu(x, { approximate }))];
}

function whereOf(c: NodeContext): Value[] {
  const { operands, channelsLast } = aligned(c, [0, 1, 2]);
  const [condition, a, b] = operands;
  return [new DeviceValue(where(condition, a, b), channelsLast)];
}

/** A power: of a number other than a positive one as a tensor. */
const powOf: Mapping = (c) => {
  const base = c.value(0);
  const positive = isHost(base) && base.data.length === 1 && base.data[0] > 0;
  const exponent = c.knownOf(1);
  const byNumber = exponent?.data.length === 1 && exponent.shape.length <= base.shape.length;
  if (byNumber && !isHost(base)) {
    return [elementwise(c, (x) => pow(x, exponent.data[0]))];
  }
  const tensors = (a: Tensor | number, b: Tensor | number) =>
    pow(a, typeof a === "number" || typeof b === "number" ? b : cast(b, a.dtype));
  return binary(tensors, positive)(c);
};

const xor = (a: Tensor, b: Tensor): Tensor => sub(1, equal(a, b));

export const elementwiseOperators: Mappings = {
  Abs: unary(abs),
  Add: binary(add),
  And: logical(mul),
  Cast: (c) => castTo(c, elementType(c.attribute("to", 0))),
  CastLike: castLike,
  Ceil: unary(ceil),
  Celu: withNumber("alpha", 1, (x, alpha) => mulScalar(elu(mulScalar(x, 1 / alpha)), alpha)),
  Clip: clip,
  Cos: unary(cos),
  Div: binary(div),
  Elu: withNumber("alpha", 1, elu),
  Equal: binary(equal),
  Erf: unary(erf),
  Exp: unary(exp),
  Floor: unary(floor),
  Gelu: geluOf,
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterEqual),
  HardSigmoid: (c) => {
    const [alpha, beta] = [c.attribute("alpha", 0.2), c.attribute("beta", 0.5)];
    return [elementwise(c, (x) => hardSigmoid(x, alpha, beta))];
  },
  HardSwish: unary((x) => mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  LeakyRelu: withNumber("alpha", 0.01, leakyRelu),
  Less: binary(less),
  LessOrEqual: binary(lessEqual),
  Log: unary(log),
  Max: variadic(maximum),
  Mean: variadic(add, (sum, count) => mulScalar(sum, 1 / count)),
  Min: variadic(minimum),
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  Mul: binary(mul),
  Neg: unary(neg),
  Not: unary((x) => equal(truth(x), 0)),
  Or: logical(maximum),
  PRelu: preluOf,
  Pow: powOf,
  Reciprocal: unary(reciprocal),
  Relu: unary(relu),
  Round: unary(round),
  Selu: seluOf,
  Sigmoid: unary(sigmoid),
  Sign: unary(sign),
  Sin: unary(sin),
  Softplus: unary(softplus),
  Softsign: unary(softsign),
  Sqrt: unary(sqrt),
  Sub: binary(sub),
  Sum: variadic(add),
  Swish: withNumber("alpha", 1, (x, alpha) => mul(x, sigmoid(mulScalar(x, alpha)))),
  Tanh: unary(tanh),
  ThresholdedRelu: withNumber("alpha", 1, (x, alpha) => where(greater(x, alpha), x, 0)),
  Where: whereOf,
  Xor: logical(xor),
};

import {
  add,
  addScalar,
  cast,
  ceil,
  clamp,
  cos,
  elu,
  equal,
  erf,
  floor,
  gelu,
  greater,
  greaterEqual,
  less,
  lessEqual,
  mul,
  mulScalar,
  round,
  sigmoid,
  sign,
  sin,
  softplus,
  type Tensor,
  tanh,
  where,
} from "@retinaface-webgpu/tensor";
import { isHost, type NodeContext, Unsupported, type Value } from "./context.js";
import { binary, type Mappings, unary } from "./mapping.js";

const CAST_TYPES: Readonly<Record<number, string>> = {
  1: "float",
  6: "int32",
  9: "bool",
  12: "uint32",
};

function castTo(c: NodeContext, type: string | undefined): Value[] {
  const x = c.tensor(0);
  if (type === "float") return [cast(x, "f32")];
  if (type === "int32") return [cast(x, "i32")];
  if (type === "uint32") return [cast(x, "u32")];
  if (type === "bool") return [where(x, 1, 0)];
  throw new Unsupported(`operator ${c.node.op} to an element type that the library lacks`);
}

function castLike(c: NodeContext): Value[] {
  const like = c.value(1);
  const types = { f32: "float", i32: "int32", u32: "uint32", f16: undefined };
  return castTo(c, isHost(like) ? like.type : types[like.dtype]);
}

function meanOf(c: NodeContext): Value[] {
  const inputs = c.node.inputs.map((_, i) => c.tensor(i));
  return [mulScalar(inputs.reduce(add), 1 / inputs.length)];
}

/** A gate of x that is linear between 0 and 1. */
const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor =>
  clamp(addScalar(mulScalar(x, alpha), beta), 0, 1);

export const elementwise: Mappings = {
  Cast: (c) => castTo(c, CAST_TYPES[c.attribute("to", 0)]),
  CastLike: castLike,
  Ceil: unary(ceil),
  Celu: (c) => {
    const alpha = c.attribute("alpha", 1);
    return [mulScalar(elu(mulScalar(c.tensor(0), 1 / alpha)), alpha)];
  },
  Cos: unary(cos),
  Equal: binary(equal),
  Erf: unary(erf),
  Floor: unary(floor),
  Gelu: (c) => {
    const approximate = c.attribute("approximate", "none") === "tanh" ? "tanh" : "none";
    return [gelu(c.tensor(0), { approximate })];
  },
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterEqual),
  HardSigmoid: (c) => [
    hardSigmoid(c.tensor(0), c.attribute("alpha", 0.2), c.attribute("beta", 0.5)),
  ],
  HardSwish: unary((x) => mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Less: binary(less),
  LessOrEqual: binary(lessEqual),
  Mean: meanOf,
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  Round: unary(round),
  Sign: unary(sign),
  Sin: unary(sin),
  Swish: (c) => {
    const x = c.tensor(0);
    return [mul(x, sigmoid(mulScalar(x, c.attribute("alpha", 1))))];
  },
  ThresholdedRelu: (c) => {
    const x = c.tensor(0);
    return [where(greater(x, c.attribute("alpha", 1)), x, 0)];
  },
  Where: (c) => [where(c.tensor(0), c.tensor(1), c.tensor(2))],
};

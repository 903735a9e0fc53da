/** Operations element by element, and those that only move elements, as maps. */
import type { MapFunction } from "@retinaface-webgpu/kernels-wasm";
import { contiguousStrides } from "@retinaface-webgpu/kernels-wgsl";
import type { DType } from "../../../core/dtype.js";
import { sizeOf } from "../../../core/shape.js";
import type { TowardsAttrs } from "../../../ops/binary/gradient.js";
import { type SliceAttrs, sliceView } from "../../../ops/movement/forward.js";
import type { StepNode, StepValue } from "../../step/graph.js";
import type { NodeLowering, StepKernel } from "./kernels.js";
import { broadcast, type Constants, dense, mapped, type Part } from "./maps.js";

const isFloat = (values: readonly StepValue[]): boolean =>
  values.every(({ info }) => info.dtype === "f32");

/** Inputs, in the order in which the function takes them, to the output; all broadcast. */
function toOutput(
  kind: MapFunction,
  { outputs: [output] }: StepNode,
  operands: readonly StepValue[],
  constants?: Constants,
): StepKernel[] | undefined {
  if (!isFloat([output, ...operands])) return undefined;
  const { shape } = output.info;
  const read = operands.map((value) => broadcast(value, shape));
  return mapped(kind, shape, dense(output), read, constants);
}

interface Scalars {
  readonly a?: number;
  readonly b?: number;
}

/** The same function with the constants of the attributes. */
function simple(kind: MapFunction): NodeLowering {
  return (node) => {
    const { a, b } = (node.attrs ?? {}) as Scalars;
    return toOutput(kind, node, node.inputs, { p: a ?? 0, q: b ?? 0 });
  };
}

const copies: NodeLowering = (node) => toOutput("copy", node, node.inputs.slice(0, 1));
const nothing: NodeLowering = (node) => toOutput("constant", node, []);

/** Whole powers are products, which take any base. */
function isWhole(exponent: number): boolean {
  return Number.isInteger(exponent) && exponent >= 0 && exponent <= 8;
}

const power = (whole: MapFunction, other: MapFunction): NodeLowering => {
  return (node) => {
    const { a: exponent = 0 } = node.attrs as Scalars;
    return toOutput(isWhole(exponent) ? whole : other, node, node.inputs, { p: exponent });
  };
};

/** A constant to the power of the elements, by its logarithm. */
function ofLogarithm(kind: MapFunction): NodeLowering {
  return (node) => {
    const { a = 1 } = node.attrs as Scalars;
    return toOutput(kind, node, node.inputs, { p: Math.log(a) });
  };
}

const eluGradient: NodeLowering = (node) =>
  toOutput("eluGradient", node, node.inputs, { p: (node.attrs as Scalars).a ?? 0, q: 1 });

const seluGradient: NodeLowering = (node) =>
  toOutput("eluGradient", node, node.inputs, { p: 1.6732632423543772, q: 1.0507009873554805 });

/** The gradient of an operation of two operands towards the one or the other. */
function towards(first: MapFunction, second: MapFunction): NodeLowering {
  return (node) => {
    const { operand } = node.attrs as TowardsAttrs;
    return toOutput(operand === "a" ? first : second, node, node.inputs);
  };
}

/** Of a product, towards the one operand it is the gradient times the other. */
const productGradient: NodeLowering = (node) => {
  const [g, a, b] = node.inputs;
  const { operand } = node.attrs as TowardsAttrs;
  return toOutput("multiply", node, [g, operand === "a" ? b : a]);
};

/** A function of the first input alone: of a gradient that does not depend on the element. */
function ofFirst(kind: MapFunction, of: (attrs: Scalars) => Constants): NodeLowering {
  return (node) => toOutput(kind, node, node.inputs.slice(0, 1), of(node.attrs as Scalars));
}

/** What is chosen is moved, whatever it means. */
const where: NodeLowering = ({ inputs, outputs: [output] }) => {
  if (!areWords(inputs)) return undefined;
  const { shape } = output.info;
  const read = inputs.map((value) => broadcast(value, shape));
  const kind = isFloat(inputs.slice(0, 1)) ? "select" : "selectByInteger";
  return mapped(kind, shape, dense(output), read);
};

const CASTS: Partial<Record<`${DType} ${DType}`, MapFunction>> = {
  "i32 f32": "floatOfInteger",
  "u32 f32": "floatOfUnsigned",
  "f32 i32": "integerOfFloat",
  "f32 u32": "unsignedOfFloat",
  "i32 u32": "copy",
  "u32 i32": "copy",
};

const cast: NodeLowering = ({ inputs: [x], outputs: [y] }) => {
  const kind = CASTS[`${x.info.dtype} ${y.info.dtype}`];
  return kind && mapped(kind, y.info.shape, dense(y), [dense(x)]);
};

/** Whether elements can be moved: they are words of four bytes. */
const areWords = (values: readonly StepValue[]): boolean =>
  values.every(({ info }) => info.dtype !== "f16");

function moving(
  places: (node: StepNode) => { shape: readonly number[]; from: Part; to: Part },
): NodeLowering {
  return (node) => {
    if (!areWords([...node.inputs, ...node.outputs])) return undefined;
    const { shape, from, to } = places(node);
    return mapped("copy", shape, to, [from]);
  };
}

const permute = moving(({ inputs: [x], outputs: [y], attrs }) => {
  const strides = contiguousStrides(x.info.shape);
  const { axes } = attrs as { axes: readonly number[] };
  const from = { value: x, strides: axes.map((axis) => strides[axis]) };
  return { shape: y.info.shape, from, to: dense(y) };
});

const broadcastTo = moving(({ inputs: [x], outputs: [y] }) => {
  const { shape } = y.info;
  return { shape, from: broadcast(x, shape), to: dense(y) };
});

const slice = moving(({ inputs: [x], outputs: [y], attrs }) => {
  const from = { value: x, ...sliceView(x.info.shape, attrs as SliceAttrs) };
  return { shape: y.info.shape, from, to: dense(y) };
});

const assign = moving(({ inputs: [source, target] }) => {
  const shape = [sizeOf(source.info.shape)];
  const strides = [1];
  return { shape, from: { value: source, strides }, to: { value: target, strides } };
});

const sliceGradient: NodeLowering = ({ inputs: [g], outputs: [gx], attrs }) => {
  if (!areWords([g])) return undefined;
  const to = { value: gx, ...sliceView(gx.info.shape, attrs as SliceAttrs) };
  return [
    ...mapped("constant", gx.info.shape, dense(gx), []),
    ...mapped("copy", g.info.shape, to, [dense(g)]),
  ];
};

const concat: NodeLowering = ({ inputs, outputs: [y], attrs }) => {
  if (!areWords(inputs)) return undefined;
  const { axis } = attrs as { axis: number };
  const strides = contiguousStrides(y.info.shape);
  let before = 0;
  return inputs.flatMap((x) => {
    const to = { value: y, strides, offset: before * strides[axis] };
    before += x.info.shape[axis];
    return mapped("copy", x.info.shape, to, [dense(x)]);
  });
};

/** Elements in order, whatever their shapes: what is written in place. */
function inPlace(
  kind: MapFunction,
  shape: readonly number[],
  target: StepValue,
  operands: readonly Part[],
  constants: Constants,
): StepKernel[] {
  return mapped(kind, shape, { value: target, strides: [1] }, operands, constants);
}

const lerp: NodeLowering = ({ inputs: [source, target], attrs }) => {
  const { weight } = attrs as { weight: number };
  const flat = [source, target].map((value) => ({ value, strides: [1] }));
  return inPlace("lerp", [sizeOf(target.info.shape)], target, flat, { p: weight });
};

const accumulate: NodeLowering = ({ inputs: [value, total], attrs }) => {
  const { share, fresh } = attrs as { share: number; fresh: boolean };
  const flat = [value, total].map((each) => ({ value: each, strides: [1] }));
  const shape = [sizeOf(total.info.shape)];
  const kind = fresh ? "multiplyConstant" : "addScaled";
  return inPlace(kind, shape, total, flat, { p: share });
};

const clipByNorm: NodeLowering = ({ inputs: [squares, gradient], attrs }) => {
  const { maxNorm } = attrs as { maxNorm: number };
  const operands = [
    { value: gradient, strides: [1] },
    { value: squares, strides: [0] },
  ];
  return inPlace("clipNorm", [sizeOf(gradient.info.shape)], gradient, operands, { p: maxNorm });
};

const smoothL1 = (kind: MapFunction, curvature: number): NodeLowering => {
  return (node) => {
    const { beta } = node.attrs as { beta: number };
    const q = beta > 0 ? curvature / beta : 0;
    return toOutput(kind, node, node.inputs, { p: beta, q });
  };
};

const focal = (kind: MapFunction): NodeLowering => {
  return (node) => {
    const { alpha, gamma } = node.attrs as { alpha: number; gamma: number };
    return toOutput(kind, node, node.inputs, { p: alpha, q: gamma });
  };
};

const number: NodeLowering = (node) => {
  const { value } = node.attrs as { value: number };
  return toOutput("constant", node, [], { p: value });
};

/** By the operations' names. */
export const ELEMENTWISE: Readonly<Record<string, NodeLowering>> = {
  add: simple("add"),
  sub: simple("subtract"),
  mul: simple("multiply"),
  div: simple("divide"),
  pow: simple("power"),
  prelu: simple("prelu"),
  maximum: simple("maximum"),
  minimum: simple("minimum"),
  equal: simple("equal"),
  less: simple("less"),
  lessEqual: simple("lessEqual"),
  greater: simple("greater"),
  greaterEqual: simple("greaterEqual"),
  where,
  relu: simple("relu"),
  leakyRelu: simple("leakyRelu"),
  abs: simple("absolute"),
  sign: simple("sign"),
  neg: simple("negate"),
  square: simple("square"),
  sqrt: simple("squareRoot"),
  rsqrt: simple("reciprocalRoot"),
  reciprocal: simple("reciprocal"),
  exp: simple("exponential"),
  log: simple("logarithm"),
  sigmoid: simple("sigmoid"),
  tanh: simple("tanh"),
  softplus: simple("softplus"),
  erf: simple("errorFunction"),
  expm1: simple("exponentialMinusOne"),
  log1p: simple("logarithmOfOnePlus"),
  gelu: simple("gelu"),
  geluTanh: simple("geluTanh"),
  elu: simple("elu"),
  selu: simple("selu"),
  softsign: simple("softsign"),
  floor: simple("floor"),
  ceil: simple("ceil"),
  round: simple("round"),
  sin: simple("sine"),
  cos: simple("cosine"),
  clamp: simple("clamp"),
  addScalar: simple("addConstant"),
  mulScalar: simple("multiplyConstant"),
  divScalar: ofFirst("multiplyConstant", ({ a = 1 }) => ({ p: 1 / a })),
  scalarSub: simple("constantMinus"),
  scalarDiv: simple("constantOver"),
  powScalar: power("wholePower", "constantPower"),
  scalarPow: ofLogarithm("scaledExponential"),
  equalScalar: simple("equalConstant"),
  lessScalar: simple("lessConstant"),
  lessEqualScalar: simple("lessEqualConstant"),
  greaterScalar: simple("greaterConstant"),
  greaterEqualScalar: simple("greaterEqualConstant"),
  mulBackward: productGradient,
  divBackward: towards("divideGradient", "divisorGradient"),
  powBackward: towards("powerGradient", "exponentGradient"),
  preluBackward: towards("preluGradient", "preluSlopeGradient"),
  maximumBackward: towards("maximumGradient", "otherMaximumGradient"),
  minimumBackward: towards("minimumGradient", "otherMinimumGradient"),
  reluBackward: simple("reluGradient"),
  leakyReluBackward: simple("leakyReluGradient"),
  absBackward: simple("absoluteGradient"),
  signBackward: nothing,
  negBackward: ofFirst("negate", () => ({})),
  squareBackward: simple("squareGradient"),
  sqrtBackward: simple("squareRootGradient"),
  rsqrtBackward: simple("reciprocalRootGradient"),
  reciprocalBackward: simple("reciprocalGradient"),
  expBackward: simple("exponentialGradient"),
  logBackward: simple("logarithmGradient"),
  sigmoidBackward: simple("sigmoidGradient"),
  tanhBackward: simple("tanhGradient"),
  softplusBackward: simple("softplusGradient"),
  erfBackward: simple("errorFunctionGradient"),
  expm1Backward: simple("exponentialMinusOneGradient"),
  log1pBackward: simple("logarithmOfOnePlusGradient"),
  geluBackward: simple("geluGradient"),
  geluTanhBackward: simple("geluTanhGradient"),
  eluBackward: eluGradient,
  seluBackward: seluGradient,
  softsignBackward: simple("softsignGradient"),
  sinBackward: simple("sineGradient"),
  cosBackward: simple("cosineGradient"),
  floorBackward: nothing,
  ceilBackward: nothing,
  roundBackward: nothing,
  scalarPowBackward: ofLogarithm("scaledExponentialGradient"),
  clampBackward: simple("clampGradient"),
  addScalarBackward: copies,
  mulScalarBackward: ofFirst("multiplyConstant", ({ a = 1 }) => ({ p: a })),
  divScalarBackward: ofFirst("multiplyConstant", ({ a = 1 }) => ({ p: 1 / a })),
  scalarSubBackward: ofFirst("negate", () => ({})),
  scalarDivBackward: simple("constantOverGradient"),
  powScalarBackward: power("wholePowerGradient", "constantPowerGradient"),
  equalScalarBackward: nothing,
  lessScalarBackward: nothing,
  lessEqualScalarBackward: nothing,
  greaterScalarBackward: nothing,
  greaterEqualScalarBackward: nothing,
  smoothL1Loss: smoothL1("smoothL1", 0.5),
  smoothL1LossBackward: smoothL1("smoothL1Gradient", 1),
  sigmoidFocalLoss: focal("focal"),
  sigmoidFocalLossBackward: focal("focalGradient"),
  number,
  cast,
  permute,
  broadcastTo,
  slice,
  sliceBackward: sliceGradient,
  concat,
  assign,
  lerpUpdate: lerp,
  accumulate,
  clipByNorm,
};

/** Operations of the library as ONNX's operators. */
import { type ConvNode, foldParts, type OpNode, type Value } from "@retinaface-webgpu/tensor/graph";
import { Unsupported } from "../errors.js";
import { firstAxes } from "../import/value.js";
import type { AttributeValue } from "./builder.js";
import type { ConstantsOf, GraphWriter } from "./writer.js";

type Write = (w: GraphWriter, node: OpNode) => void;
type Attributes = Readonly<Record<string, AttributeValue>>;

/** Numbers of an operation's attributes. */
interface Numbers {
  readonly a?: number;
  readonly b?: number;
  readonly eps?: number;
  readonly slope?: number;
}

/** A convolution with its batch norm in it, and a leaky ReLU behind it. */
export function writeConvolution(w: GraphWriter, node: ConvNode, numbers: ConstantsOf): void {
  const { attrs, parts, activation, inputs, output } = node;
  const { builder } = w;
  const [{ weight }] = parts;
  const folded = foldParts(parts, numbers);
  const name = w.nameOf(weight);
  const hasBias = folded.bias.some((value) => value !== 0);
  const bias = name.replace(/weight$/, "bias");
  const [top, bottom, left, right] = attrs.padding;
  const conv = builder.node(
    "Conv",
    [
      w.planar(inputs[0]),
      builder.floats(weight.shape, folded.weight, name),
      ...(hasBias ? [builder.floats([folded.bias.length], folded.bias, bias)] : []),
    ],
    {
      kernel_shape: weight.shape.slice(2),
      strides: attrs.stride,
      pads: [top, left, bottom, right],
      dilations: attrs.dilation,
      group: attrs.groups,
    },
  );
  w.set(output, activation.kind === "none" ? conv : leaky(w, conv, activation.slope), true);
}

function leaky(w: GraphWriter, name: string, slope: number): string {
  if (slope === 0) return w.builder.node("Relu", [name]);
  return w.builder.node("LeakyRelu", [name], { alpha: { f: slope } });
}

/** Element by element: the order stays. */
function elementwise(write: (w: GraphWriter, x: string, attrs: Numbers) => string): Write {
  return (w, { inputs: [x], outputs: [y], attrs }) => {
    const planar = w.isPlanar(x);
    w.set(y, write(w, planar ? w.planar(x) : w.own(x), (attrs ?? {}) as Numbers), planar);
  };
}

const simple = (op: string): Write => elementwise((w, x) => w.builder.node(op, [x]));

/** With a number on the right, or on the left. */
const withNumber = (op: string, left = false): Write =>
  elementwise((w, x, { a = 0 }) => {
    const number = w.builder.scalar(a);
    return w.builder.node(op, left ? [number, x] : [x, number]);
  });

/** Operands in one order: images where one of them is. */
const binary =
  (op: string): Write =>
  (w, { inputs, outputs: [y] }) => {
    const images = inputs.some((value) => w.isPlanar(value)) && y.info.shape.length === 4;
    const fits = inputs.every((value) => value.constant || value.info.shape.length === 4);
    const planar = images && fits;
    const names = inputs.map((value) => (planar ? w.planar(value) : w.own(value)));
    w.set(y, w.builder.node(op, names), planar);
  };

/** Axes as they are in ONNX's order where a value lies so. */
function axesIn(w: GraphWriter, value: Value, axes: readonly number[]): number[] {
  if (!w.isPlanar(value)) return [...axes];
  const places = firstAxes(value.info.shape.length);
  return axes.map((axis) => places.indexOf(axis));
}

const nameIn = (w: GraphWriter, value: Value): string =>
  w.isPlanar(value) ? w.planar(value) : w.own(value);

const reduction =
  (op: string): Write =>
  (w, { inputs: [x], outputs: [y], attrs }) => {
    const { axes, keepDims } = attrs as { axes: readonly number[]; keepDims: boolean };
    const keepdims = Number(keepDims);
    const planar = keepDims && w.isPlanar(x);
    const named = planar ? axesIn(w, x, axes) : [...axes];
    const name = planar ? w.planar(x) : w.own(x);
    if (axes.length === 0) w.set(y, name, planar);
    else if (op === "ReduceSum") {
      w.set(y, w.builder.node(op, [name, w.builder.integers(named)], { keepdims }), planar);
    } else w.set(y, w.builder.node(op, [name], { axes: named, keepdims }), planar);
  };

const concat: Write = (w, { inputs, outputs: [y], attrs }) => {
  const { axis } = attrs as { axis: number };
  const planar = inputs.every((value) => w.isPlanar(value));
  const names = inputs.map((value) => (planar ? w.planar(value) : w.own(value)));
  const [at] = planar ? axesIn(w, inputs[0], [axis]) : [axis];
  w.set(y, w.builder.node("Concat", names, { axis: at }), planar);
};

const reshape: Write = (w, { inputs: [x], outputs: [y] }) => {
  const shape = w.builder.integers(y.info.shape);
  w.set(y, w.builder.node("Reshape", [w.own(x), shape]));
};

const permute: Write = (w, { inputs: [x], outputs: [y], attrs }) => {
  const { axes } = attrs as { axes: readonly number[] };
  w.set(y, w.builder.node("Transpose", [w.own(x)], { perm: axes }));
};

const broadcastTo: Write = (w, { inputs: [x], outputs: [y] }) => {
  w.set(y, w.builder.node("Expand", [w.own(x), w.builder.integers(y.info.shape)]));
};

interface SliceAttrs {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: readonly number[];
}

/** Only the axes that are cut are named. A range that runs down to the first element ends before any. */
const slice: Write = (w, { inputs: [x], outputs: [y], attrs }) => {
  const { starts, steps, shape } = attrs as SliceAttrs;
  const cut = [...shape.keys()].filter(
    (axis) => steps[axis] !== 1 || shape[axis] !== x.info.shape[axis],
  );
  const planar = w.isPlanar(x);
  const ends = cut.map((axis) => {
    const end = starts[axis] + shape[axis] * steps[axis];
    return end < 0 ? -x.info.shape[axis] - 1 : end;
  });
  const lists = [
    cut.map((axis) => starts[axis]),
    ends,
    axesIn(w, x, cut),
    cut.map((axis) => steps[axis]),
  ];
  const operands = lists.map((list) => w.builder.integers(list));
  w.set(
    y,
    cut.length > 0 ? w.builder.node("Slice", [nameIn(w, x), ...operands]) : nameIn(w, x),
    planar,
  );
};

const softmax =
  (op: string): Write =>
  (w, { inputs: [x], outputs: [y] }) => {
    const axis = w.isPlanar(x) ? 1 : x.info.shape.length - 1;
    w.set(y, w.builder.node(op, [nameIn(w, x)], { axis }), w.isPlanar(x));
  };

interface ResizeAttrs {
  readonly mode: string;
  readonly size: readonly [number, number];
  readonly scale: readonly (number | undefined)[];
  readonly coordinates: string;
  readonly rounding: string;
}

const COORDINATES: Readonly<Record<string, string>> = {
  halfPixel: "half_pixel",
  alignCorners: "align_corners",
  asymmetric: "asymmetric",
};
const ROUNDING: Readonly<Record<string, string>> = {
  roundPreferFloor: "round_prefer_floor",
  roundPreferCeil: "round_prefer_ceil",
  floor: "floor",
  ceil: "ceil",
};

const resize: Write = (w, { inputs: [x], outputs: [y], attrs }) => {
  const { mode, size, scale, coordinates, rounding } = attrs as ResizeAttrs;
  if (scale.some((ratio) => ratio !== undefined)) throw new Unsupported("resize by a scale");
  const [n, , , channels] = x.info.shape;
  const attributes: Attributes = {
    mode: mode === "nearest" ? "nearest" : "linear",
    coordinate_transformation_mode: COORDINATES[coordinates],
    ...(mode === "nearest" && { nearest_mode: ROUNDING[rounding] }),
  };
  const sizes = w.builder.integers([n, channels, ...size]);
  w.set(y, w.builder.node("Resize", [w.planar(x), "", "", sizes], attributes), true);
};

interface PoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly ceil: boolean;
  readonly countPadding?: boolean;
}

const pool =
  (op: string): Write =>
  (w, { inputs: [x], outputs: [y, positions], attrs }) => {
    const { kernel, stride, dilation, before, after, ceil, countPadding } = attrs as PoolAttrs;
    if (x.info.shape.length !== 4 || (positions && positions.users.length > 0)) {
      throw new Unsupported(`${op} of ${x.info.shape.length - 2} axes, or with positions`);
    }
    const average = op === "AveragePool";
    if (average && dilation.some((n) => n !== 1)) throw new Unsupported("avgPool with dilation");
    const attributes = {
      kernel_shape: kernel.slice(1),
      strides: stride.slice(1),
      pads: [...before.slice(1), ...after.slice(1)],
      ceil_mode: Number(ceil),
      ...(average ? { count_include_pad: Number(countPadding ?? false) } : {}),
      ...(average ? {} : { dilations: dilation.slice(1) }),
    };
    w.set(y, w.builder.node(op, [w.planar(x)], attributes), true);
  };

/** Batch norm that follows no convolution. */
const batchNorm: Write = (w, { inputs, outputs: [y], attrs }) => {
  const [x, mean, variance, gamma, beta] = inputs;
  const { eps = 1e-5, slope } = attrs as Numbers;
  const image = x.info.shape.length === 4;
  if (!image && x.info.shape.length !== 2) throw new Unsupported("batchNorm of other than images");
  const statistics = [gamma, beta, mean, variance].map((value) => w.own(value));
  const operands = [image ? w.planar(x) : w.own(x), ...statistics];
  const name = w.builder.node("BatchNormalization", operands, { epsilon: { f: eps } });
  w.set(y, slope === undefined ? name : leaky(w, name, slope), image);
};

const matmul: Write = (w, { inputs: [a, b], outputs: [y], attrs }) => {
  const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
  const operand = (value: Value, transposed: boolean) => {
    if (!transposed) return w.own(value);
    const rank = value.info.shape.length;
    const perm = Array.from({ length: rank }, (_, i) => i);
    [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
    return w.builder.node("Transpose", [w.own(value)], { perm });
  };
  w.set(y, w.builder.node("MatMul", [operand(a, transposeA), operand(b, transposeB)]));
};

const clamp = elementwise((w, x, { a = 0, b = 0 }) =>
  w.builder.node("Clip", [
    x,
    Number.isFinite(a) ? w.builder.scalar(a) : "",
    ...(Number.isFinite(b) ? [w.builder.scalar(b)] : []),
  ]),
);

/** By the operations' names. */
export const WRITERS: Readonly<Record<string, Write>> = {
  abs: simple("Abs"),
  add: binary("Add"),
  addScalar: withNumber("Add"),
  avgPool: pool("AveragePool"),
  batchNorm,
  broadcastTo,
  ceil: simple("Ceil"),
  clamp,
  concat,
  cos: simple("Cos"),
  div: binary("Div"),
  elu: elementwise((w, x, { a = 1 }) => w.builder.node("Elu", [x], { alpha: { f: a } })),
  erf: simple("Erf"),
  exp: simple("Exp"),
  floor: simple("Floor"),
  leakyRelu: elementwise((w, x, { a = 0 }) => leaky(w, x, a)),
  log: simple("Log"),
  logSoftmax: softmax("LogSoftmax"),
  matmul,
  max: reduction("ReduceMax"),
  maxPool: pool("MaxPool"),
  maximum: binary("Max"),
  mean: reduction("ReduceMean"),
  min: reduction("ReduceMin"),
  minimum: binary("Min"),
  mul: binary("Mul"),
  mulScalar: withNumber("Mul"),
  neg: simple("Neg"),
  permute,
  powScalar: withNumber("Pow"),
  prelu: binary("PRelu"),
  reciprocal: simple("Reciprocal"),
  relu: simple("Relu"),
  reshape,
  resize,
  round: simple("Round"),
  rsqrt: elementwise((w, x) => w.builder.node("Reciprocal", [w.builder.node("Sqrt", [x])])),
  scalarDiv: withNumber("Div", true),
  scalarSub: withNumber("Sub", true),
  sigmoid: simple("Sigmoid"),
  sign: simple("Sign"),
  sin: simple("Sin"),
  slice,
  softmax: softmax("Softmax"),
  softplus: simple("Softplus"),
  softsign: simple("Softsign"),
  sqrt: simple("Sqrt"),
  square: elementwise((w, x) => w.builder.node("Mul", [x, x])),
  sub: binary("Sub"),
  sum: reduction("ReduceSum"),
  sumSquares: reduction("ReduceSumSquare"),
  tanh: simple("Tanh"),
};

/** Convolutions, pools and norms: on channels-last images, whose order their results keep. */
import {
  add,
  avgPool,
  batchNorm,
  batchNormTraining,
  broadcastTo,
  conv2d,
  convTranspose2d,
  deformConv2d,
  groupNorm,
  layerNorm,
  maxPoolWithPositions,
  mul,
  pad,
  reshape,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import type { NodeContext } from "./context.js";
import { axisOf, type Mappings } from "./mapping.js";
import { resize } from "./resize.js";
import { DeviceValue, type Value } from "./value.js";

const image = (x: Tensor): DeviceValue => new DeviceValue(x, true);

/** The attribute with a number for each spatial axis, or ones. */
function perAxis(c: NodeContext, name: string, rank: number, otherwise = 1): number[] {
  const values = c.ints(name) ?? new Array<number>(rank).fill(otherwise);
  if (values.length !== rank) c.invalid(`has ${name} [${values}] for ${rank} spatial axes`);
  return values;
}

/** Padding of each spatial axis, from `pads` or `auto_pad`. */
function padding(
  c: NodeContext,
  extents: readonly number[],
  kernel: readonly number[],
): [number, number][] {
  const rank = kernel.length;
  const auto = c.attribute("auto_pad", "NOTSET");
  if (auto === "NOTSET") {
    const pads = c.ints("pads") ?? new Array<number>(2 * rank).fill(0);
    if (pads.length !== 2 * rank) c.invalid(`has pads [${pads}] for ${rank} spatial axes`);
    return kernel.map((_, axis) => [pads[axis], pads[axis + rank]]);
  }
  if (auto === "VALID") return kernel.map(() => [0, 0]);
  const [strides, dilations] = [perAxis(c, "strides", rank), perAxis(c, "dilations", rank)];
  return kernel.map((size, axis) => {
    const extent = extents[axis];
    const reach = dilations[axis] * (size - 1) + 1;
    const windows = Math.ceil(extent / strides[axis]);
    const total = Math.max(0, (windows - 1) * strides[axis] + reach - extent);
    const less = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
}

/** Two values from one or two: 1-D is 2-D with a unit first axis. */
function two(values: readonly number[], otherwise: number): [number, number] {
  const [a, b] = values;
  return b === undefined ? [otherwise, a] : [a, b];
}

/** A convolution's operands as those over two axes. */
interface Planes {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly extents: readonly number[];
  readonly kernel: readonly number[];
  /** The result as it is over as many axes as the input had. */
  lower(y: Tensor): DeviceValue;
}

function planesOf(c: NodeContext): Planes {
  const x = c.image(0);
  const weight = c.tensor(1);
  const rank = x.rank - 2;
  if (weight.rank !== x.rank) c.invalid(`has a weight [${weight.shape}] for [${x.shape}]`);
  if (rank > 2) throw new Unsupported(`${c.node.op} over ${rank} axes`);
  const [extents, kernel] = [x.shape.slice(1, -1), weight.shape.slice(2)];
  if (rank === 2) return { x, weight, extents, kernel, lower: image };
  const [n, w, channels] = x.shape;
  const [outputs, inputs, width] = weight.shape;
  return {
    x: reshape(x, [n, 1, w, channels]),
    weight: reshape(weight, [outputs, inputs, 1, width]),
    extents,
    kernel,
    lower: (y) => image(reshape(y, [y.shape[0], y.shape[2], y.shape[3]])),
  };
}

function fourSides(pads: readonly [number, number][]): [number, number, number, number] {
  const [top, left] = pads.length === 1 ? [[0, 0], pads[0]] : pads;
  return [top[0], top[1], left[0], left[1]];
}

function conv(c: NodeContext): Value[] {
  const { x, weight, extents, kernel, lower } = planesOf(c);
  const rank = kernel.length;
  const y = conv2d(x, weight, c.has(2) ? c.tensor(2) : undefined, {
    stride: two(perAxis(c, "strides", rank), 1),
    dilation: two(perAxis(c, "dilations", rank), 1),
    padding: fourSides(padding(c, extents, kernel)),
    groups: c.attribute("group", 1),
  });
  return [lower(y)];
}

/** Inputs X, W, offset, B, mask; offsets and masks have their numbers as channels, in this library's order. */
function deformConv(c: NodeContext): Value[] {
  const { x, weight, extents, kernel, lower } = planesOf(c);
  if (kernel.length !== 2) throw new Unsupported("DeformConv over one axis");
  const mask = c.has(4) ? c.image(4) : undefined;
  const y = deformConv2d(x, c.image(2), weight, c.has(3) ? c.tensor(3) : undefined, mask, {
    stride: two(perAxis(c, "strides", 2), 1),
    dilation: two(perAxis(c, "dilations", 2), 1),
    padding: fourSides(padding(c, extents, kernel)),
    groups: c.attribute("group", 1),
  });
  return [lower(y)];
}

/** Padding of each axis, and zeros behind the result where it is asked to be longer than it can be. */
function transposedPadding(
  c: NodeContext,
  extents: readonly number[],
  kernel: readonly number[],
): { pads: [number, number][]; behind: number[] } {
  const rank = kernel.length;
  const auto = c.attribute("auto_pad", "NOTSET");
  const [strides, dilations] = [perAxis(c, "strides", rank), perAxis(c, "dilations", rank)];
  const extra = perAxis(c, "output_padding", rank, 0);
  const given = c.ints("output_shape")?.slice(-rank);
  const same = auto.startsWith("SAME") ? strides.map((s, i) => s * extents[i]) : undefined;
  const wanted = given ?? same;
  if (!wanted) return { pads: padding(c, extents, kernel), behind: kernel.map(() => 0) };
  const totals = kernel.map((size, i) => {
    const reach = (extents[i] - 1) * strides[i] + dilations[i] * (size - 1) + 1;
    return reach + extra[i] - wanted[i];
  });
  const pads = totals.map((total): [number, number] => {
    const less = Math.floor(Math.max(0, total) / 2);
    const more = Math.max(0, total) - less;
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  });
  return { pads, behind: totals.map((total) => Math.max(0, -total)) };
}

function convTranspose(c: NodeContext): Value[] {
  const { x, weight, extents, kernel, lower } = planesOf(c);
  const rank = kernel.length;
  const { pads, behind } = transposedPadding(c, extents, kernel);
  const y = convTranspose2d(x, weight, undefined, {
    stride: two(perAxis(c, "strides", rank), 1),
    dilation: two(perAxis(c, "dilations", rank), 1),
    padding: fourSides(pads),
    outputPadding: two(perAxis(c, "output_padding", rank, 0), 0),
    groups: c.attribute("group", 1),
  });
  const ends = two(behind, 0).map((n): [number, number] => [0, n]);
  const longer = behind.some((n) => n > 0) ? pad(y, ends, { axes: [1, 2] }) : y;
  return [lower(c.has(2) ? add(longer, c.tensor(2)) : longer)];
}

function poolOptions(c: NodeContext, x: Tensor) {
  const kernelSize = c.ints("kernel_shape") ?? [];
  const rank = x.rank - 2;
  if (kernelSize.length !== rank) c.invalid(`has windows [${kernelSize}] for [${x.shape}]`);
  return {
    kernelSize,
    stride: perAxis(c, "strides", rank),
    dilation: perAxis(c, "dilations", rank),
    padding: padding(c, x.shape.slice(1, -1), kernelSize),
    ceilMode: c.attribute("ceil_mode", 0) === 1,
  };
}

function averagePool(c: NodeContext): Value[] {
  const x = c.image(0);
  const countIncludePad = c.attribute("count_include_pad", 0) === 1;
  return [image(avgPool(x, { ...poolOptions(c, x), countIncludePad }))];
}

function maxPool(c: NodeContext): Value[] {
  if (c.node.outputs.length > 1) throw new Unsupported("MaxPool with indices into NCHW");
  const x = c.image(0);
  return [image(maxPoolWithPositions(x, poolOptions(c, x)).y)];
}

function batchNormalization(c: NodeContext): Value[] {
  const value = c.flow(0);
  const flat = value.shape.length === 2;
  const x = flat ? value.tensor : c.image(0);
  const back = flat ? (y: Tensor) => new DeviceValue(y) : image;
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => c.tensor(i));
  const eps = c.attribute("epsilon", 1e-5);
  if (c.attribute("training_mode", 0) === 0) {
    return [back(batchNorm(x, { mean, variance, gamma, beta }, eps))];
  }
  if (c.node.outputs.length > 1) {
    throw new Unsupported("BatchNormalization with ONNX's running statistics (biased variance)");
  }
  return [back(batchNormTraining(x, gamma, beta, eps).y)];
}

/** Each image and channel by its own mean and variance: as many groups as channels. */
function instanceNormalization(c: NodeContext): Value[] {
  const x = c.image(0);
  const [weight, bias] = [c.tensor(1), c.tensor(2)];
  const groups = x.shape[x.rank - 1];
  return [image(groupNorm(x, groups, { weight, bias }, c.attribute("epsilon", 1e-5)))];
}

/** Since opset 21 with a scale and a shift for each channel; before, for each group. */
function groupNormalization(c: NodeContext): Value[] {
  const x = c.image(0);
  const groups = c.attribute("num_groups", 1);
  const [weight, bias] = [1, 2].map((i) => {
    const t = c.tensor(i);
    const each = x.shape[x.rank - 1] / t.size;
    return reshape(broadcastTo(reshape(t, [t.size, 1]), [t.size, each]), [-1]);
  });
  return [image(groupNorm(x, groups, { weight, bias }, c.attribute("epsilon", 1e-5)))];
}

function layerNormalization(c: NodeContext): Tensor[] {
  if (c.node.outputs.length > 1) {
    throw new Unsupported("LayerNormalization with its statistics");
  }
  const x = c.tensor(0);
  const axes = x.rank - axisOf(c, x.rank, -1);
  const scaled = mul(layerNorm(x, {}, c.attribute("epsilon", 1e-5), axes), c.tensor(1));
  return [c.has(2) ? add(scaled, c.tensor(2)) : scaled];
}

export const spatial: Mappings = {
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Conv: conv,
  ConvTranspose: convTranspose,
  DeformConv: deformConv,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  MaxPool: maxPool,
  Resize: resize,
  Upsample: resize,
};

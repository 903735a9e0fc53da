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
  maxPoolWithPositions,
  pad,
  permute,
  reshape,
  resizeBilinear,
  resizeNearest,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import { channelsFirstAxes, channelsLastAxes, type NodeContext, Unsupported } from "./context.js";

const toLast = (x: Tensor): Tensor => permute(x, channelsLastAxes(x.rank));
const toFirst = (x: Tensor): Tensor => permute(x, channelsFirstAxes(x.rank));

/** Padding of each spatial axis, from `pads` or `auto_pad`. */
function padding(context: NodeContext, x: Tensor, kernel: readonly number[]): [number, number][] {
  const rank = kernel.length;
  const auto = context.attribute("auto_pad", "NOTSET");
  if (auto === "NOTSET") {
    const pads = context.ints("pads") ?? new Array<number>(2 * rank).fill(0);
    return kernel.map((_, axis) => [pads[axis], pads[axis + rank]]);
  }
  if (auto === "VALID") return kernel.map(() => [0, 0]);
  const strides = context.ints("strides") ?? kernel.map(() => 1);
  const dilations = context.ints("dilations") ?? kernel.map(() => 1);
  return kernel.map((size, axis) => {
    const extent = x.shape[axis + 2];
    const reach = dilations[axis] * (size - 1) + 1;
    const windows = Math.ceil(extent / strides[axis]);
    const total = Math.max(0, (windows - 1) * strides[axis] + reach - extent);
    const less = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
}

/** Two values from one or two: 1-D is 2-D with a unit first axis. */
function two(values: readonly number[] | undefined, otherwise: number): [number, number] {
  const [a, b] = values ?? [];
  return b === undefined ? [otherwise, a ?? otherwise] : [a, b];
}

export function conv(context: NodeContext): Tensor[] {
  const x = context.tensor(0);
  const weight = context.tensor(1);
  const rank = x.rank - 2;
  if (rank > 2) throw new Unsupported(`operator ${context.node.op} over ${rank} axes`);
  const pads = padding(context, x, weight.shape.slice(2));
  const [top, left] = rank === 1 ? [[0, 0], pads[0]] : pads;
  const lift = (t: Tensor): Tensor =>
    rank === 1 ? reshape(t, [t.shape[0], t.shape[1], 1, t.shape[2]]) : t;
  const y = conv2d(toLast(lift(x)), lift(weight), context.has(2) ? context.tensor(2) : undefined, {
    stride: two(context.ints("strides"), 1),
    dilation: two(context.ints("dilations"), 1),
    padding: [top[0], top[1], left[0], left[1]],
    groups: context.attribute("group", 1),
  });
  const planar = toFirst(y);
  const [n, c, , w] = planar.shape;
  return [rank === 1 ? reshape(planar, [n, c, w]) : planar];
}

/** Inputs X, W, offset, B, mask; offsets and masks have their numbers as channels, in this library's order. */
export function deformConv(context: NodeContext): Tensor[] {
  const [x, weight, offset] = [0, 1, 2].map((i) => context.tensor(i));
  if (x.rank !== 4) throw new Unsupported(`operator DeformConv over ${x.rank - 2} axes`);
  const [bias, mask] = [3, 4].map((i) => (context.has(i) ? context.tensor(i) : undefined));
  const [top, left] = padding(context, x, weight.shape.slice(2));
  const y = deformConv2d(toLast(x), toLast(offset), weight, bias, mask && toLast(mask), {
    stride: two(context.ints("strides"), 1),
    dilation: two(context.ints("dilations"), 1),
    padding: [top[0], top[1], left[0], left[1]],
    groups: context.attribute("group", 1),
  });
  return [toFirst(y)];
}

/** Padding of each axis, and zeros behind the result where it is asked to be longer than it can be. */
function transposedPadding(context: NodeContext, x: Tensor, kernel: readonly number[]) {
  const auto = context.attribute("auto_pad", "NOTSET");
  const strides = context.ints("strides") ?? kernel.map(() => 1);
  const dilations = context.ints("dilations") ?? kernel.map(() => 1);
  const extra = context.ints("output_padding") ?? kernel.map(() => 0);
  const given = context.ints("output_shape")?.slice(-kernel.length);
  const same = auto.startsWith("SAME") ? strides.map((s, i) => s * x.shape[i + 2]) : undefined;
  const wanted = given ?? same;
  if (!wanted) return { pads: padding(context, x, kernel), behind: kernel.map(() => 0) };
  const totals = kernel.map((size, i) => {
    const reach = (x.shape[i + 2] - 1) * strides[i] + dilations[i] * (size - 1) + 1;
    return reach + extra[i] - wanted[i];
  });
  const pads = totals.map((total): [number, number] => {
    const less = Math.floor(Math.max(0, total) / 2);
    const more = Math.max(0, total) - less;
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  });
  return { pads, behind: totals.map((total) => Math.max(0, -total)) };
}

export function convTranspose(context: NodeContext): Tensor[] {
  const x = context.tensor(0);
  const weight = context.tensor(1);
  const rank = x.rank - 2;
  if (rank > 2) throw new Unsupported(`operator ConvTranspose over ${rank} axes`);
  const { pads, behind } = transposedPadding(context, x, weight.shape.slice(2));
  const [top, left] = rank === 1 ? [[0, 0], pads[0]] : pads;
  const lift = (t: Tensor): Tensor =>
    rank === 1 ? reshape(t, [t.shape[0], t.shape[1], 1, t.shape[2]]) : t;
  const y = convTranspose2d(toLast(lift(x)), lift(weight), undefined, {
    stride: two(context.ints("strides"), 1),
    dilation: two(context.ints("dilations"), 1),
    padding: [top[0], top[1], left[0], left[1]],
    outputPadding: two(context.ints("output_padding"), 0),
    groups: context.attribute("group", 1),
  });
  const longer = pad(
    y,
    two(behind, 0).map((n) => [0, n]),
    { axes: [1, 2] },
  );
  const planar = toFirst(context.has(2) ? add(longer, context.tensor(2)) : longer);
  const [n, c, , w] = planar.shape;
  return [rank === 1 ? reshape(planar, [n, c, w]) : planar];
}

function poolOptions(context: NodeContext, x: Tensor) {
  const kernelSize = context.ints("kernel_shape") ?? [];
  return {
    kernelSize,
    stride: context.ints("strides") ?? kernelSize.map(() => 1),
    dilation: context.ints("dilations") ?? kernelSize.map(() => 1),
    padding: padding(context, x, kernelSize),
    ceilMode: context.attribute("ceil_mode", 0) === 1,
  };
}

export function averagePool(context: NodeContext): Tensor[] {
  const x = context.tensor(0);
  const countIncludePad = context.attribute("count_include_pad", 0) === 1;
  return [toFirst(avgPool(toLast(x), { ...poolOptions(context, x), countIncludePad }))];
}

export function maxPool(context: NodeContext): Tensor[] {
  if (context.node.outputs.length > 1)
    throw new Unsupported("operator MaxPool with indices into NCHW");
  const x = context.tensor(0);
  return [toFirst(maxPoolWithPositions(toLast(x), poolOptions(context, x)).y)];
}

export function batchNormalization(context: NodeContext): Tensor[] {
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => context.tensor(i));
  const eps = context.attribute("epsilon", 1e-5);
  if (context.attribute("training_mode", 0) === 0) {
    return [toFirst(batchNorm(toLast(x), { mean, variance, gamma, beta }, eps))];
  }
  if (context.node.outputs.length > 1) {
    throw new Unsupported(
      "operator BatchNormalization with ONNX's running statistics (biased variance)",
    );
  }
  return [toFirst(batchNormTraining(toLast(x), gamma, beta, eps).y)];
}

/** Each image and channel by its own mean and variance: as many groups as channels. */
export function instanceNormalization(context: NodeContext): Tensor[] {
  const x = context.tensor(0);
  const [weight, bias] = [context.tensor(1), context.tensor(2)];
  const eps = context.attribute("epsilon", 1e-5);
  return [toFirst(groupNorm(toLast(x), x.shape[1], { weight, bias }, eps))];
}

/** Since opset 21 with a scale and a shift for each channel; before, for each group. */
export function groupNormalization(context: NodeContext): Tensor[] {
  const x = context.tensor(0);
  const groups = context.attribute("num_groups", 1);
  const [weight, bias] = [1, 2].map((i) => {
    const t = context.tensor(i);
    const each = x.shape[1] / t.size;
    return reshape(broadcastTo(reshape(t, [t.size, 1]), [t.size, each]), [-1]);
  });
  const eps = context.attribute("epsilon", 1e-5);
  return [toFirst(groupNorm(toLast(x), groups, { weight, bias }, eps))];
}

const NEAREST = {
  round_prefer_floor: "roundPreferFloor",
  round_prefer_ceil: "roundPreferCeil",
  floor: "floor",
  ceil: "ceil",
} as const;

const COORDINATES = {
  half_pixel: "halfPixel",
  pytorch_half_pixel: "halfPixel",
  align_corners: "alignCorners",
  asymmetric: "asymmetric",
} as const;

export function resize(context: NodeContext): Tensor[] {
  const { op } = context.node;
  const x = context.tensor(0);
  if (x.rank !== 4) throw new Unsupported(`operator ${op} of ${x.rank} axes`);
  for (const name of ["antialias", "exclude_outside"]) {
    if (context.attribute(name, 0) === 1) throw new Unsupported(`operator ${op} with ${name}`);
  }
  if (context.attribute("keep_aspect_ratio_policy", "stretch") !== "stretch") {
    throw new Unsupported(`operator ${op} with an aspect-ratio policy`);
  }
  const mode = context.attribute("mode", "nearest");
  const upsample = op === "Upsample";
  const transform = context.attribute(
    "coordinate_transformation_mode",
    upsample ? "asymmetric" : "half_pixel",
  );
  const coordinates = COORDINATES[transform as keyof typeof COORDINATES];
  if (!coordinates) throw new Unsupported(`operator ${op} with ${transform} coordinates`);
  const extent = resizeExtent(context, x, upsample);
  if (transform === "pytorch_half_pixel" && extent.size?.includes(1)) {
    throw new Unsupported(`operator ${op} with pytorch_half_pixel to one pixel`);
  }
  if (
    coordinates === "alignCorners" &&
    extent.scale?.some((s, i) => (x.shape[i + 2] * s) % 1 !== 0)
  ) {
    throw new Unsupported(`operator ${op} with align_corners to a fractional size`);
  }
  const options = { ...extent, coordinates };
  if (mode === "linear") return [toFirst(resizeBilinear(toLast(x), options))];
  if (mode !== "nearest") throw new Unsupported(`operator ${op} by ${mode} interpolation`);
  const nearest = context.attribute("nearest_mode", upsample ? "floor" : "round_prefer_floor");
  const rounding = NEAREST[nearest as keyof typeof NEAREST];
  return [toFirst(resizeNearest(toLast(x), { ...options, rounding }))];
}

/** Height and width as sizes or scales; other axes must stay. */
function resizeExtent(
  context: NodeContext,
  x: Tensor,
  upsample: boolean,
): { scale?: [number, number]; size?: [number, number] } {
  const axes = context.ints("axes") ?? [0, 1, 2, 3];
  const spread = (values: number[], keep: readonly number[]): [number, number] => {
    const full = [...keep];
    for (const [i, axis] of axes.entries()) full[axis < 0 ? axis + 4 : axis] = values[i];
    if (full[0] !== keep[0] || full[1] !== keep[1]) {
      throw new Unsupported("operator Resize of batch or channels");
    }
    return [full[2], full[3]];
  };
  const scalesAt = upsample ? 1 : 2;
  if (context.has(scalesAt) && context.numbers(scalesAt).length > 0) {
    return { scale: spread(context.numbers(scalesAt), [1, 1, 1, 1]) };
  }
  return { size: spread(context.numbers(3), x.shape) };
}

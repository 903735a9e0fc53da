/** Operators that only move elements. */
import {
  add,
  broadcastTo,
  cast,
  concat,
  gather,
  gatherElements,
  less,
  pad,
  permute,
  reshape,
  type SliceRange,
  slice,
  split,
  type Tensor,
  tril,
  triu,
  where,
} from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import type { NodeContext } from "./context.js";
import { axisOf, type Mapping, type Mappings } from "./mapping.js";
import { DeviceValue, firstAxes, lastAxes, type Value } from "./value.js";

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The shape of which each of two broadcasts to the other. */
export function mutualShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [own, other] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return own === 1 ? other : own;
  });
}

function expand(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  return [broadcastTo(x, mutualShape(x.shape, c.numbers(1)))];
}

function triangle(c: NodeContext): Tensor[] {
  const diagonal = c.has(1) ? c.numbers(1)[0] : 0;
  return [(c.attribute("upper", 1) === 1 ? triu : tril)(c.tensor(0), diagonal)];
}

/** The shape that Flatten gives. */
export function flatShape(c: NodeContext, shape: readonly number[]): number[] {
  const axis = c.attribute("axis", 1);
  const from = axis < 0 ? axis + shape.length : axis;
  return [product(shape.slice(0, from)), product(shape.slice(from))];
}

/** The shape that Reshape gives: 0 keeps an extent, −1 is what is left. */
export function reshapedTo(c: NodeContext, shape: readonly number[]): number[] {
  const wanted = c.has(1) ? c.numbers(1) : (c.ints("shape") ?? []);
  const copy = c.attribute("allowzero", 0) === 0;
  const filled = wanted.map((n, axis) => (n === 0 && copy ? shape[axis] : n));
  const rest = product(filled.filter((n) => n !== -1));
  const full = filled.map((n) => (n === -1 && rest > 0 ? product(shape) / rest : n));
  const fits = full.every((n) => Number.isInteger(n) && n >= 0);
  if (!fits || product(full) !== product(shape)) {
    c.invalid(`cannot make [${wanted}] of [${shape}]`);
  }
  return full;
}

/** The shape that Squeeze gives. */
export function squeezed(c: NodeContext, shape: readonly number[]): number[] {
  const axes = c.has(1) ? c.numbers(1) : c.ints("axes");
  const drop = axes?.map((axis) => c.axisOf(axis, shape.length));
  return shape.filter((n, axis) => (drop ? !drop.includes(axis) : n !== 1));
}

/** The shape that Unsqueeze gives. */
export function unsqueezed(c: NodeContext, shape: readonly number[]): number[] {
  const axes = (c.has(1) ? c.numbers(1) : c.ints("axes")) ?? [];
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => c.axisOf(axis, rank)));
  if (added.size !== axes.length) c.invalid(`adds an axis twice ([${axes}])`);
  const rest = [...shape];
  return Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : rest.shift()!));
}

const shaped =
  (shapeOf: (c: NodeContext, shape: readonly number[]) => number[]): Mapping =>
  (c) => {
    const x = c.tensor(0);
    return [reshape(x, shapeOf(c, x.shape))];
  };

/** The part of each axis that Slice takes, in ONNX's order. */
export function sliceRanges(c: NodeContext, rank: number): SliceRange[] {
  const given = (index: number, name: string) => (c.has(index) ? c.numbers(index) : c.ints(name));
  const starts = given(1, "starts") ?? [];
  const ends = given(2, "ends") ?? [];
  const axes = given(3, "axes") ?? starts.map((_, i) => i);
  const steps = given(4, "steps") ?? starts.map(() => 1);
  const ranges: SliceRange[] = Array.from({ length: rank }, () => ({}));
  for (const [i, axis] of axes.entries()) {
    ranges[c.axisOf(axis, rank)] = { start: starts[i], end: ends[i], step: steps[i] };
  }
  return ranges;
}

function sliceOf(c: NodeContext): Value[] {
  const { tensor, channelsLast, shape } = c.flow(0);
  const ranges = sliceRanges(c, shape.length);
  const order = channelsLast ? lastAxes(shape.length).map((axis) => ranges[axis]) : ranges;
  return [new DeviceValue(slice(tensor, order), channelsLast)];
}

/** The lengths of the parts that Split makes. */
export function splitLengths(c: NodeContext, extent: number): number[] {
  const parts = c.node.outputs.length;
  const each = Math.ceil(extent / parts);
  const even = c.node.outputs.map((_, i) => Math.min(each, extent - i * each));
  return (c.has(1) ? c.numbers(1) : c.ints("split")) ?? even;
}

function splitOf(c: NodeContext): Value[] {
  const value = c.flow(0);
  const axis = axisOf(c, value.shape.length, 0);
  const lengths = splitLengths(c, value.shape[axis]);
  const parts = split(value.tensor, lengths, c.placeOf(value, axis));
  return parts.map((part) => new DeviceValue(part, value.channelsLast));
}

function padOf(c: NodeContext): Value[] {
  const value = c.flow(0);
  const pads = (c.has(1) ? c.numbers(1) : c.ints("pads")) ?? [];
  const mode = c.attribute("mode", "constant");
  if (mode !== "constant" && mode !== "reflect" && mode !== "edge") {
    throw new Unsupported(`Pad in mode ${mode}`);
  }
  const filler = c.has(2) ? c.numbers(2)[0] : c.attribute("value", 0);
  const named = c.has(3) ? c.numbers(3) : value.shape.map((_, axis) => axis);
  if (pads.length !== named.length * 2) c.invalid(`has ${pads.length} pads for axes [${named}]`);
  const pairs = named.map((_, i): [number, number] => [pads[i], pads[i + named.length]]);
  const axes = named.map((axis) => c.placeOf(value, axis));
  const padded = pad(value.tensor, pairs, { mode, value: filler, axes });
  return [new DeviceValue(padded, value.channelsLast)];
}

function tile(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const repeats = c.numbers(1);
  if (repeats.length !== x.rank) c.invalid(`repeats [${x.shape}] by [${repeats}]`);
  const spread = x.shape.flatMap((n) => [1, n]);
  const wide = x.shape.flatMap((n, axis) => [repeats[axis], n]);
  return [
    reshape(
      broadcastTo(reshape(x, spread), wide),
      x.shape.map((n, i) => n * repeats[i]),
    ),
  ];
}

/** Positions on the device: known ones, or computed ones of which the negative count from the end. */
function positions(c: NodeContext, index: number, extent: number): Tensor {
  if (c.knownOf(index)) return c.indices(index, (i) => (i < 0 ? i + extent : i));
  const given = cast(c.tensor(index), "i32");
  return where(less(given, 0), add(given, extent), given);
}

function gatherOf(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const axis = axisOf(c, x.rank, 0);
  return [gather(x, positions(c, 1, x.shape[axis]), axis)];
}

function gatherElementsOf(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const axis = axisOf(c, x.rank, 0);
  return [gatherElements(x, positions(c, 1, x.shape[axis]), axis)];
}

/** Images channels last are joined as they lie. */
function concatOf(c: NodeContext): Value[] {
  const values = c.node.inputs.map((_, i) => c.flow(i));
  const rank = values[0].shape.length;
  if (values.some(({ shape }) => shape.length !== rank)) c.invalid("joins values of other ranks");
  const axis = axisOf(c, rank, 1);
  const channelsLast = values.some((value) => value.channelsLast);
  const parts = values.map((value) => (channelsLast ? value.image() : value.tensor));
  const place = channelsLast ? firstAxes(rank)[axis] : axis;
  return [new DeviceValue(concat(parts, place), channelsLast)];
}

/** The order of axes that Transpose gives: reversed by default. */
export function permutation(c: NodeContext, rank: number): number[] {
  const axes = c.ints("perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (axes.length !== rank || new Set(axes.map((axis) => c.axisOf(axis, rank))).size !== rank) {
    c.invalid(`has the order [${axes}] for ${rank} axes`);
  }
  return axes;
}

/** Moves nothing where it asks for the order in which an image lies, or for the one in which it can stay. */
function transposeOf(c: NodeContext): Value[] {
  const value = c.flow(0);
  const rank = value.shape.length;
  const axes = permutation(c, rank);
  const isAs = (other: readonly number[]) => axes.every((axis, i) => axis === other[i]);
  if (rank > 2 && !value.channelsLast && isAs(firstAxes(rank))) {
    return [new DeviceValue(value.tensor, true)];
  }
  if (value.channelsLast && isAs(lastAxes(rank))) return [new DeviceValue(value.tensor)];
  const places = value.channelsLast ? firstAxes(rank) : undefined;
  const order = places ? axes.map((axis) => places[axis]) : axes;
  return [new DeviceValue(permute(value.tensor, order))];
}

function depthToSpace(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const size = c.attribute("blocksize", 1);
  const [n, channels, h, w] = x.shape;
  const depth = channels / size ** 2;
  const [parts, order] =
    c.attribute("mode", "DCR") === "CRD"
      ? [
          [n, depth, size, size, h, w],
          [0, 1, 4, 2, 5, 3],
        ]
      : [
          [n, size, size, depth, h, w],
          [0, 3, 4, 1, 5, 2],
        ];
  return [reshape(permute(reshape(x, parts), order), [n, depth, h * size, w * size])];
}

function spaceToDepth(c: NodeContext): Tensor[] {
  const x = c.tensor(0);
  const size = c.attribute("blocksize", 1);
  const [n, channels, h, w] = x.shape;
  const parts = reshape(x, [n, channels, h / size, size, w / size, size]);
  const order = permute(parts, [0, 3, 5, 1, 2, 4]);
  return [reshape(order, [n, channels * size ** 2, h / size, w / size])];
}

export const movement: Mappings = {
  Concat: concatOf,
  DepthToSpace: depthToSpace,
  Expand: expand,
  Flatten: shaped(flatShape),
  Gather: gatherOf,
  GatherElements: gatherElementsOf,
  Pad: padOf,
  Reshape: shaped(reshapedTo),
  Slice: sliceOf,
  SpaceToDepth: spaceToDepth,
  Split: splitOf,
  Squeeze: shaped(squeezed),
  Tile: tile,
  Transpose: transposeOf,
  Trilu: triangle,
  Unsqueeze: shaped(unsqueezed),
};

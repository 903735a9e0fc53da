/** Constants whose elements are moved, made or counted. */
import type { NodeContext } from "../import/context.js";
import {
  flatShape,
  mutualShape,
  permutation,
  reshapedTo,
  sliceRanges,
  splitLengths,
  squeezed,
  unsqueezed,
} from "../import/movement.js";
import { reducedAxes } from "../import/reductions.js";
import { hostValue } from "../model/elements.js";
import type { Fold } from "./kind.js";
import { broadcastStrides, reshaped, room, strided, stridesOf, walk } from "./strided.js";

const shaped =
  (shapeOf: (c: NodeContext, shape: readonly number[]) => number[]): Fold =>
  (c, [x]) => [reshaped(x, shapeOf(c, x.shape))];

const transpose: Fold = (c, [x]) => {
  const strides = stridesOf(x.shape);
  const axes = permutation(c, x.shape.length);
  return [
    strided(
      x,
      axes.map((axis) => x.shape[axis]),
      axes.map((axis) => strides[axis]),
    ),
  ];
};

const concat: Fold = (c, values) => {
  const [{ shape, type }] = values;
  const axis = c.axisOf(c.attribute("axis", 0), shape.length);
  const fits = values.every(
    (v) =>
      v.type === type &&
      v.shape.length === shape.length &&
      v.shape.every((n, k) => k === axis || n === shape[k]),
  );
  if (!fits) c.invalid(`cannot join ${values.map((v) => `[${v.shape}]`).join(" and ")}`);
  const total = values.reduce((sum, v) => sum + v.shape[axis], 0);
  const y = room(
    shape.map((n, k) => (k === axis ? total : n)),
    type,
  );
  const rows = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const { data } of values) {
      const width = data.length / rows;
      y.data.set(data.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  return [y];
};

/** Part of an axis, by Python's rules. */
function part(
  extent: number,
  {
    start = 0,
    end = Number.POSITIVE_INFINITY,
    step = 1,
  }: { start?: number; end?: number; step?: number },
): { from: number; length: number } {
  const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
  const place = (n: number) => Math.min(Math.max(n < 0 ? n + extent : n, low), high);
  const [from, to] = [place(start), place(end)];
  return { from, length: Math.max(0, Math.ceil((to - from) / step)) };
}

const slice: Fold = (c, [x]) => {
  const ranges = sliceRanges(c, x.shape.length);
  const steps = ranges.map(({ step = 1 }) => step);
  if (steps.some((step) => !Number.isInteger(step) || step === 0)) c.invalid("has a step of 0");
  const parts = ranges.map((range, axis) => part(x.shape[axis], range));
  const strides = stridesOf(x.shape);
  return [
    strided(
      x,
      parts.map(({ length }) => length),
      strides.map((stride, axis) => stride * steps[axis]),
      parts.reduce((offset, { from }, axis) => offset + from * strides[axis], 0),
    ),
  ];
};

const split: Fold = (c, [x]) => {
  const axis = c.axisOf(c.attribute("axis", 0), x.shape.length);
  const lengths = splitLengths(c, x.shape[axis]);
  if (lengths.some((n) => !(n >= 0)) || lengths.reduce((a, b) => a + b, 0) !== x.shape[axis]) {
    c.invalid(`cannot cut [${x.shape}] into [${lengths}]`);
  }
  const strides = stridesOf(x.shape);
  let from = 0;
  return lengths.map((length) => {
    const shape = x.shape.map((n, k) => (k === axis ? length : n));
    from += length;
    return strided(x, shape, strides, (from - length) * strides[axis]);
  });
};

const gather: Fold = (c, [x, index]) => {
  const axis = c.axisOf(c.attribute("axis", 0), x.shape.length);
  const extent = x.shape[axis];
  const positions = [...index.data].map((i) => (i < 0 ? i + extent : i));
  if (positions.some((i) => !(i >= 0 && i < extent))) c.invalid("has an index out of range");
  const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const y = room([...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)], x.type);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const position of positions) {
      const from = (o * extent + position) * inner;
      y.data.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return [y];
};

const expand: Fold = (c, [x]) => {
  const shape = mutualShape(x.shape, c.numbers(1));
  return [strided(x, shape, broadcastStrides(x.shape, shape))];
};

const tile: Fold = (c, [x]) => {
  const repeats = c.numbers(1);
  if (repeats.length !== x.shape.length) c.invalid(`repeats [${x.shape}] by [${repeats}]`);
  const spread = x.shape.flatMap((n) => [1, n]);
  const wide = x.shape.flatMap((n, axis) => [repeats[axis], n]);
  const shape = x.shape.map((n, axis) => n * repeats[axis]);
  return [reshaped(strided(x, wide, broadcastStrides(spread, wide)), shape)];
};

const constantOfShape: Fold = (c, [shape]) => {
  const value = c.node.attributes.get("value");
  const given = typeof value === "object" && !Array.isArray(value) ? value : undefined;
  const y = room([...shape.data], given?.type ?? "float");
  y.data.fill(given?.data[0] ?? 0);
  return [y];
};

const range: Fold = (_c, [start, limit, delta]) => {
  const [from, to, step] = [start, limit, delta].map(({ data }) => data[0]);
  const count = Math.max(0, Math.ceil((to - from) / step));
  const y = room([Number.isNaN(count) ? 0 : count], start.type);
  for (let i = 0; i < y.data.length; i++) y.data[i] = from + i * step;
  return [y];
};

/** Positions of what is not 0, a row an axis. */
const nonZero: Fold = (_c, [x]) => {
  const found: number[][] = x.shape.map(() => []);
  const strides = stridesOf(x.shape);
  for (let i = 0; i < x.data.length; i++) {
    if (x.data[i] === 0) continue;
    for (const [axis, list] of found.entries()) {
      list.push(Math.floor(i / strides[axis]) % x.shape[axis]);
    }
  }
  return [hostValue([x.shape.length, found[0]?.length ?? 0], "int64", found.flat())];
};

const reduction =
  (from: number, f: (total: number, x: number) => number): Fold =>
  (c, [x]) => {
    const axes = reducedAxes(c, x.shape.length);
    const kept = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const y = room(kept, x.type);
    const totals = new Float64Array(y.data.length).fill(from);
    walk(x.shape, [broadcastStrides(kept, x.shape)], [0], (element, [place]) => {
      totals[place] = f(totals[place], x.data[element]);
    });
    y.data.set(totals);
    const keeps = c.attribute("keepdims", 1) === 1;
    return [reshaped(y, keeps ? kept : kept.filter((_, axis) => !axes.includes(axis)))];
  };

export const movementFolds: Readonly<Record<string, Fold>> = {
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Flatten: shaped(flatShape),
  Gather: gather,
  NonZero: nonZero,
  Range: range,
  ReduceMax: reduction(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduction(Number.POSITIVE_INFINITY, Math.min),
  ReduceProd: reduction(1, (a, b) => a * b),
  ReduceSum: reduction(0, (a, b) => a + b),
  Reshape: shaped(reshapedTo),
  Slice: slice,
  Split: split,
  Squeeze: shaped(squeezed),
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: shaped(unsqueezed),
};

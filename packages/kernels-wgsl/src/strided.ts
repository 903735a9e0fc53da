/**
 * Walks several strided operands over one index space.
 *
 * Extents of 1 are dropped and axes that every operand steps through contiguously are merged on the host, so
 * the shader unravels only as many axes as the access pattern really has: one for same-shape operands, two
 * for a channel vector broadcast over an NHWC image. Extents and strides are parameters; only the number of
 * axes and the vector width are in the text. Four elements along the last axis form one work item where
 * every operand allows it: contiguous and aligned there (a vec4 load) or constant there (a splat).
 *
 * Strides may be negative: u32 arithmetic wraps, so a two's complement stride gives the right address.
 */
import { type ElementType, scalarOrVector, sizeOf, splitIndex } from "./define.js";
import type { ParamValue } from "./kernel.js";

/** One operand: element strides for each axis of the index space and the element offset of its origin. */
export interface StridedOperand {
  /** Name of the storage buffer in the shader. */
  readonly name: string;
  readonly strides: readonly number[];
  readonly offset?: number;
  readonly type?: ElementType;
}

/** An index space with its strides, axes merged. */
export interface CollapsedLayout {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** Row-major strides of a shape. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** Strides that read a contiguous tensor of `shape` as `target` by broadcasting (numpy's rule). */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = contiguousStrides(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) =>
    axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead],
  );
}

/** Drops axes of extent 1 and merges neighbours that all operands step through as one axis. */
export function collapseAxes(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): CollapsedLayout {
  const outShape: number[] = [];
  const outStrides: number[][] = strides.map(() => []);
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue;
    const last = outShape.length - 1;
    const merges = last >= 0 && strides.every((s, k) => outStrides[k][last] === s[axis] * extent);
    if (merges) {
      outShape[last] *= extent;
      for (const [k, s] of strides.entries()) outStrides[k][last] = s[axis];
    } else {
      outShape.push(extent);
      for (const [k, s] of strides.entries()) outStrides[k].push(s[axis]);
    }
  }
  if (outShape.length === 0) return { shape: [1], strides: strides.map(() => [0]) };
  return { shape: outShape, strides: outStrides };
}

/** How a shader walks the operands. */
export interface StridedWalk {
  /** Elements a work item covers. */
  readonly width: 1 | 4;
  /** Work items. */
  readonly count: number;
  /** Axes left after merging. */
  readonly rank: number;
  /** Uniform block members that `code` uses. */
  readonly params: Record<string, ParamValue>;
  /** Statements that turn the work item `i` into `<name>At` for every operand. */
  readonly code: string;
  /** WGSL element type of an operand's buffer, in operand order. */
  readonly elements: readonly string[];
}

function vectorises(layout: CollapsedLayout, operands: readonly StridedOperand[]): boolean {
  const last = layout.shape.length - 1;
  if (layout.shape[last] % 4 !== 0) return false;
  return operands.every((operand, k) => {
    const strides = layout.strides[k];
    if (strides[last] === 0) return k > 0;
    const aligned = strides.every((s, axis) => axis === last || s % 4 === 0);
    return strides[last] === 1 && aligned && (operand.offset ?? 0) % 4 === 0;
  });
}

/**
 * Plans the walk. The first operand is the one written: it never splats.
 * @param shape index space
 * @param operands with `strides.length === shape.length`
 */
export function walkStrided(
  shape: readonly number[],
  operands: readonly StridedOperand[],
): StridedWalk {
  const collapsed = collapseAxes(
    shape,
    operands.map((o) => o.strides),
  );
  const width = vectorises(collapsed, operands) ? 4 : 1;
  const rank = collapsed.shape.length;
  const last = rank - 1;
  const splats = operands.map((_, k) => width === 4 && collapsed.strides[k][last] === 0);
  const params: Record<string, ParamValue> = {};
  for (let axis = 1; axis < rank; axis++) {
    params[`n${axis}`] = axis === last ? collapsed.shape[axis] / width : collapsed.shape[axis];
  }
  const scale = (k: number) => (splats[k] ? 1 : width);
  for (const [k, operand] of operands.entries()) {
    params[`${operand.name}Offset`] = (operand.offset ?? 0) / scale(k);
    for (let axis = 0; axis < rank; axis++) {
      const stride = collapsed.strides[k][axis];
      params[`${operand.name}S${axis}`] = axis === last ? stride : stride / scale(k);
    }
  }
  return {
    width,
    count: sizeOf(collapsed.shape) / width,
    rank,
    params,
    code: unravel(rank, operands),
    elements: operands.map((o, k) => scalarOrVector(o.type ?? "f32", splats[k] ? 1 : width)),
  };
}

function unravel(rank: number, operands: readonly StridedOperand[]): string {
  const inner = Array.from({ length: rank - 1 }, (_, k) => rank - 1 - k);
  const axes = inner.map((axis) => [`x${axis}`, `p.n${axis}`] as const);
  const lines = [splitIndex("i", axes, "x0")];
  for (const { name } of operands) {
    const terms = Array.from({ length: rank }, (_, axis) => `x${axis} * p.${name}S${axis}`);
    lines.push(`  let ${name}At = p.${name}Offset + ${terms.join(" + ")};`);
  }
  return lines.join("\n");
}

/** One axis of a strided index space. */
export interface Axis {
  readonly extent: number;
  readonly stride: number;
}

/** WGSL function `<prefix>Offset(index)`: the offset of a flat index over `axes` given by `axisParams`. */
export function offsetFunction(prefix: string, rank: number): string {
  const inner = Array.from({ length: rank - 1 }, (_, k) => rank - 1 - k);
  const axes = inner.map((k) => [`x${k}`, `p.${prefix}N${k}`] as const);
  const terms = Array.from({ length: rank }, (_, k) => `x${k} * p.${prefix}S${k}`);
  const lines = [splitIndex("index", axes, "x0"), `  return ${terms.join(" + ")};`];
  return `fn ${prefix}Offset(index: u32) -> u32 {\n${lines.join("\n")}\n}`;
}

/** Uniform block members of `offsetFunction`. */
export function axisParams(prefix: string, axes: readonly Axis[]): Record<string, number> {
  const params: Record<string, number> = {};
  for (const [k, axis] of axes.entries()) {
    if (k > 0) params[`${prefix}N${k}`] = axis.extent;
    params[`${prefix}S${k}`] = axis.stride;
  }
  return params;
}

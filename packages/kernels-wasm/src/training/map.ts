import { defineKernel, type Kernel, rowsFor } from "../kernel.js";
import { Opcode } from "../records.js";
import { AXES, ElementMap as Fields, MapKind } from "./records.js";

/** Elements of a chunk. */
const CHUNK = 16 * 1024;
/** Of a function that takes exponentials and logarithms. */
const DEAR_CHUNK = 2 * 1024;

export type MapFunction = Exclude<keyof typeof MapKind, number>;

/** How an operand lies: elements from one to the next along each axis, 0 to repeat, and where. */
export interface MapOperand {
  readonly strides: readonly number[];
  /** Elements before the first. */
  readonly offset?: number;
}

/** A function of up to three operands, element by element. */
export interface MapSpec {
  readonly kind: MapFunction;
  readonly shape: readonly number[];
  readonly output: MapOperand;
  /** x, y and z, as many as the function has; one that is left out is p, in functions of integers. */
  readonly operands: readonly (MapOperand | undefined)[];
  readonly p?: number;
  readonly q?: number;
}

const NAMES = ["x", "y", "z"];

/**
 * Operands `x`, `y`, `z`, `output`: those that the function has. The output may be one of the
 * operands where both lie alike.
 *
 * @throws RangeError for more axes than `AXES` that cannot be merged
 */
export function map(spec: MapSpec): Kernel {
  const { kind, p = 0, q = 0 } = spec;
  const places = [spec.output, ...spec.operands];
  const still = spec.shape.map(() => 0);
  const { extents, strides } = mergeAxes(
    spec.shape,
    places.map((place) => place?.strides ?? still),
  );
  const rows = extents.slice(0, -1).reduce((a, b) => a * b, 1);
  const width = extents[AXES - 1];
  const ofIntegers = MapKind[kind] >= MapKind.addIntegers;
  const isDear = MapKind[kind] >= MapKind.tanh && !ofIntegers;
  const chunkRows = rowsFor(isDear ? DEAR_CHUNK : CHUNK, width);
  const integers: Record<number, number> = {
    [Fields.kind]: MapKind[kind],
    [Fields.rows]: rows,
    [Fields.chunkRows]: chunkRows,
  };
  if (ofIntegers) integers[Fields.p] = p;
  for (const [axis, extent] of extents.entries()) integers[Fields.extents + axis] = extent;
  for (const [k, own] of strides.entries()) {
    for (const [axis, stride] of own.entries()) integers[Fields.strides + k * AXES + axis] = stride;
  }
  return defineKernel({
    name: `map-${kind}`,
    opcode: Opcode.ElementMap,
    size: Fields.size,
    chunks: Math.ceil(rows / chunkRows),
    integers,
    floats: ofIntegers ? {} : { [Fields.p]: p, [Fields.q]: q },
    operands: places.flatMap((place, k) =>
      place
        ? {
            operand: k === 0 ? "output" : NAMES[k - 1],
            field: Fields.output + k,
            offset: (place.offset ?? 0) * 4,
          }
        : [],
    ),
    flops: rows * width,
  });
}

/**
 * The least axes that walk the same elements, `AXES` of them, and the operands' strides along them.
 *
 * @param cuts whether a long last axis is cut in two, so that threads can share it
 */
export function mergeAxes(
  shape: readonly number[],
  operands: readonly (readonly number[])[],
  cuts = true,
): { extents: number[]; strides: number[][] } {
  const extents: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue;
    const last = extents.length - 1;
    const merges = last >= 0 && operands.every((own, k) => strides[k][last] === own[axis] * extent);
    if (merges) extents[last] *= extent;
    else extents.push(extent);
    for (const [k, own] of operands.entries()) strides[k][merges ? last : last + 1] = own[axis];
  }
  if (extents.length > AXES) {
    throw new RangeError(`${extents.length} axes that do not merge; at most ${AXES} are walked`);
  }
  if (cuts && extents.length < AXES && extents.length > 0) cutLast(extents, strides);
  while (extents.length < AXES) {
    extents.unshift(1);
    for (const own of strides) own.unshift(0);
  }
  return { extents, strides };
}

/** Rows that a long last axis is cut into have so many elements, where it has such a divisor. */
const ROW = [4096, 2048, 1024, 768, 640, 512, 256, 192, 64];

function cutLast(extents: number[], strides: number[][]): void {
  const last = extents.length - 1;
  const width = ROW.find((each) => extents[last] > each && extents[last] % each === 0);
  if (width === undefined) return;
  extents.push(width);
  extents[last] /= width;
  for (const own of strides) {
    own.push(own[last]);
    own[last] *= width;
  }
}

/** A template's data as 16-bit words: what does not follow from its triangles. */
import type { LevelData, TemplateData } from "./template.js";

/** Words of a template as text, and what they are. */
export interface PackedTemplate {
  /** A coordinate's unit: positions are whole multiples of it. */
  readonly unit: number;
  /** The finest first. */
  readonly levels: readonly {
    readonly vertices: number;
    readonly triangles: number;
    readonly largestEigenvalue: number;
  }[];
  /** Little-endian words as base64. */
  readonly words: string;
}

/** Parts of 1 that weights and texture coordinates are multiples of. */
const PARTS = 65535;

/** Rounds a mesh's numbers to those that packing keeps, so that all that is made of it fits. */
export function rounded(values: Iterable<number>, unit: number): Float64Array {
  return Float64Array.from(values, (v) => Math.round(v / unit) * unit);
}

/** The unit of texture coordinates, for `rounded`. */
export const UV_UNIT = 1 / PARTS;

/** @param unit what positions were rounded to */
export function packTemplate(
  { positions, uv, levels }: TemplateData,
  unit: number,
): PackedTemplate {
  const words: number[] = [];
  for (const v of Array.from(positions)) words.push(Math.round(v / unit) & 0xffff);
  for (const v of Array.from(uv)) words.push(Math.round(v * PARTS));
  for (const { triangles, kept, corners, weights } of levels) {
    words.push(...triangles, ...kept, ...corners, ...partsOf(weights));
  }
  const bytes = new Uint8Array(words.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint16(2 * i, word, true);
  return {
    unit,
    levels: levels.map(({ triangles, kept, largestEigenvalue }, i) => ({
      vertices: i > 0 ? kept.length : positions.length / 3,
      triangles: triangles.length / 3,
      largestEigenvalue: Number(largestEigenvalue.toFixed(9)),
    })),
    words: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
  };
}

/** Weights three by three as parts that add up to 1. */
function partsOf(weights: Float64Array): number[] {
  const parts: number[] = [];
  for (let k = 0; k < weights.length; k += 3) {
    const first = Math.round(weights[k] * PARTS);
    const second = Math.min(Math.round(weights[k + 1] * PARTS), PARTS - first);
    parts.push(first, second, PARTS - first - second);
  }
  return parts;
}

export function unpackTemplate({ unit, levels, words }: PackedTemplate): TemplateData {
  const bytes = Uint8Array.from(atob(words), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const take = (count: number) =>
    Int32Array.from({ length: count }, () => {
      at += 2;
      return view.getUint16(at - 2, true);
    });
  const [{ vertices }] = levels;
  const positions = Float64Array.from(
    take(vertices * 3),
    (v) => (v > 0x7fff ? v - 65536 : v) * unit,
  );
  const uv = Float64Array.from(take(vertices * 2), (v) => v / PARTS);
  return {
    positions,
    uv,
    levels: levels.map((level, i): LevelData => {
      const finer = i > 0 ? levels[i - 1].vertices : 0;
      const triangles = take(level.triangles * 3);
      const kept = take(i > 0 ? level.vertices : 0);
      const corners = take(finer * 3);
      const weights = Float64Array.from(take(finer * 3), (w) => w / PARTS);
      return { triangles, largestEigenvalue: level.largestEigenvalue, kept, corners, weights };
    }),
  };
}

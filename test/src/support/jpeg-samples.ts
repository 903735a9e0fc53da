import type { JpegComponent, JpegOptions } from "./jpeg-encoder.js";

export type Sample = (x: number, y: number) => number;

/** Smooth waves with a bit of texture, in 5..250. */
export const waves =
  (a: number, b: number, texture: number): Sample =>
  (x, y) =>
    Math.round(
      128 +
        60 * Math.sin(x * a + 1) +
        40 * Math.cos(y * b) +
        (((x * 7919 + y * 104729) % 31) / 15 - 1) * texture,
    );

export const luma = waves(0.3, 0.2, 20);
export const cb = waves(0.11, 0.07, 0);
export const cr = waves(0.05, 0.13, 0);

/** Luma and the two colour planes, the latter subsampled by these. */
export const ycc = (h: number, v: number): JpegComponent[] => [
  { h, v, sample: luma },
  { sample: cb },
  { sample: cr },
];

/** A plain small picture. */
export const base: JpegOptions = { width: 40, height: 24, components: ycc(2, 2) };

/** Position of the n-th marker of a kind. */
export function find(file: Uint8Array, marker: number, from = 0): number {
  for (let at = from; at < file.length; at++) {
    if (file[at] === 0xff && file[at + 1] === marker) return at;
  }
  return -1;
}

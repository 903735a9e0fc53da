import type { RawImage } from "retinaface-webgpu";

/** Opaque pixels, three bytes each: red, green, blue. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A photo at its size and halved again and again: what views are taken from without decoding it anew. */
export type Pyramid = readonly RgbImage[];

type Allocate = (length: number) => Uint8Array;

/** Levels end before a side has fewer pixels than this. */
const SMALLEST_SIDE = 8;

/** The pixels without alpha. */
export function toRgb({ data, width, height }: RawImage): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return { data: rgb, width, height };
}

/** Every 2 × 2 pixels as their mean; an odd last row or column is left out. */
function halve({ data, width, height }: RgbImage, allocate: Allocate): RgbImage {
  const half = { width: width >> 1, height: height >> 1 };
  const out = allocate(half.width * half.height * 3);
  const row = width * 3;
  for (let y = 0, to = 0; y < half.height; y++) {
    for (let x = 0, from = y * 2 * row; x < half.width; x++, from += 6) {
      for (let c = from; c < from + 3; c++, to++) {
        out[to] = (data[c] + data[c + 3] + data[c + row] + data[c + row + 3] + 2) >> 2;
      }
    }
  }
  return { data: out, ...half };
}

/**
 * A photo's pyramid; the image itself is its first level.
 *
 * @param allocate where the other levels lie: in shared memory, for worker threads to see
 */
export function buildPyramid(
  image: RgbImage,
  allocate: Allocate = (length) => new Uint8Array(length),
): Pyramid {
  const levels = [image];
  for (let top = image; Math.min(top.width, top.height) >= SMALLEST_SIDE * 2; ) {
    top = halve(top, allocate);
    levels.push(top);
  }
  return levels;
}

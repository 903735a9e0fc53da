import { OptionError } from "../errors.js";
import type { RawImage } from "../types.js";

/** Which input samples make one output sample. */
interface Taps {
  /** Taps of each output sample. */
  count: number;
  /** First input sample of each output sample. */
  first: Int32Array;
  /** `count` weights of each output sample, summing to 1. */
  weights: Float32Array;
}

/** Shrinking by more than this averages over all covered pixels instead of interpolating. */
const ANTIALIAS_ABOVE = 2;

/**
 * Weights of a triangle (tent) filter around the half-pixel centre `(i + 0.5) · from / to - 0.5`.
 * It is one input pixel wide on each side, or one output pixel when antialiasing; weights that fall
 * outside the image go to its edge pixel.
 */
function tentTaps(from: number, to: number): Taps {
  const scale = from / to;
  const radius = scale > ANTIALIAS_ABOVE ? scale : 1;
  const count = Math.min(from, Math.ceil(radius) * 2 + 1);
  const first = new Int32Array(to);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5;
    const low = Math.ceil(centre - radius);
    const high = Math.floor(centre + radius);
    const start = Math.max(0, Math.min(low, from - count));
    first[i] = start;
    let sum = 0;
    for (let s = low; s <= high; s++) sum += 1 - Math.abs(s - centre) / radius;
    for (let s = low; s <= high; s++) {
      const inside = Math.max(0, Math.min(s, from - 1));
      weights[i * count + inside - start] += (1 - Math.abs(s - centre) / radius) / sum;
    }
  }
  return { count, first, weights };
}

/**
 * Rows of an image scaled bilinearly with half-pixel centres, as OpenCV's INTER_LINEAR does; a side that
 * shrinks by more than 2 is antialiased (triangle filter over every pixel it covers). Values are not
 * rounded.
 *
 * @param width of the result, in pixels.
 * @returns RGBA rows from top to bottom; the array is reused for the next row.
 * @throws OptionError when a side is not a positive whole number.
 */
export function* scaledRows(
  image: RawImage,
  width: number,
  height: number,
): Generator<Float32Array> {
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height) || width < 1 || height < 1) {
    throw new OptionError(`cannot scale to ${width}×${height}: sides are positive whole numbers`);
  }
  const columns = tentTaps(image.width, width);
  const rows = tentTaps(image.height, height);
  const lines = new RowCache(image, columns, width, rows.count);
  const sums = new Float32Array(width * 4);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let t = 0; t < rows.count; t++) {
      const weight = rows.weights[y * rows.count + t];
      if (weight === 0) continue;
      const line = lines.row(rows.first[y] + t);
      for (let i = 0; i < sums.length; i++) sums[i] += weight * line[i];
    }
    yield sums;
  }
}

/** An image scaled as by `scaledRows`, rounded to bytes. @throws OptionError as `scaledRows` */
export function resizeBilinear(image: RawImage, width: number, height: number): RawImage {
  if (width === image.width && height === image.height) return image;
  const data = new Uint8ClampedArray(width * height * 4);
  let at = 0;
  for (const row of scaledRows(image, width, height)) {
    data.set(row, at);
    at += row.length;
  }
  return { data, width, height };
}

/** Horizontally scaled rows; as many as an output row needs are kept. */
class RowCache {
  readonly #lines: Float32Array[];
  readonly #rows: Int32Array;

  constructor(
    private readonly image: RawImage,
    private readonly columns: Taps,
    width: number,
    size: number,
  ) {
    this.#lines = Array.from({ length: size }, () => new Float32Array(width * 4));
    this.#rows = new Int32Array(size).fill(-1);
  }

  row(y: number): Float32Array {
    const slot = y % this.#lines.length;
    const line = this.#lines[slot];
    if (this.#rows[slot] !== y) {
      scaleRow(this.image.data, y * this.image.width * 4, this.columns, line);
      this.#rows[slot] = y;
    }
    return line;
  }
}

function scaleRow(data: RawImage["data"], start: number, taps: Taps, line: Float32Array): void {
  const { count, first, weights } = taps;
  for (let x = 0; x < first.length; x++) {
    let red = 0;
    let green = 0;
    let blue = 0;
    let alpha = 0;
    for (let t = 0, at = start + first[x] * 4; t < count; t++, at += 4) {
      const weight = weights[x * count + t];
      red += weight * data[at];
      green += weight * data[at + 1];
      blue += weight * data[at + 2];
      alpha += weight * data[at + 3];
    }
    line[x * 4] = red;
    line[x * 4 + 1] = green;
    line[x * 4 + 2] = blue;
    line[x * 4 + 3] = alpha;
  }
}

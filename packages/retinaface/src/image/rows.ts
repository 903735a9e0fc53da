import {
  acquireJpegKernels,
  type JpegKernels,
  releaseJpegKernels,
  Tap,
} from "@retinaface-webgpu/kernels-wasm/jpeg";
import type { RawImage } from "../types.js";
import type { Orientation } from "./exif.js";
import type { Size } from "./fit.js";
import { type UprightLayout, uprightLayout } from "./orient.js";

/** Takes an image's rows as they are stored, RGBA, from top to bottom. */
export interface RowSink {
  /** @param at address of the row in the kernels' memory */
  row(at: number): void;
}

/** Puts rows together to an upright image. */
export class UprightImage implements RowSink {
  readonly image: RawImage & { data: Uint8ClampedArray<ArrayBuffer> };
  readonly #layout: UprightLayout;
  readonly #pixels: Uint32Array;
  readonly #width: number;
  #next = 0;

  /** @param size as it is stored */
  constructor(
    private readonly kernels: JpegKernels,
    { width, height }: Size,
    orientation: Orientation,
  ) {
    this.#width = width;
    this.#layout = uprightLayout(width, height, orientation);
    const data = new Uint8ClampedArray(width * height * 4);
    this.image = { data, width: this.#layout.width, height: this.#layout.height };
    this.#pixels = new Uint32Array(data.buffer);
  }

  row(at: number): void {
    const { start, right, down } = this.#layout;
    const to = start + this.#next++ * down;
    const row = this.kernels.words(at, this.#width);
    if (right === 1) {
      this.#pixels.set(row, to);
      return;
    }
    const pixels = this.#pixels;
    for (let x = 0, place = to; x < row.length; x++, place += right) pixels[place] = row[x];
  }
}

/** The samples of an axis that make one of the result, and their weights, which add up to 1. */
interface AxisTaps {
  readonly first: Int32Array;
  readonly weights: readonly Float32Array[];
}

/**
 * Weights of a triangle around the half-pixel centre `(i + 0.5) · from / to − 0.5`, as wide to each side as a sample of the
 * result, so that nothing aliases, and no narrower than one of the source. Beyond the edge there is nothing: the weights
 * inside share its part.
 *
 * @param from samples of the source that are to be seen, perhaps with a part of the last
 * @param count samples that there are
 */
export function triangleTaps(from: number, count: number, to: number): AxisTaps {
  const scale = from / to;
  const radius = Math.max(1, scale);
  const first = new Int32Array(to);
  const weights: Float32Array[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5;
    const low = Math.max(0, Math.min(Math.floor(centre - radius) + 1, count - 1));
    const high = Math.max(low, Math.min(Math.ceil(centre + radius) - 1, count - 1));
    first[i] = low;
    const own = Float64Array.from({ length: high - low + 1 }, (_, k) =>
      Math.max(1 - Math.abs(low + k - centre) / radius, high === low ? 1 : 0),
    );
    const sum = own.reduce((total, weight) => total + weight, 0);
    weights.push(Float32Array.from(own, (weight) => weight / sum));
  }
  return { first, weights };
}

/** Resizes rows as they come; only the rows of the result that are being made are held. */
export class ScaledRows implements RowSink {
  readonly #columns: number;
  readonly #sums: number;
  /** Sums of rows of the result, in turn. */
  readonly #lines: number[];
  readonly #line: number;
  readonly #rows: AxisTaps;
  #row = 0;
  /** The first row of the result that is not finished. */
  #next = 0;

  /**
   * @param seen of the source, in its samples
   * @param stored samples of the source's sides
   * @param size of the result
   */
  constructor(
    private readonly kernels: JpegKernels,
    seen: Size,
    stored: Size,
    private readonly size: Size,
    private readonly sink: RowSink,
  ) {
    this.#columns = packColumns(kernels, triangleTaps(seen.width, stored.width, size.width));
    this.#rows = triangleTaps(seen.height, stored.height, size.height);
    const line = () => kernels.allocate(size.width * 16);
    this.#sums = line();
    this.#lines = Array.from({ length: mostAtOnce(this.#rows) }, line);
    this.#line = kernels.allocate(size.width * 4);
  }

  row(at: number): void {
    const { first, weights } = this.#rows;
    const { width, height } = this.size;
    const { run } = this.kernels;
    const row = this.#row++;
    let summed = false;
    for (let y = this.#next; y < height && first[y] <= row; y++) {
      const tap = row - first[y];
      if (tap >= weights[y].length) continue;
      if (!summed) run.sumRow(at, this.#columns, this.#sums, width);
      summed = true;
      run.addRow(this.#sums, this.#lines[y % this.#lines.length], width, weights[y][tap]);
    }
    while (this.#next < height && first[this.#next] + weights[this.#next].length <= row + 1) {
      run.storeRow(this.#lines[this.#next % this.#lines.length], this.#line, width);
      this.sink.row(this.#line);
      this.#next++;
    }
  }
}

/** Rows of the result that share a row of the source, at most. */
function mostAtOnce({ first, weights }: AxisTaps): number {
  let most = 1;
  for (let from = 0, y = 0; y < first.length; y++) {
    while (first[from] + weights[from].length <= first[y]) from++;
    most = Math.max(most, y - from + 1);
  }
  return most;
}

function packColumns(kernels: JpegKernels, { first, weights }: AxisTaps): number {
  const taps = kernels.allocate(first.length * Tap.size * 4);
  const total = weights.reduce((sum, own) => sum + own.length, 0);
  let at = kernels.allocate(total * 4);
  const words = new Int32Array(first.length * Tap.size);
  for (const [i, own] of weights.entries()) {
    const entry = i * Tap.size;
    words[entry + Tap.first] = first[i];
    words[entry + Tap.count] = own.length;
    words[entry + Tap.weights] = at;
    kernels.put(at, own);
    at += own.byteLength;
  }
  kernels.put(taps, words);
  return taps;
}

/** An image made smaller by the filter of {@link ScaledRows}. */
export function scaleDown(image: RawImage, size: Size): RawImage {
  const kernels = acquireJpegKernels();
  try {
    const result = new UprightImage(kernels, size, 1);
    const rows = new ScaledRows(kernels, image, image, size, result);
    const bytes = image.width * 4;
    const line = kernels.allocate(bytes);
    for (let y = 0; y < image.height; y++) {
      kernels.put(line, image.data.subarray(y * bytes, (y + 1) * bytes));
      rows.row(line);
    }
    return result.image;
  } finally {
    releaseJpegKernels(kernels);
  }
}

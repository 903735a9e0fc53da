import type { Random } from "@retinaface-webgpu/tensor";
import { chance } from "../random.js";
import type { Canvas } from "./view.js";

/**
 * What cameras and files do to pictures: motion blur, shade across the picture, JPEG's quantisation. Each
 * changes a view in place and leaves its labels as they are.
 */

/** How often each happens to a view. */
const MOVED = 0.08;
const SHADED = 0.15;
const COMPRESSED = 0.3;

/** Longest path of motion blur, as a share of the view's side. */
const LONGEST_PATH = 0.03;
/** Darkest end of a shade. */
const DARKEST = 0.25;
/** Worst and best quality of a JPEG, on the scale of the Independent JPEG Group. */
const QUALITY = [12, 70] as const;

/** Does to a view what cameras and files do to pictures, each now and then. */
export function degrade(canvas: Canvas, random: Random): void {
  if (chance(random, SHADED)) shade(canvas, random);
  if (chance(random, MOVED)) {
    const length = Math.max(2, Math.round(random.uniform(0, LONGEST_PATH) * canvas.size));
    blurAlong(canvas, random.uniform(0, Math.PI), length);
  }
  if (chance(random, COMPRESSED)) compress(canvas, random.uniform(...QUALITY));
}

/** Darkens a view towards one side, as a wall, a hood or the sun behind a head does. */
function shade({ data, size }: Canvas, random: Random): void {
  const angle = random.uniform(0, 2 * Math.PI);
  const [along, across] = [Math.cos(angle) / size, Math.sin(angle) / size];
  const centre = random.uniform(-0.4, 0.4);
  const width = random.uniform(0.05, 0.5);
  const dark = random.uniform(DARKEST, 0.8);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i += 4) {
      const at = ((x - size / 2) * along + (y - size / 2) * across - centre) / width;
      const gain = dark + (1 - dark) / (1 + Math.exp(-4 * at));
      for (let c = i; c < i + 3; c++) data[c] *= gain;
    }
  }
}

/** Averages `length` pixels along a direction. */
export function blurAlong({ data, size }: Canvas, angle: number, length: number): void {
  const from = data.slice();
  const steps = Array.from({ length }, (_, i) => i - (length - 1) / 2);
  const across = Int32Array.from(steps, (s) => Math.round(Math.cos(angle) * s));
  const down = Int32Array.from(steps, (s) => Math.round(Math.sin(angle) * s));
  const inside = (value: number) => Math.max(0, Math.min(size - 1, value));
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i += 4) {
      let r = 0;
      let g = 0;
      let b = 0;
      for (let s = 0; s < length; s++) {
        const at = (inside(y + down[s]) * size + inside(x + across[s])) * 4;
        r += from[at];
        g += from[at + 1];
        b += from[at + 2];
      }
      data[i] = r / length;
      data[i + 1] = g / length;
      data[i + 2] = b / length;
    }
  }
}

const BLOCK = 8;

/** Rows of the cosine transform of eight values (ITU-T T.81, A.3.3). */
const COSINES = Float32Array.from({ length: BLOCK * BLOCK }, (_, i) => {
  const [u, x] = [Math.floor(i / BLOCK), i % BLOCK];
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

/** Its transpose. */
const BACK = COSINES.map((_, i) => COSINES[(i % BLOCK) * BLOCK + Math.floor(i / BLOCK)]);

/** Steps of quantisation at quality 50, luminance and chrominance (ITU-T T.81, tables K.1 and K.2). */
const LUMA_STEPS = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
  14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
  92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA_STEPS = [17, 18, 24, 47, 18, 21, 26, 66, 24, 26, 56, 99, 47, 66, 99, 99];

function stepsOf(quality: number): { luma: Float32Array; chroma: Float32Array } {
  const scale = (quality < 50 ? 50 / quality : 2 - quality / 50) || 0.02;
  const step = (value: number) => Math.max(1, value * scale);
  const chroma = Array.from({ length: BLOCK * BLOCK }, (_, i) => {
    const [u, v] = [i >> 3, i & 7];
    return u < 4 && v < 4 ? CHROMA_STEPS[u * 4 + v] : 99;
  });
  return { luma: Float32Array.from(LUMA_STEPS, step), chroma: Float32Array.from(chroma, step) };
}

/** Multiplies the lines of a block, `apart` from each other, of values `along` from each other. */
function multiplyLines(
  from: Float32Array,
  to: Float32Array,
  matrix: Float32Array,
  along: number,
  apart: number,
): void {
  for (let line = 0, at = 0; line < BLOCK; line++, at += apart) {
    const a = from[at];
    const b = from[at + along];
    const c = from[at + along * 2];
    const d = from[at + along * 3];
    const e = from[at + along * 4];
    const f = from[at + along * 5];
    const g = from[at + along * 6];
    const h = from[at + along * 7];
    for (let u = 0, m = 0; u < BLOCK; u++, m += BLOCK) {
      to[at + u * along] =
        matrix[m] * a +
        matrix[m + 1] * b +
        matrix[m + 2] * c +
        matrix[m + 3] * d +
        matrix[m + 4] * e +
        matrix[m + 5] * f +
        matrix[m + 6] * g +
        matrix[m + 7] * h;
    }
  }
}

/** Multiplies a block by the cosines, or their transpose, from both sides. */
function transform(block: Float32Array, matrix: Float32Array, scratch: Float32Array): void {
  multiplyLines(block, scratch, matrix, 1, BLOCK);
  multiplyLines(scratch, block, matrix, BLOCK, 1);
}

function quantise(block: Float32Array, steps: Float32Array, scratch: Float32Array): void {
  transform(block, COSINES, scratch);
  for (let i = 0; i < block.length; i++) block[i] = Math.round(block[i] / steps[i]) * steps[i];
  transform(block, BACK, scratch);
}

/**
 * What a JPEG of a quality from 1 to 100 leaves of a view: blocks of eight by eight pixels quantised in
 * YCbCr without subsampling. Pixels beyond the last whole block stay.
 */
export function compress({ data, size }: Canvas, quality: number): void {
  const { luma, chroma } = stepsOf(quality);
  const planes = [0, 1, 2].map(() => new Float32Array(BLOCK * BLOCK));
  const [ys, bs, rs] = planes;
  const scratch = new Float32Array(BLOCK * BLOCK);
  for (let top = 0; top + BLOCK <= size; top += BLOCK) {
    for (let left = 0; left + BLOCK <= size; left += BLOCK) {
      const pixel = (i: number) => ((top + (i >> 3)) * size + left + (i & 7)) * 4;
      for (let i = 0; i < BLOCK * BLOCK; i++) {
        const from = pixel(i);
        const r = data[from];
        const g = data[from + 1];
        const b = data[from + 2];
        const y = 0.299 * r + 0.587 * g + 0.114 * b;
        ys[i] = y - 128;
        bs[i] = (b - y) * 0.564;
        rs[i] = (r - y) * 0.713;
      }
      quantise(ys, luma, scratch);
      quantise(bs, chroma, scratch);
      quantise(rs, chroma, scratch);
      for (let i = 0; i < BLOCK * BLOCK; i++) {
        const y = ys[i] + 128;
        const to = pixel(i);
        data[to] = y + rs[i] / 0.713;
        data[to + 1] = y - 0.344 * bs[i] - 0.714 * rs[i];
        data[to + 2] = y + bs[i] / 0.564;
      }
    }
  }
}

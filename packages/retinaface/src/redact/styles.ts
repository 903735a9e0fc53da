/**
 * The ways to hide a face. Each reads the original and writes the copy, so that faces that overlap are hidden as one.
 *
 * What a network may still recognise in mosaics and blurs is known (McPherson et al., "Defeating Image Obfuscation with
 * Deep Learning", 2016): hence few cells, a wide blur, and noise, which cannot be computed away. Only `fill` keeps nothing.
 */
import type { RawImage } from "../types.js";
import type { Region } from "./region.js";

/** Most cells across the longer side of a region. */
const CELLS = 8;
/** Standard deviation of the blur, as a share of the region's longer side; that of the noise, of 255. */
const BLUR = 0.16;
const NOISE = 10;
/** Box blurs that follow one another come close to a Gaussian one (Wells 1986). */
const PASSES = 3;
const CHANNELS = 3;

type Colour = readonly [number, number, number];

/** One colour. */
export function fillInto(_: RawImage, copy: RawImage, region: Region, colour: Colour): void {
  eachPixel(copy, region, (_x, _y, at) => copy.data.set(colour, at));
}

/** Cells of their mean colour, with noise. */
export function pixelateInto(image: RawImage, copy: RawImage, region: Region): void {
  const { left, top, right, bottom, width, height } = region;
  const cell = Math.max(2, Math.ceil(Math.max(width, height) / CELLS));
  for (let y = top; y < bottom; y += cell) {
    for (let x = left; x < right; x += cell) {
      const part = {
        left: x,
        top: y,
        right: Math.min(x + cell, right),
        bottom: Math.min(y + cell, bottom),
      };
      const mean = meanColour(image, part).map((value) => value + NOISE * gaussian());
      eachPixel(copy, { ...part, has: region.has }, (_x, _y, at) => copy.data.set(mean, at));
    }
  }
}

/** A wide blur of the region alone, which its surroundings do not sharpen, with noise. */
export function blurInto(image: RawImage, copy: RawImage, region: Region): void {
  const { left, top, right, bottom } = region;
  const [width, height] = [right - left, bottom - top];
  const deviation = BLUR * Math.max(region.width, region.height);
  // The variance of a box blur of side 2r + 1 is ((2r + 1)² - 1) / 12.
  const radius = Math.max(1, Math.round((Math.sqrt((12 * deviation ** 2) / PASSES + 1) - 1) / 2));
  let pixels = new Float32Array(width * height * CHANNELS);
  eachPixel(image, { left, top, right, bottom, has: () => true }, (x, y, at) => {
    const to = ((y - top) * width + x - left) * CHANNELS;
    for (let c = 0; c < CHANNELS; c++) pixels[to + c] = image.data[at + c];
  });
  for (let pass = 0; pass < PASSES; pass++) {
    pixels = boxBlur(
      pixels,
      { count: width, step: CHANNELS },
      { count: height, step: width * CHANNELS },
      radius,
    );
    pixels = boxBlur(
      pixels,
      { count: height, step: width * CHANNELS },
      { count: width, step: CHANNELS },
      radius,
    );
  }
  eachPixel(copy, region, (x, y, at) => {
    const from = ((y - top) * width + x - left) * CHANNELS;
    for (let c = 0; c < CHANNELS; c++) copy.data[at + c] = pixels[from + c] + NOISE * gaussian();
  });
}

interface Walk {
  readonly count: number;
  readonly step: number;
}

/** Means of `2 · radius + 1` neighbours along a walk, the first and last repeated beyond its ends. */
function boxBlur(
  pixels: Float32Array,
  along: Walk,
  across: Walk,
  radius: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(pixels.length);
  const last = along.count - 1;
  const clamp = (n: number) => Math.min(Math.max(n, 0), last) * along.step;
  for (let line = 0; line < across.count; line++) {
    for (let c = 0; c < CHANNELS; c++) {
      const start = line * across.step + c;
      let sum = 0;
      for (let n = -radius; n <= radius; n++) sum += pixels[start + clamp(n)];
      for (let n = 0; n <= last; n++) {
        result[start + n * along.step] = sum / (2 * radius + 1);
        sum += pixels[start + clamp(n + radius + 1)] - pixels[start + clamp(n - radius)];
      }
    }
  }
  return result;
}

type Part = Pick<Region, "left" | "top" | "right" | "bottom">;

function meanColour({ data, width }: RawImage, { left, top, right, bottom }: Part): number[] {
  const sums = Array<number>(CHANNELS).fill(0);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      for (let c = 0; c < CHANNELS; c++) sums[c] += data[(y * width + x) * 4 + c];
    }
  }
  return sums.map((sum) => sum / ((right - left) * (bottom - top)));
}

function eachPixel(
  { width }: RawImage,
  { left, top, right, bottom, has }: Part & Pick<Region, "has">,
  visit: (x: number, y: number, at: number) => void,
): void {
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) if (has(x, y)) visit(x, y, (y * width + x) * 4);
  }
}

/** A number of the normal distribution (Box and Muller 1958). */
function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

/**
 * The ways to hide a face. Each reads the original and writes the copy, so that faces that overlap are hidden as one.
 *
 * What a network may still recognise in mosaics and blurs is known (McPherson et al., "Defeating Image Obfuscation with
 * Deep Learning", 2016): hence few cells, a wide blur, and noise, which cannot be computed away. Only `fill` keeps nothing.
 */
import type { RawImage } from "../types.js";
import type { Region } from "./region.js";

/**
 * Most cells across the longer side of a region, and the standard deviation of their noise, of 255: what is left must not
 * look like a face either, else it is found again. Of the 58 to 63 faces of ≥ 24 px in one or two photos of crowds YuNet-n
 * found still (long side 1600, ellipses, 2026-11-29), by cells and noise: 8 and 10, 52 to 60 %; 4 and 10, 20 %; 8 and 60, 2 to
 * 3 %; 5 and 50, 0 to 5 %; 4 and 60, none in three runs.
 */
const MOSAIC = { cells: 4, noise: 60 };
/** Of what is blurred; likewise 2 to 3 % are found, of a Gaussian blur of the face itself, a sixth of its side wide, 24 %. */
const CLOUDS = { cells: 6, noise: 140 };
/** Standard deviation of the blur, as a share of the region's longer side. */
const BLUR = 0.09;
/** Standard deviation of the noise on the blur's pixels, of 255. */
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
  eachCell(image, region, MOSAIC, (part, colour) =>
    eachPixel(copy, { ...part, has: region.has }, (_x, _y, at) => copy.data.set(colour, at)),
  );
}

interface Cells {
  readonly cells: number;
  readonly noise: number;
}

function eachCell(
  image: RawImage,
  { left, top, right, bottom, width, height }: Region,
  { cells, noise }: Cells,
  visit: (part: Part, colour: readonly number[]) => void,
): void {
  const cell = Math.max(2, Math.ceil(Math.max(width, height) / cells));
  for (let y = top; y < bottom; y += cell) {
    for (let x = left; x < right; x += cell) {
      const part = {
        left: x,
        top: y,
        right: Math.min(x + cell, right),
        bottom: Math.min(y + cell, bottom),
      };
      visit(
        part,
        meanColour(image, part).map((value) => value + noise * gaussian()),
      );
    }
  }
}

/** Clouds of colour: cells with noise, blurred within the region alone, which its surroundings do not sharpen. */
export function blurInto(image: RawImage, copy: RawImage, region: Region): void {
  const { left, top, right, bottom } = region;
  const [width, height] = [right - left, bottom - top];
  const deviation = BLUR * Math.max(region.width, region.height);
  // The variance of a box blur of side 2r + 1 is ((2r + 1)² - 1) / 12.
  const radius = Math.max(1, Math.round((Math.sqrt((12 * deviation ** 2) / PASSES + 1) - 1) / 2));
  let pixels = new Float32Array(width * height * CHANNELS);
  eachCell(image, region, CLOUDS, (part, colour) =>
    eachPixel(image, { ...part, has: () => true }, (x, y) =>
      pixels.set(colour, ((y - top) * width + x - left) * CHANNELS),
    ),
  );
  const across = { count: width, step: CHANNELS };
  const down = { count: height, step: width * CHANNELS };
  for (let pass = 0; pass < PASSES; pass++) {
    pixels = boxBlur(pixels, across, down, radius);
    pixels = boxBlur(pixels, down, across, radius);
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

import {
  type Colour,
  fillDisc,
  fillRect,
  LANDMARK_COORDINATES,
  OptionError,
  type RawImage,
  resizeBilinear,
  strokeRect,
} from "retinaface-webgpu";
import type { Sample } from "./sample.js";

export interface ContactSheetOptions {
  /** Side of a sample on the sheet in pixels. */
  readonly tile: number;
  readonly columns: number;
}

const GAP = 4;
const PAPER: Colour = [255, 255, 255];
const FACE: Colour = [0, 230, 118];
const IGNORED: Colour = [160, 160, 160];
/** After Okabe and Ito's palette: eyes, nose, mouth corners. */
const POINTS: readonly Colour[] = [
  [86, 180, 233],
  [240, 228, 66],
  [255, 255, 255],
  [204, 121, 167],
  [213, 94, 0],
];

function drawFaces(image: RawImage, sample: Sample): void {
  const { boxes, landmarks, ignored } = sample;
  const thickness = Math.max(1, Math.round(image.width / 200));
  for (let f = 0; f < ignored.length; f++) {
    const [x1, y1, x2, y2] = boxes
      .subarray(f * 4, f * 4 + 4)
      .map((value) => Math.round(value * image.width));
    strokeRect(image, x1, y1, x2, y2, thickness, ignored[f] ? IGNORED : FACE);
    for (const [p, colour] of POINTS.entries()) {
      const x = landmarks[f * LANDMARK_COORDINATES + p * 2] * image.width;
      const y = landmarks[f * LANDMARK_COORDINATES + p * 2 + 1] * image.height;
      if (Number.isFinite(x + y)) fillDisc(image, x - 0.5, y - 0.5, thickness * 1.5, colour);
    }
  }
}

function paste(sheet: RawImage, image: RawImage, left: number, top: number): void {
  for (let row = 0; row < image.height; row++) {
    const from = row * image.width * 4;
    const to = ((top + row) * sheet.width + left) * 4;
    sheet.data.set(image.data.subarray(from, from + image.width * 4), to);
  }
}

/**
 * Samples side by side with what they train: faces green, ignored ones grey, landmarks in five colours.
 * @throws OptionError without samples, or with a tile or columns below 1.
 */
export function contactSheet(samples: readonly Sample[], options: ContactSheetOptions): RawImage {
  const { tile, columns } = options;
  const whole = [tile, columns].every((value) => Number.isSafeInteger(value) && value > 0);
  if (samples.length === 0 || !whole) {
    throw new OptionError(
      "a contact sheet needs samples, a tile and columns of at least 1: give more of them",
    );
  }
  const across = Math.min(columns, samples.length);
  const down = Math.ceil(samples.length / across);
  const width = across * (tile + GAP) + GAP;
  const height = down * (tile + GAP) + GAP;
  const sheet: RawImage = { data: new Uint8ClampedArray(width * height * 4), width, height };
  fillRect(sheet, 0, 0, width, height, PAPER);
  for (const [i, sample] of samples.entries()) {
    const scaled = resizeBilinear(sample.image, tile, tile);
    const copy: RawImage = { ...scaled, data: new Uint8ClampedArray(scaled.data) };
    drawFaces(copy, sample);
    const left = GAP + (i % across) * (tile + GAP);
    paste(sheet, copy, left, GAP + Math.floor(i / across) * (tile + GAP));
  }
  return sheet;
}

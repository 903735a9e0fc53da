import {
  type Colour,
  drawLettering,
  endOf,
  fillDisc,
  fillRect,
  LANDMARK_COORDINATES,
  LETTER_HEIGHT,
  letteringWidth,
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
/** Room under a sample for its name, and of a row of the legend. */
const CAPTION = LETTER_HEIGHT + 6;
const LEGEND_ROW = 18;
const SWATCH = 12;
const PAPER: Colour = [255, 255, 255];
const INK: Colour = [0, 0, 0];
/** Of classes in the order in which the samples have them; landmarks have others. */
const CLASSES: readonly Colour[] = [
  [0, 230, 118],
  [0, 114, 178],
  [230, 159, 0],
  [148, 0, 211],
  [255, 64, 64],
  [0, 200, 200],
];
/** Pixels of black and of white along the frame of a face that is ignored. */
const DASH = 4;
/** After Okabe and Ito's palette. */
const POINTS: readonly (readonly [name: string, colour: Colour])[] = [
  ["left eye", [86, 180, 233]],
  ["right eye", [240, 228, 66]],
  ["nose", [255, 255, 255]],
  ["left mouth corner", [204, 121, 167]],
  ["right mouth corner", [213, 94, 0]],
];

/** A face whose class nobody told. */
const FACE = "face";

type Corners = readonly [x1: number, y1: number, x2: number, y2: number];

const labelOf = ({ labels }: Sample, face: number) => labels?.[face] ?? FACE;

/** Faces and ignored ones of each class, most frequent first. */
function countLabels(samples: readonly Sample[]): { faces: Map<string, number>; ignored: number } {
  const faces = new Map<string, number>();
  let ignored = 0;
  for (const sample of samples) {
    for (const [f, flag] of sample.ignored.entries()) {
      if (flag) ignored++;
      else faces.set(labelOf(sample, f), (faces.get(labelOf(sample, f)) ?? 0) + 1);
    }
  }
  return { faces: new Map([...faces].sort(([, a], [, b]) => b - a)), ignored };
}

/** A frame in black and white dashes and a cross through it, to be seen on any ground. */
function strokeIgnored(image: RawImage, [x1, y1, x2, y2]: Corners, thickness: number): void {
  const dot = (x: number, y: number, n: number) => {
    const colour = Math.floor(n / (DASH * thickness)) % 2 === 0 ? INK : PAPER;
    fillRect(image, x, y, x + thickness, y + thickness, colour);
  };
  for (let x = x1; x < x2; x++) for (const y of [y1, y2 - thickness]) dot(x, y, x - x1);
  for (let y = y1; y < y2; y++) for (const x of [x1, x2 - thickness]) dot(x, y, y - y1);
  const [width, height] = [x2 - x1, y2 - y1];
  const length = Math.max(width, height);
  for (let n = 0; n < length; n++) {
    const [across, down] = [width, height].map((side) => Math.floor((n * side) / length));
    dot(x1 + across, y1 + down, n);
    dot(x2 - 1 - across, y1 + down, n);
  }
}

function drawFaces(image: RawImage, sample: Sample, colours: ReadonlyMap<string, Colour>): void {
  const { boxes, landmarks, ignored } = sample;
  const thickness = Math.max(1, Math.round(image.width / 200));
  for (let f = 0; f < ignored.length; f++) {
    const [x1, y1, x2, y2] = boxes
      .subarray(f * 4, f * 4 + 4)
      .map((value) => Math.round(value * image.width));
    if (ignored[f]) strokeIgnored(image, [x1, y1, x2, y2], thickness);
    else strokeRect(image, x1, y1, x2, y2, thickness, colours.get(labelOf(sample, f))!);
    for (const [p, [, colour]] of POINTS.entries()) {
      const x = landmarks[f * LANDMARK_COORDINATES + p * 2] * image.width;
      const y = landmarks[f * LANDMARK_COORDINATES + p * 2 + 1] * image.height;
      if (Number.isFinite(x + y)) fillDisc(image, x - 0.5, y - 0.5, thickness * 1.5, colour);
    }
  }
}

/** Lays an image on a sheet, which it must fit on. */
export function paste(sheet: RawImage, image: RawImage, left: number, top: number): void {
  for (let row = 0; row < image.height; row++) {
    const from = row * image.width * 4;
    const to = ((top + row) * sheet.width + left) * 4;
    sheet.data.set(image.data.subarray(from, from + image.width * 4), to);
  }
}

/** An entry of the legend: what is drawn before its text. */
interface Entry {
  readonly text: string;
  draw(sheet: RawImage, x: number, y: number): void;
}

function legendOf(samples: readonly Sample[], colours: ReadonlyMap<string, Colour>): Entry[] {
  const { faces, ignored } = countLabels(samples);
  const entries = [...faces].map(([label, count]): Entry => {
    const colour = colours.get(label)!;
    const draw = (sheet: RawImage, x: number, y: number) =>
      strokeRect(sheet, x, y, x + SWATCH, y + SWATCH, 2, colour);
    return { text: `${label} (${count})`, draw };
  });
  if (ignored > 0) {
    const draw = (sheet: RawImage, x: number, y: number) =>
      strokeIgnored(sheet, [x, y, x + SWATCH, y + SWATCH], 1);
    entries.push({ text: `ignored (${ignored}): neither face nor background`, draw });
  }
  if (!samples.some(({ landmarks }) => landmarks.some(Number.isFinite))) return entries;
  const points = POINTS.map(([text, colour]): Entry => {
    const draw = (sheet: RawImage, x: number, y: number) => {
      fillDisc(sheet, x + SWATCH / 2, y + SWATCH / 2, SWATCH / 2, INK);
      fillDisc(sheet, x + SWATCH / 2, y + SWATCH / 2, SWATCH / 2 - 1, colour);
    };
    return { text, draw };
  });
  return [...entries, ...points];
}

/** Where the entries of a legend come to lie, in as many rows as they need. */
function layOut(entries: readonly Entry[], width: number) {
  let [x, row] = [GAP, 0];
  const placed = entries.map((entry) => {
    const needed = SWATCH + 6 + letteringWidth(entry.text, 1) + 16;
    if (x + needed > width && x > GAP) [x, row] = [GAP, row + 1];
    const place = { entry, x, row };
    x += needed;
    return place;
  });
  return { placed, rows: placed.length === 0 ? 0 : row + 1 };
}

/**
 * Samples side by side with what they train, each with the end of its name below: faces in the colour of their class,
 * ignored ones dashed and crossed out, landmarks in five colours; below all of them what the colours mean, with counts.
 *
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
  const labels = [...countLabels(samples).faces.keys()];
  const colours = new Map(labels.map((label, i) => [label, CLASSES[i % CLASSES.length]]));
  const across = Math.min(columns, samples.length);
  const down = Math.ceil(samples.length / across);
  const width = across * (tile + GAP) + GAP;
  const row = tile + CAPTION + GAP;
  const legend = layOut(legendOf(samples, colours), width);
  const height = down * row + GAP + legend.rows * LEGEND_ROW;
  const sheet: RawImage = { data: new Uint8ClampedArray(width * height * 4), width, height };
  fillRect(sheet, 0, 0, width, height, PAPER);
  for (const [i, sample] of samples.entries()) {
    const scaled = resizeBilinear(sample.image, tile, tile);
    const copy: RawImage = { ...scaled, data: new Uint8ClampedArray(scaled.data) };
    drawFaces(copy, sample, colours);
    const left = GAP + (i % across) * (tile + GAP);
    const top = GAP + Math.floor(i / across) * row;
    paste(sheet, copy, left, top);
    drawLettering(sheet, endOf(sample.id, tile, 1), [left, top + tile + 3], 1, INK);
  }
  for (const { entry, x, row: line } of legend.placed) {
    const y = down * row + GAP + line * LEGEND_ROW;
    entry.draw(sheet, x, y);
    drawLettering(sheet, entry.text, [x + SWATCH + 6, y + 3], 1, INK);
  }
  return sheet;
}

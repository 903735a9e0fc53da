import { hasLandmarks, mapPoints } from "../decode/face.js";
import { scaleOf } from "../image/source.js";
import type { TrackedFace } from "../track/track.js";
import { type Face, LANDMARK_NAMES, type Landmarks, type RawImage } from "../types.js";
import { type Colour, fillDisc, fillRect, strokeRect } from "./canvas.js";
import { drawLettering, LETTER_HEIGHT, letteringWidth } from "./lettering.js";

/** Dark rims and label backgrounds keep every mark visible on any picture. */
const DARK: Colour = [16, 16, 16];
const TEXT: Colour = [255, 255, 255];
/** Of boxes, by class; where there are more, they take turns. */
const BOXES: readonly Colour[] = [
  [0, 230, 118],
  [255, 145, 0],
  [77, 166, 255],
  [255, 82, 150],
  [224, 224, 64],
  [178, 122, 255],
];

/** After Okabe and Ito's palette, told apart by colour-blind people too. */
const LANDMARK_COLOURS: Readonly<Record<keyof Landmarks, Colour>> = {
  leftEye: [86, 180, 233],
  rightEye: [240, 228, 66],
  nose: [255, 255, 255],
  leftMouth: [204, 121, 167],
  rightMouth: [213, 94, 0],
};

/** Widest label over a small face, in widths of its box. */
const LABEL_WIDTHS = 1.5;

export interface AnnotateOptions {
  /** Faces scoring less are not drawn. Default 0: all. */
  visThreshold?: number | undefined;
}

/**
 * Draws each face's box (a colour for each class), landmarks (a colour each), number where it is followed through a video, class
 * where the weights name theirs, and score on a copy of the image, where `detect` found them in it. A label stands above its box
 * where there is room, and always inside the image; better faces are drawn over worse.
 */
export function annotate(
  image: RawImage,
  faces: readonly Face[],
  { visThreshold = 0 }: AnnotateOptions = {},
): RawImage {
  const copy: RawImage = { ...image, data: new Uint8ClampedArray(image.data) };
  const side = Math.max(image.width, image.height);
  const line = Math.max(1, Math.round(side / 700));
  const [scaleX, scaleY] = scaleOf(image);
  const shown = faces
    .filter((face) => face.score >= visThreshold)
    .map((face) => mapPoints(face, ([x, y]) => [x * scaleX, y * scaleY]))
    .sort((a, b) => a.score - b.score);
  for (const face of shown) drawBox(copy, face, line);
  for (const face of shown) if (hasLandmarks(face)) drawLandmarks(copy, face, line);
  for (const face of shown) drawLabel(copy, face, line, fontScale(side, face));
  return copy;
}

function drawBox(image: RawImage, face: Face, line: number): void {
  const [x1, y1, x2, y2] = face.box.map(Math.round);
  const rim = Math.max(1, line >> 1);
  strokeRect(image, x1 - rim, y1 - rim, x2 + 1 + rim, y2 + 1 + rim, line + 2 * rim, DARK);
  strokeRect(image, x1, y1, x2 + 1, y2 + 1, line, BOXES[((face.label ?? 1) - 1) % BOXES.length]);
}

function drawLandmarks(image: RawImage, face: Face, line: number): void {
  const faceSide = Math.min(face.box[2] - face.box[0], face.box[3] - face.box[1]);
  const radius = Math.max(1, Math.min(1 + line * 2, faceSide / 26));
  const rim = radius < 2 ? 0.5 : Math.max(1, radius / 3);
  for (const name of LANDMARK_NAMES) {
    const [x, y] = face.landmarks[name];
    fillDisc(image, x, y, radius + rim, DARK);
    fillDisc(image, x, y, radius, LANDMARK_COLOURS[name]);
  }
}

/**
 * Pixels of one dot of the font: it grows with the picture; in a crowd it shrinks with the face, down
 * to half, so that labels do not hide the faces behind.
 */
function fontScale(side: number, face: Face): number {
  const largest = Math.max(1, Math.round(side / 800));
  const smallest = Math.max(1, Math.floor(largest / 2));
  const room = (face.box[2] - face.box[0]) * LABEL_WIDTHS;
  const fitting = Math.floor(room / letteringWidth(scoreOf(face), 1));
  return Math.min(largest, Math.max(smallest, fitting));
}

/** Two decimals, cut off: nothing short of certainty reads 1.00. */
function scoreOf(face: Face): string {
  return (Math.floor(face.score * 100) / 100).toFixed(2);
}

/** Which face it is, the class and the score, as far as there is room in the image. */
function labelOf(face: Face & Partial<TrackedFace>, width: number, font: number): string {
  const score = scoreOf(face);
  const track = face.track === undefined ? [] : [`#${face.track}`];
  const whole = [...track, ...(face.class === undefined ? [] : [face.class]), score];
  const labels = [whole, [...track, score]].map((words) => words.join(" "));
  return labels.find((label) => letteringWidth(label, font) <= width) ?? score;
}

function drawLabel(image: RawImage, face: Face, line: number, font: number): void {
  const pad = font * 2;
  const text = labelOf(face, image.width - 2 * pad, font);
  const width = letteringWidth(text, font) + 2 * pad;
  const height = LETTER_HEIGHT * font + 2 * pad;
  if (width > image.width || height > image.height) return;
  const [x1, y1] = face.box.map(Math.round);
  const above = y1 - line - height;
  const left = Math.min(Math.max(x1 - line, 0), image.width - width);
  const top = Math.min(Math.max(above >= 0 ? above : y1, 0), image.height - height);
  fillRect(image, left, top, left + width, top + height, DARK);
  drawLettering(image, text, [left + pad, top + pad], font, TEXT);
}

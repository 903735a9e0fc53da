import {
  type Colour,
  drawLettering,
  endOf,
  fillRect,
  LETTER_HEIGHT,
  letteringWidth,
  type RawImage,
  resizeBilinear,
  strokeRect,
} from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import type { Detections } from "../evaluate/detections.js";

/** What a row of the sheet shows. */
export interface ComparedPicture {
  readonly record: FaceRecord;
  readonly image: RawImage;
  /** For each side: what was found, which labelled faces that finds, and which of it is false. */
  readonly sides: readonly {
    readonly detections: Detections;
    readonly found: Uint8Array;
    readonly falseFaces: readonly number[];
  }[];
  readonly caption: string;
}

const PAPER: Colour = [255, 255, 255];
const INK: Colour = [0, 0, 0];
const FOUND: Colour = [0, 200, 100];
const MISSED: Colour = [255, 196, 0];
const FALSE: Colour = [230, 30, 30];
const LEGEND: readonly (readonly [text: string, colour: Colour])[] = [
  ["found", FOUND],
  ["missed", MISSED],
  ["false", FALSE],
];
const GAP = 6;
const LINE = 2 * LETTER_HEIGHT + 6;
/** Letters are twice as large as they are drawn. */
const SCALE = 2;

interface Placed {
  readonly left: number;
  readonly top: number;
  /** Pixels of the sheet for one of the photo. */
  readonly scale: number;
}

function frame(sheet: RawImage, boxes: ArrayLike<number>, at: number, place: Placed, c: Colour) {
  const corner = (i: number, from: number) => from + Math.round(boxes[at * 4 + i] * place.scale);
  const [x1, y1] = [corner(0, place.left), corner(1, place.top)];
  const [x2, y2] = [corner(2, place.left), corner(3, place.top)];
  strokeRect(sheet, x1 - 1, y1 - 1, x2 + 1, y2 + 1, 2, c);
}

function drawSide(
  sheet: RawImage,
  { record, image, sides }: ComparedPicture,
  side: number,
  place: Placed,
): void {
  const { detections, found, falseFaces } = sides[side];
  const [width, height] = [image.width, image.height].map((v) => Math.round(v * place.scale));
  const small = resizeBilinear(image, width, height);
  for (let row = 0; row < height; row++) {
    const from = row * width * 4;
    const to = ((place.top + row) * sheet.width + place.left) * 4;
    sheet.data.set(small.data.subarray(from, from + width * 4), to);
  }
  for (let f = 0; f < found.length; f++) {
    if (!record.ignored[f]) frame(sheet, record.boxes, f, place, found[f] ? FOUND : MISSED);
  }
  for (const d of falseFaces) frame(sheet, detections.boxes, d, place, FALSE);
}

function drawHead(sheet: RawImage, names: readonly string[], tile: number): void {
  for (const [side, name] of names.entries()) {
    const left = GAP + side * (tile + GAP);
    drawLettering(sheet, endOf(name, tile, SCALE), [left, GAP], SCALE, INK);
  }
  let x = GAP;
  for (const [text, colour] of LEGEND) {
    strokeRect(sheet, x, GAP + LINE, x + LETTER_HEIGHT * SCALE, GAP + LINE + 14, 3, colour);
    drawLettering(sheet, text, [x + 22, GAP + LINE], SCALE, INK);
    x += 22 + letteringWidth(text, SCALE) + 24;
  }
}

/**
 * A row for each picture, what A found on the left and B on the right: labelled faces green where they are found and yellow
 * where they are missed, what is no labelled face in red.
 *
 * @param names of both sides, which stand above
 * @param tile width of a picture on the sheet, and its largest height
 */
export function compareSheet(
  pictures: readonly ComparedPicture[],
  names: readonly string[],
  tile = 480,
): RawImage {
  const scaleOf = ({ image }: ComparedPicture) => Math.min(tile / image.width, tile / image.height);
  const heights = pictures.map((picture) => Math.round(picture.image.height * scaleOf(picture)));
  const top = GAP + 2 * LINE;
  const width = GAP + names.length * (tile + GAP);
  const height = heights.reduce((sum, h) => sum + h + LINE + GAP, top + GAP);
  const sheet: RawImage = { data: new Uint8ClampedArray(width * height * 4), width, height };
  fillRect(sheet, 0, 0, width, height, PAPER);
  drawHead(sheet, names, tile);
  let y = top + GAP;
  for (const [i, picture] of pictures.entries()) {
    const caption = endOf(picture.caption, width - 2 * GAP, SCALE);
    drawLettering(sheet, caption, [GAP, y], SCALE, INK);
    for (const side of names.keys()) {
      const left = GAP + side * (tile + GAP);
      drawSide(sheet, picture, side, { left, top: y + LINE, scale: scaleOf(picture) });
    }
    y += heights[i] + LINE + GAP;
  }
  return sheet;
}

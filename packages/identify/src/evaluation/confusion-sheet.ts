import { paste } from "@retinaface-webgpu/train";
import {
  type Colour,
  drawLettering,
  endOf,
  fillRect,
  LETTER_HEIGHT,
  type RawImage,
  resizeBilinear,
} from "retinaface-webgpu";

/** A query that is taken for another, with the pictures to see why. */
export interface ConfusedPictures {
  readonly query: RawImage;
  /** The enrolled picture of the other identity that it is most similar to. */
  readonly taken: RawImage;
  /** The enrolled picture of its own identity that it is most similar to. */
  readonly own: RawImage;
  /** Under the three: who is who, and how similar. */
  readonly captions: readonly [query: string, taken: string, own: string];
}

const HEADS = ["query", "taken for", "is"] as const;
const PAPER: Colour = [255, 255, 255];
const INK: Colour = [0, 0, 0];
const GAP = 6;
const SCALE = 2;
const LINE = SCALE * LETTER_HEIGHT + 6;

/** A row a confusion: the query, whom it is taken for, and who it is. */
export function confusionSheet(rows: readonly ConfusedPictures[], tile = 160): RawImage {
  const width = GAP + HEADS.length * (tile + GAP);
  const height = GAP + LINE + rows.length * (tile + LINE + GAP);
  const sheet: RawImage = { data: new Uint8ClampedArray(width * height * 4), width, height };
  fillRect(sheet, 0, 0, width, height, PAPER);
  const leftOf = (column: number) => GAP + column * (tile + GAP);
  for (const [column, head] of HEADS.entries()) {
    drawLettering(sheet, head, [leftOf(column), GAP], SCALE, INK);
  }
  for (const [n, { query, taken, own, captions }] of rows.entries()) {
    const top = GAP + LINE + n * (tile + LINE + GAP);
    for (const [column, image] of [query, taken, own].entries()) {
      paste(sheet, resizeBilinear(image, tile, tile), leftOf(column), top);
      const caption = endOf(captions[column], tile, 1);
      drawLettering(sheet, caption, [leftOf(column), top + tile + 4], 1, INK);
    }
  }
  return sheet;
}

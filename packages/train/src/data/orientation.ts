import { LANDMARK_COORDINATES, MIRRORED_LANDMARKS } from "retinaface-webgpu";
import type { FaceRecord } from "./record.js";

/** Size of an image as it is stored, and its EXIF orientation, 1 to 8. */
export interface StoredSize {
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
}

/** EXIF orientations 5 to 8 turn the image by a quarter. */
const isQuarterTurn = (orientation: number) => orientation >= 5;

/** EXIF orientations that mirror, beside any turn. */
const MIRRORS: ReadonlySet<number> = new Set([2, 4, 5, 7]);

/** The size of the image as it is shown. */
export function uprightSizeOf({ width, height, orientation }: StoredSize) {
  return isQuarterTurn(orientation) ? { width: height, height: width } : { width, height };
}

/** Where a point of the stored pixels is in the upright image, by the table of EXIF 2.3, tag 0x0112. */
function uprightPoint(x: number, y: number, { width, height, orientation }: StoredSize) {
  switch (orientation) {
    case 2:
      return [width - x, y];
    case 3:
      return [width - x, height - y];
    case 4:
      return [x, height - y];
    case 5:
      return [y, x];
    case 6:
      return [height - y, x];
    case 7:
      return [height - y, width - x];
    case 8:
      return [y, width - x];
    default:
      return [x, y];
  }
}

/** A record whose coordinates are of the stored pixels, with those of the upright image. */
export function turnUpright(record: FaceRecord, stored: StoredSize): FaceRecord {
  const boxes = record.boxes.slice();
  for (let i = 0; i < boxes.length; i += 4) {
    const [ax, ay] = uprightPoint(boxes[i], boxes[i + 1], stored);
    const [bx, by] = uprightPoint(boxes[i + 2], boxes[i + 3], stored);
    boxes.set([Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)], i);
  }
  const landmarks = record.landmarks.slice();
  for (let i = 0; i < landmarks.length; i += 2) {
    const column = i % LANDMARK_COORDINATES;
    const point = MIRRORS.has(stored.orientation) ? MIRRORED_LANDMARKS[column / 2] : column / 2;
    const from = i - column + point * 2;
    landmarks.set(uprightPoint(record.landmarks[from], record.landmarks[from + 1], stored), i);
  }
  return { ...record, boxes, landmarks, ...uprightSizeOf(stored) };
}

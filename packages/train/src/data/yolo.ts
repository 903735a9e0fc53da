import { LANDMARK_NAMES } from "retinaface-webgpu";
import { parseNumbers } from "./numbers.js";
import {
  type FaceInput,
  type ImageSource,
  type Problem,
  type ReadResult,
  RecordBuilder,
} from "./record.js";

/** What a set of YOLO labels has in common. */
export interface YoloSet {
  /** Class names by number; a class without a name is called by its number. */
  readonly names: ReadonlyMap<number, string>;
  /** `kpt_shape`: number of keypoints, and numbers of each (x, y, and perhaps its visibility). */
  readonly keypoints?: readonly [count: number, numbers: number];
}

/** The picture that a label file is of. */
export interface YoloImage {
  readonly id: string;
  readonly image: ImageSource;
  /** Pixels of the picture that the shares are of. */
  readonly width: number;
  readonly height: number;
}

const BOX_ROW = 5;
/** Rounding to six digits puts edges a little out of the picture. */
const SLACK = 1e-3;

interface Scale {
  readonly width: number;
  readonly height: number;
}

/** Five visible keypoints in this library's order; others are no landmarks. */
function readKeypoints(values: readonly number[], set: YoloSet, { width, height }: Scale) {
  const [count, numbers] = set.keypoints ?? [0, 0];
  if (count !== LANDMARK_NAMES.length || values.length === BOX_ROW) return undefined;
  const points: number[] = [];
  for (let i = BOX_ROW; i < values.length; i += numbers) {
    const [x, y, visible = 1] = values.slice(i, i + numbers);
    if (visible <= 0 || x < 0 || y < 0) return undefined;
    points.push(x * width, y * height);
  }
  return points;
}

/** x1, y1, x2, y2 in shares of the sides: of centre and size, or around a polygon. */
function readShares(values: readonly number[], isPolygon: boolean): number[] {
  if (!isPolygon) {
    const [, cx, cy, w, h] = values;
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
  }
  const xs = values.filter((_, i) => i % 2 === 1);
  const ys = values.filter((_, i) => i > 0 && i % 2 === 0);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Why a row of so many numbers is no face of the set. */
function wrongLength(count: number, { keypoints }: YoloSet): string | undefined {
  const [points, numbers] = keypoints ?? [0, 0];
  const pose = BOX_ROW + points * numbers;
  if (count === BOX_ROW || count === pose) return undefined;
  if (keypoints) return `a face has ${BOX_ROW} or ${pose} numbers by kpt_shape, not ${count}`;
  if (count === 15 || count === 20) {
    return (
      `${count} numbers may be a box with five points: say "kpt_shape: [5, ${(count - 5) / 5}]" in data.yaml, ` +
      "or boxes alone"
    );
  }
  if (count === 6) return "6 numbers: a prediction with its score; labels have 5";
  if (count >= 7 && count % 2 === 1) return undefined;
  return `a face has ${BOX_ROW} numbers (class, centre x and y, width, height), not ${count}`;
}

function parseRow(row: string, set: YoloSet, scale: Scale): FaceInput | string {
  const values = parseNumbers(row);
  if (!values) return `not numbers: "${row.trim()}"`;
  const wrong = wrongLength(values.length, set);
  if (wrong) return wrong;
  const [number] = values;
  if (!Number.isSafeInteger(number) || number < 0) return `the class ${number} is no whole number`;
  if (set.names.size > 0 && !set.names.has(number)) {
    return `the class ${number} has no name; there are ${[...set.names.keys()].join(", ")}`;
  }
  const shares = readShares(values, !set.keypoints && values.length > BOX_ROW);
  const { width, height } = scale;
  if (Math.min(...shares) < -SLACK || Math.max(...shares) > 1 + SLACK) {
    return `[${values.slice(1, BOX_ROW).join(", ")}] reaches out of 0 to 1: coordinates are shares of the sides`;
  }
  return {
    box: shares.map((share, i) => share * (i % 2 === 0 ? width : height)),
    label: set.names.get(number) ?? `${number}`,
    landmarks: readKeypoints(values, set, scale),
  };
}

/**
 * Reads one label file of YOLO's form, as Ultralytics documents it: a row a face of class, centre x and y, width and
 * height, in shares of the picture's sides. Behind them, where the set states `kpt_shape`, keypoints, of which exactly
 * five visible ones are landmarks; else a row may be class and a polygon, whose bounding box is taken.
 */
export function parseYolo(text: string, file: string, of: YoloImage, set: YoloSet): ReadResult {
  const problems: Problem[] = [];
  const builder = new RecordBuilder(of.id, of.image, { width: of.width, height: of.height });
  for (const [i, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const face = parseRow(row, set, of);
    const message = typeof face === "string" ? face : builder.add(face);
    if (message) problems.push({ file, line: i + 1, message });
  }
  return { records: [builder.build()], problems };
}

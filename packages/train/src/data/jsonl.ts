import { LANDMARK_COORDINATES, LANDMARK_NAMES } from "retinaface-webgpu";
import { isNumbers, isObject, type JsonObject, readJsonSize } from "./json.js";
import {
  type FaceInput,
  type FaceRecord,
  type Problem,
  type ReadResult,
  RecordBuilder,
} from "./record.js";
import { bandOf, ENSEMBLE_BANDS, type ScoreBands } from "./score-bands.js";
import type { ResolveImage } from "./wider.js";

/** Five points as pairs or as ten numbers; undefined for what is neither. */
function readPoints(value: unknown): number[] | undefined {
  if (isNumbers(value, LANDMARK_COORDINATES)) return value;
  const arePairs =
    Array.isArray(value) &&
    value.length === LANDMARK_NAMES.length &&
    value.every((point) => isNumbers(point, 2));
  return arePairs ? value.flat() : undefined;
}

/** What a face is without its landmarks; undefined for one whose score makes it background. */
function readBox(value: JsonObject, bands: ScoreBands | undefined): FaceInput | undefined {
  const named = [value.label, value.class].find((name) => typeof name === "string" && name !== "");
  const label = (named as string | undefined) ?? "face";
  const scored = bands && typeof value.score === "number" ? bandOf(value.score, bands) : "face";
  if (!scored) return undefined;
  return {
    box: value.box as number[],
    label,
    ignored: value.ignored === true || scored === "ignored",
  };
}

/** Adds a face to the record. @returns what is wrong with it */
function addFace(
  builder: RecordBuilder,
  value: unknown,
  bands: ScoreBands | undefined,
): string | undefined {
  if (!isObject(value)) return "is no object";
  if (!isNumbers(value.box, 4)) return "has no box of four numbers";
  const face = readBox(value, bands);
  if (!face) return undefined;
  if (value.landmarks === undefined || value.landmarks === null) return builder.add(face);
  const landmarks = readPoints(value.landmarks);
  const missing = landmarks ? undefined : "has landmarks that are not five [x, y]; its box is kept";
  return builder.add({ ...face, landmarks }) ?? missing;
}

function readLine(
  value: JsonObject,
  resolve: ResolveImage,
  report: (message: string) => void,
  bands: ScoreBands | undefined,
): FaceRecord | undefined {
  const path = value.image ?? value.file;
  if (typeof path !== "string" || path === "") {
    report("no image path");
    return undefined;
  }
  if (!Array.isArray(value.faces)) {
    report("no list of faces");
    return undefined;
  }
  const builder = new RecordBuilder(path, resolve(path), readJsonSize(value));
  for (const [i, item] of value.faces.entries()) {
    const message = addFace(builder, item, bands);
    if (message) report(`faces[${i}] ${message}`);
  }
  return builder.build();
}

/**
 * Reads one JSON object a line, one image each:
 *
 * ```json
 * {"image": "a.jpg", "width": 640, "height": 480, "faces": [
 *   {"box": [x1, y1, x2, y2], "landmarks": [[x, y], …5], "label": "face", "ignored": false, "score": 0.9}]}
 * ```
 *
 * Coordinates are pixels of the upright image. `width`, `height`, `landmarks`, `label` and `ignored`
 * may be absent, `landmarks` may be ten numbers in a row; `file` stands for `image` and `class` for `label`, so that
 * the detector's own output is a starting point.
 *
 * @param bands what scores make of boxes; without them every box is a face, and low scores are a problem
 */
export function parseJsonl(
  text: string,
  file: string,
  resolve: ResolveImage,
  bands?: ScoreBands,
): ReadResult {
  const problems: Problem[] = [];
  const records: FaceRecord[] = [];
  let lowest = 1;
  for (const [i, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const report = (message: string) => problems.push({ file, line: i + 1, message });
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch (error) {
      report((error as Error).message);
      continue;
    }
    if (!isObject(value)) {
      report("a line must be a JSON object");
      continue;
    }
    const record = readLine(value, resolve, report, bands);
    if (record) records.push(record);
    if (!bands) lowest = Math.min(lowest, lowestScore(value.faces));
  }
  const { face, ignore } = ENSEMBLE_BANDS;
  if (lowest < face) {
    const message =
      `boxes with scores down to ${lowest} count as faces: say ?face=${face}&ignore=${ignore} in the ` +
      "SPEC, for faces from one score on and ignored ones from the other";
    problems.push({ file, message });
  }
  return { records, problems };
}

/** The lowest score of boxes that are not ignored anyway. */
function lowestScore(faces: unknown): number {
  if (!Array.isArray(faces)) return 1;
  const counted = faces.filter((face) => isObject(face) && face.ignored !== true);
  const scores = counted.map(({ score }) => score).filter((score) => typeof score === "number");
  return Math.min(1, ...scores);
}

/** Writes records in the format of {@link parseJsonl}, one line each; the image is written as the id. */
export function formatJsonl(records: readonly FaceRecord[]): string {
  const lines = records.map((record) => {
    const faces = record.labels.map((label, i) => {
      const points = [
        ...record.landmarks.subarray(i * LANDMARK_COORDINATES, (i + 1) * LANDMARK_COORDINATES),
      ];
      const pairs = LANDMARK_NAMES.map((_, p) => points.slice(p * 2, p * 2 + 2));
      return {
        box: [...record.boxes.subarray(i * 4, i * 4 + 4)],
        landmarks: points.some(Number.isNaN) ? undefined : pairs,
        label,
        ignored: record.ignored[i] === 1 || undefined,
      };
    });
    return JSON.stringify({ image: record.id, width: record.width, height: record.height, faces });
  });
  return lines.map((line) => `${line}\n`).join("");
}

import { LANDMARK_COORDINATES, LANDMARK_NAMES } from "retinaface-webgpu";
import { isNumbers, isObject, type JsonObject, readJsonSize } from "./json.js";
import {
  type FaceInput,
  type FaceRecord,
  type Problem,
  type ReadResult,
  RecordBuilder,
} from "./record.js";
import type { ResolveImage } from "./wider.js";

function readFace(value: unknown): FaceInput | string {
  if (!isObject(value)) return "is no object";
  if (!isNumbers(value.box, 4)) return "has no box of four numbers";
  const label = typeof value.label === "string" && value.label !== "" ? value.label : "face";
  const face: FaceInput = { box: value.box, label, ignored: value.ignored === true };
  if (value.landmarks === undefined || value.landmarks === null) return face;
  const points = value.landmarks;
  if (
    !Array.isArray(points) ||
    points.length !== LANDMARK_NAMES.length ||
    !points.every((p) => isNumbers(p, 2))
  ) {
    return "has landmarks that are not five [x, y]";
  }
  return { ...face, landmarks: points.flat() };
}

function readLine(
  value: JsonObject,
  resolve: ResolveImage,
  report: (message: string) => void,
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
    const face = readFace(item);
    const message = typeof face === "string" ? face : builder.add(face);
    if (message) report(`faces[${i}] ${message}`);
  }
  return builder.build();
}

/**
 * Reads one JSON object a line, one image each:
 *
 * ```json
 * {"image": "a.jpg", "width": 640, "height": 480, "faces": [
 *   {"box": [x1, y1, x2, y2], "landmarks": [[x, y], …5], "label": "face", "ignored": false}]}
 * ```
 *
 * Coordinates are pixels of the upright image. `width`, `height`, `landmarks`, `label` and `ignored`
 * may be absent; `file` stands for `image`, so that the detector's own output is a starting point.
 */
export function parseJsonl(text: string, file: string, resolve: ResolveImage): ReadResult {
  const problems: Problem[] = [];
  const records: FaceRecord[] = [];
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
    const record = readLine(value, resolve, report);
    if (record) records.push(record);
  }
  return { records, problems };
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

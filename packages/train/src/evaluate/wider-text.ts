import { parseNumber, parseNumbers } from "../data/numbers.js";
import { FormatError } from "../errors.js";
import { byScore, type Detections } from "./detections.js";

/** Drops zeros at the end of a decimal fraction. */
function shorten(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/**
 * One image's detections as WIDER FACE's submission text: name, number of faces, then a row
 * `x y width height score` a face, best first.
 */
export function formatWiderDetections(name: string, detections: Detections): string {
  const { boxes, scores } = detections;
  const rows = byScore(scores).map((i) => {
    const [x1, y1, x2, y2] = boxes.subarray(i * 4, i * 4 + 4);
    const numbers = [x1, y1, x2 - x1, y2 - y1].map((value) => shorten(value, 3));
    return [...numbers, shorten(scores[i], 8)].join(" ");
  });
  return [name, String(rows.length), ...rows, ""].join("\n");
}

/**
 * Reads the text of {@link formatWiderDetections} and of other programs that write WIDER submissions.
 * @throws {FormatError} naming file and line.
 */
export function parseWiderDetections(
  text: string,
  file: string,
): { name: string; detections: Detections } {
  const lines = text.split("\n").map((line) => line.trim());
  const name = lines[0];
  const fail = (line: number, what: string) => new FormatError(`${file}:${line}: ${what}`);
  if (name === "") throw fail(1, "the first line must name the image");
  const count = parseNumber(lines[1] ?? "");
  if (!Number.isSafeInteger(count) || count < 0) {
    throw fail(2, "the second line must be the number of faces");
  }
  const boxes: number[] = [];
  const scores: number[] = [];
  for (const [i, row] of lines.entries()) {
    if (i < 2 || row === "") continue;
    const values = parseNumbers(row);
    if (values?.length !== 5) throw fail(i + 1, `not "x y width height score": ${row}`);
    const [x, y, w, h, score] = values;
    boxes.push(x, y, x + w, y + h);
    scores.push(score);
  }
  if (scores.length !== count) throw fail(2, `${count} faces announced, ${scores.length} follow`);
  const detections = { boxes: Float64Array.from(boxes), scores: Float64Array.from(scores) };
  return { name, detections };
}

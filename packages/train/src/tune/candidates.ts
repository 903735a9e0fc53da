import { isNumbers, isObject } from "../data/json.js";
import { FormatError } from "../errors.js";
import type { Detections } from "../evaluate/detections.js";

/**
 * Stores candidates as text, one image a line: `{"id", "scale": [x, y], "boxes": [x1, y1, x2, y2, …], "scores": […]}`,
 * pixels of the upright image. `scale` is that of {@link Detections}; files without it are of images at their own size.
 */
export function formatCandidates(candidates: ReadonlyMap<string, Detections>): string {
  const round = (values: Float64Array, digits: number) =>
    Array.from(values, (value) => Number(value.toFixed(digits)));
  return [...candidates]
    .map(
      ([id, { boxes, scores, scale }]) =>
        `${JSON.stringify({ id, scale, boxes: round(boxes, 5), scores: round(scores, 8) })}\n`,
    )
    .join("");
}

/**
 * Reads the text of {@link formatCandidates}.
 * @throws {FormatError} naming file and line.
 */
export function parseCandidates(text: string, file: string): Map<string, Detections> {
  const found = new Map<string, Detections>();
  for (const [i, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch (error) {
      throw new FormatError(
        `${file}:${i + 1}: ${(error as Error).message}; mend the line, or find the candidates again`,
        { cause: error },
      );
    }
    if (
      !isObject(value) ||
      typeof value.id !== "string" ||
      !isNumbers(value.scores) ||
      !isNumbers(value.boxes, value.scores.length * 4)
    ) {
      throw new FormatError(`${file}:${i + 1}: needs an id, scores and four box numbers a score`);
    }
    found.set(value.id, {
      boxes: Float64Array.from(value.boxes),
      scores: Float64Array.from(value.scores),
      ...(isNumbers(value.scale, 2) && { scale: [value.scale[0], value.scale[1]] }),
    });
  }
  return found;
}

import { BOX_NUMBERS } from "retinaface-webgpu";

/** Numbers of a row of {@link cornersOf}. */
export const CORNER_ROW = BOX_NUMBERS + 1;

/** Priors as corners and area: rows of x1, y1, x2, y2, area. */
export function cornersOf(priors: Float32Array): Float64Array {
  const rows = new Float64Array((priors.length / BOX_NUMBERS) * CORNER_ROW);
  for (let from = 0, to = 0; from < priors.length; from += BOX_NUMBERS, to += CORNER_ROW) {
    const w = priors[from + 2];
    const h = priors[from + 3];
    rows[to] = priors[from] - w / 2;
    rows[to + 1] = priors[from + 1] - h / 2;
    rows[to + 2] = priors[from] + w / 2;
    rows[to + 3] = priors[from + 1] + h / 2;
    rows[to + 4] = w * h;
  }
  return rows;
}

/** Calls `visit(prior, intersection, prior's area)` for every prior that overlaps the box. */
export function eachOverlap(
  corners: Float64Array,
  box: Float32Array,
  visit: (prior: number, intersection: number, area: number) => void,
): void {
  const [left, top, right, bottom] = box;
  for (let p = 0, at = 0; at < corners.length; p++, at += CORNER_ROW) {
    const x1 = corners[at];
    const y1 = corners[at + 1];
    const x2 = corners[at + 2];
    const y2 = corners[at + 3];
    if (x2 <= left || x1 >= right || y2 <= top || y1 >= bottom) continue;
    const width = Math.min(right, x2) - Math.max(left, x1);
    const height = Math.min(bottom, y2) - Math.max(top, y1);
    visit(p, width * height, corners[at + 4]);
  }
}

/** Calls `visit(prior, iou)` for every prior that overlaps the box. */
export function eachIou(
  corners: Float64Array,
  box: Float32Array,
  visit: (prior: number, iou: number) => void,
): void {
  const area = (box[2] - box[0]) * (box[3] - box[1]);
  eachOverlap(corners, box, (prior, intersection, priorArea) =>
    visit(prior, intersection / (area + priorArea - intersection)),
  );
}

/** The four numbers of a face's box. */
export function boxOf(boxes: Float32Array, face: number): Float32Array {
  return boxes.subarray(face * BOX_NUMBERS, (face + 1) * BOX_NUMBERS);
}

/** Whether a box has an area and is finite. */
export function isSound(box: Float32Array): boolean {
  return box.every(Number.isFinite) && box[2] > box[0] && box[3] > box[1];
}

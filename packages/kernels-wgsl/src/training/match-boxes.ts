/**
 * Which face each box of a batch is: what the second stage of a cascade learns, from the boxes that the first regressed.
 *
 * An invocation goes through its image's faces, of which there are tens, and keeps the one of largest IoU, of equal ones
 * the first; the rows of the faces are read together by a workgroup's lanes. Faces are rows x1, y1, x2, y2, class: a class
 * of −1 is one to be ignored, which also excuses the background boxes that lie in it by half, 0 no face at all.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";

/** Boxes `[batch, boxes, 4]` as corners, faces `[batch, faces, 5]`. */
export interface MatchBoxesSpec {
  readonly batch: number;
  readonly boxes: number;
  readonly faces: number;
  /** A box of at least this IoU is that face. */
  readonly positive: number;
  /** A box of less is background; in between it is ignored. */
  readonly negative: number;
}

/** Numbers of a face's row. */
export const FACE_ROW = 5;
/** The share of a box that an ignored face excuses. */
export const EXCUSED_COVER = 0.5;

/** Bindings: boxes, faces, labels (i32: class, 0 background, −1 ignored), rows (i32: of the face among all of the batch). */
export function matchBoxes(spec: MatchBoxesSpec): Kernel {
  const { batch, boxes, faces, positive, negative } = spec;
  const count = batch * boxes;
  return defineKernel({
    name: "match-boxes",
    buffers: [
      input("boxes", "vec4f"),
      input("faces", "f32"),
      output("labels", "i32"),
      output("rows", "i32"),
    ],
    params: { boxes, faces, positive: { f32: positive }, negative: { f32: negative } },
    count,
    body: `  let first = i / p.boxes * p.faces;
  let box = boxes[i];
  let own = max(box.z - box.x, 0.0) * max(box.w - box.y, 0.0);
  var best = 0.0;
  var row = first;
  var label = 0;
  var excused = false;
  for (var f = 0u; f < p.faces; f++) {
    let at = (first + f) * ${FACE_ROW}u;
    let kind = i32(faces[at + 4u]);
    if (kind == 0) { continue; }
    let low = vec2f(faces[at], faces[at + 1u]);
    let high = vec2f(faces[at + 2u], faces[at + 3u]);
    let side = max(min(high, box.zw) - max(low, box.xy), vec2f());
    let both = side.x * side.y;
    if (kind < 0) {
      excused = excused || (own > 0.0 && both >= ${EXCUSED_COVER} * own);
      continue;
    }
    let iou = both / ((high.x - low.x) * (high.y - low.y) + own - both);
    if (iou > best) {
      best = iou;
      row = first + f;
      label = kind;
    }
  }
  if (best < p.positive) { label = select(-1, 0, best < p.negative && !excused); }
  labels[i] = label;
  rows[i] = i32(row);`,
    flops: count * faces * 16,
    bytes: count * 24 + batch * faces * FACE_ROW * 4,
  });
}

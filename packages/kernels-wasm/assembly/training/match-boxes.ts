/** Which face each box is: as kernels-wgsl's `matchBoxes`. A chunk is some boxes. */
import { MatchBoxes } from "../../src/training/records";
import { float, word } from "../team";

/** Bytes of a face: x1, y1, x2, y2, class. */
const FACE_BYTES: usize = 20;

export function matchBoxesChunk(step: usize, chunk: i32): void {
  const size = word(step, MatchBoxes.chunkBoxes);
  const boxes = word(step, MatchBoxes.boxes);
  const faces = word(step, MatchBoxes.faces);
  const last = min(chunk * size + size, word(step, MatchBoxes.batch) * boxes);
  for (let i = chunk * size; i < last; i++) {
    matchOne(step, i, (i / boxes) * faces, faces);
  }
}

function matchOne(step: usize, i: i32, first: i32, faces: i32): void {
  const box = word(step, MatchBoxes.input) + (<usize>i << 4);
  const x1 = load<f32>(box);
  const y1 = load<f32>(box, 4);
  const x2 = load<f32>(box, 8);
  const y2 = load<f32>(box, 12);
  const own = max<f32>(x2 - x1, 0) * max<f32>(y2 - y1, 0);
  let best: f32 = 0;
  let row = first;
  let label = 0;
  let excused = false;
  for (let f = first; f < first + faces; f++) {
    const face = word(step, MatchBoxes.table) + <usize>f * FACE_BYTES;
    const kind = <i32>load<f32>(face, 16);
    if (kind == 0) continue;
    const width = min<f32>(load<f32>(face, 8), x2) - max<f32>(load<f32>(face), x1);
    const height = min<f32>(load<f32>(face, 12), y2) - max<f32>(load<f32>(face, 4), y1);
    const common = max<f32>(width, 0) * max<f32>(height, 0);
    if (kind < 0) {
      excused = excused || (own > 0 && common >= 0.5 * own);
      continue;
    }
    const area =
      (load<f32>(face, 8) - load<f32>(face)) * (load<f32>(face, 12) - load<f32>(face, 4));
    const iou = common / (area + own - common);
    if (iou > best) {
      best = iou;
      row = f;
      label = kind;
    }
  }
  if (best < float(step, MatchBoxes.positive)) {
    label = best < float(step, MatchBoxes.negative) && !excused ? 0 : -1;
  }
  store<i32>(word(step, MatchBoxes.labels) + (<usize>i << 2), label);
  store<i32>(word(step, MatchBoxes.rows) + (<usize>i << 2), row);
}

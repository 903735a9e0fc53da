/**
 * SimOTA: which face each prior is, as kernels-wgsl's `simOtaClaims` and `simOtaLabels`. A chunk of the first is a face, whose
 * lists of the ten largest IoUs and lowest costs are filled in one pass; of the second an image: claims go to their priors,
 * and where two meet the costs decide.
 */
import { SimOta } from "../../src/training/records";
import { word } from "../team";
import { log } from "./logarithms";

/** Bytes of a face: x1, y1, x2, y2, class. */
const FACE_BYTES: usize = 20;
const KEPT: i32 = 10;
const IOU_COST: f32 = 3;
const CANDIDATE: i32 = 1;
const EXCUSED: i32 = 2;
/** Of a prior's mark: it is outside of the face, or far from its middle. */
const FAR: u32 = 0x80000000;
/** Rows of priors that nobody, and that several faces claim. */
const UNCLAIMED: i32 = -1;
const CONTESTED: i32 = -2;

@inline
function faceAt(step: usize, row: i32): usize {
  return <usize>word(step, SimOta.table) + <usize>row * FACE_BYTES;
}

@inline
function kindOf(face: usize): i32 {
  return <i32>load<f32>(face, 16);
}

function iouOf(box: usize, face: usize): f32 {
  const x1 = load<f32>(box);
  const y1 = load<f32>(box, 4);
  const x2 = load<f32>(box, 8);
  const y2 = load<f32>(box, 12);
  const width = min<f32>(load<f32>(face, 8), x2) - max<f32>(load<f32>(face), x1);
  const height = min<f32>(load<f32>(face, 12), y2) - max<f32>(load<f32>(face, 4), y1);
  const both = max<f32>(width, 0) * max<f32>(height, 0);
  const own = max<f32>(x2 - x1, 0) * max<f32>(y2 - y1, 0);
  const area = (load<f32>(face, 8) - load<f32>(face)) * (load<f32>(face, 12) - load<f32>(face, 4));
  return both / (area + own - both);
}

function markOf(step: usize, prior: i32, face: usize): u32 {
  const point = <usize>word(step, SimOta.points) + (<usize>prior << 4);
  const x = load<f32>(point);
  const y = load<f32>(point, 4);
  const left = load<f32>(face);
  const top = load<f32>(face, 4);
  const right = load<f32>(face, 8);
  const bottom = load<f32>(face, 12);
  const inside = x > left && y > top && x < right && y < bottom;
  const near =
    abs<f32>(x - 0.5 * (left + right)) < load<f32>(point, 8) &&
    abs<f32>(y - 0.5 * (top + bottom)) < load<f32>(point, 12);
  return (inside && near ? 0 : FAR) | <u32>prior;
}

/** Of prior `i` of the batch. */
function costOf(step: usize, i: i32, kind: i32, iou: f32): f32 {
  const at = <usize>(i * word(step, SimOta.classes) + kind - 1) << 2;
  const far = f32x4.extract_lane(log(f32x4.splat(iou + 1e-8)), 0);
  return load<f32>(<usize>word(step, SimOta.costs) + at) - IOU_COST * far;
}

function before(mark: u32, cost: f32, other: u32, otherCost: f32): bool {
  if ((mark ^ other) >= FAR) return mark < other;
  return cost < otherCost || (cost == otherCost && mark < other);
}

/** Lists of a face, in a thread's own memory: the largest IoUs, the lowest costs, the marks of the priors that cost these. */
const COSTS: usize = 40;
const MARKS: usize = 80;

function keepIou(lists: usize, count: i32, iou: f32): void {
  let at = min(count, KEPT - 1);
  if (count == KEPT && !(iou > load<f32>(lists + (<usize>at << 2)))) return;
  for (; at > 0; at--) {
    const place = lists + (<usize>at << 2);
    const last = load<f32>(place - 4);
    if (!(iou > last)) break;
    store<f32>(place, last);
  }
  store<f32>(lists + (<usize>at << 2), iou);
}

function keepCost(lists: usize, count: i32, mark: u32, cost: f32): void {
  let at = min(count, KEPT - 1);
  const end = lists + (<usize>at << 2);
  if (count == KEPT && !before(mark, cost, load<u32>(end, MARKS), load<f32>(end, COSTS))) return;
  for (; at > 0; at--) {
    const place = lists + (<usize>at << 2);
    const last = load<u32>(place - 4, MARKS);
    const lastCost = load<f32>(place - 4, COSTS);
    if (!before(mark, cost, last, lastCost)) break;
    store<u32>(place, last, MARKS);
    store<f32>(place, lastCost, COSTS);
  }
  const place = lists + (<usize>at << 2);
  store<u32>(place, mark, MARKS);
  store<f32>(place, cost, COSTS);
}

export function simOtaClaimsChunk(step: usize, row: i32, thread: i32): void {
  const claims = <usize>word(step, SimOta.claims) + <usize>(row * KEPT) * 4;
  for (let n = 0; n < KEPT; n++) store<i32>(claims + (<usize>n << 2), -1);
  const face = faceAt(step, row);
  const kind = kindOf(face);
  if (kind <= 0) return;
  const lists = <usize>(word(step, SimOta.scratch) + thread * word(step, SimOta.scratchBytes));
  const priors = word(step, SimOta.priors);
  const first = (row / word(step, SimOta.faces)) * priors;
  const boxes = <usize>word(step, SimOta.input);
  const states = <usize>word(step, SimOta.states);
  let found = 0;
  for (let p = 0; p < priors; p++) {
    const i = first + p;
    if ((load<i32>(states + (<usize>i << 2)) & CANDIDATE) == 0) continue;
    const iou = iouOf(boxes + (<usize>i << 4), face);
    const cost = costOf(step, i, kind, iou);
    // What is no number is no candidate, as where every comparison with it fails.
    if (!(cost < 3e38)) continue;
    keepIou(lists, found, iou);
    keepCost(lists, found, markOf(step, p, face), cost);
    if (found < KEPT) found++;
  }
  let sum: f32 = 0;
  for (let n = 0; n < found; n++) sum += load<f32>(lists + (<usize>n << 2));
  const wanted = min(max(<i32>sum, 1), found);
  for (let n = 0; n < wanted; n++) {
    const place = <usize>n << 2;
    store<i32>(claims + place, <i32>(load<u32>(lists + place, MARKS) & ~FAR));
  }
}

export function simOtaLabelsChunk(step: usize, image: i32): void {
  const priors = word(step, SimOta.priors);
  const faces = word(step, SimOta.faces);
  const first = image * faces;
  const base = <usize>(image * priors) << 2;
  const labels = <usize>word(step, SimOta.labels) + base;
  const rows = <usize>word(step, SimOta.rows) + base;
  const states = <usize>word(step, SimOta.states) + base;
  for (let p = 0; p < priors; p++) store<i32>(rows + (<usize>p << 2), UNCLAIMED);
  for (let f = first; f < first + faces; f++) {
    const claims = <usize>word(step, SimOta.claims) + <usize>(f * KEPT) * 4;
    for (let n = 0; n < KEPT; n++) {
      const claim = load<i32>(claims + (<usize>n << 2));
      if (claim < 0) break;
      const place = rows + (<usize>claim << 2);
      store<i32>(place, load<i32>(place) == UNCLAIMED ? f : CONTESTED);
    }
  }
  for (let p = 0; p < priors; p++) {
    const place = <usize>p << 2;
    let row = load<i32>(rows + place);
    let label = (load<i32>(states + place) & EXCUSED) != 0 ? -1 : 0;
    if (row == CONTESTED) row = cheapest(step, image * priors + p, p, first, faces);
    if (row == UNCLAIMED) row = first;
    else label = kindOf(faceAt(step, row));
    store<i32>(rows + place, row);
    store<i32>(labels + place, label);
  }
}

/** The face for which prior `i` of the batch costs least. */
function cheapest(step: usize, i: i32, prior: i32, first: i32, faces: i32): i32 {
  const box = <usize>word(step, SimOta.input) + (<usize>i << 4);
  let row = first;
  let isFar: u32 = 2;
  let least: f32 = 0;
  for (let f = first; f < first + faces; f++) {
    const face = faceAt(step, f);
    const kind = kindOf(face);
    if (kind <= 0) continue;
    const own = markOf(step, prior, face) >> 31;
    const cost = costOf(step, i, kind, iouOf(box, face));
    if (own < isFar || (own == isFar && cost < least)) {
      isFar = own;
      least = cost;
      row = f;
    }
  }
  return row;
}

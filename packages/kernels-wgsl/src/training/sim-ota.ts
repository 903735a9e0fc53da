/**
 * SimOTA (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", section 2.1): which face each prior is, by what the network says
 * of it at this very step.
 *
 * Two kernels. In the first a workgroup takes a face: each lane goes through its share of the priors once and keeps, in order,
 * the ten of largest IoU and the ten that cost least; one lane then merges the lanes' lists, sums the ten IoUs, and as many
 * priors as that, the cheapest, are what the face claims. In the second an invocation is a prior that looks itself up among
 * the claims; the few that several faces claim compute the costs of all faces. So there is no table of faces × priors, which
 * for eight crowds at 640 pixels would be 270 MB, and no order but that of cost and index.
 *
 * Being outside of the face, or far from its middle, is compared before the cost instead of adding 100,000 to it, as the
 * published code does: floats of that size would tell costs apart by hundredths only.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { FACE_ROW } from "./match-boxes.js";

/** Boxes `[batch, priors, 4]` as corners, costs `[batch, priors, classes]`, faces `[batch, faces, 5]`. */
export interface SimOtaSpec {
  readonly batch: number;
  readonly priors: number;
  readonly faces: number;
  readonly classes: number;
}

/** Priors that a face claims at most, and whose IoUs say how many. */
export const MOST_CLAIMS = 10;
/** What counts of a −ln IoU beside the classification's cost. */
export const IOU_COST = 3;
/** Bits of a prior's state: some face's candidate; background that an ignored face excuses. */
export const PRIOR_STATES = { candidate: 1, excused: 2 } as const;

const LANES = 64;

const buffers = [
  input("boxes", "vec4f"),
  input("costs", "f32"),
  input("points", "vec4f"),
  input("states", "i32"),
  input("faces", "f32"),
];

/** What both kernels compute of a prior and a face. */
const cost = `const FAR = 0x80000000u;
struct Face { box: vec4f, kind: i32, }
fn faceAt(row: u32) -> Face {
  let at = row * ${FACE_ROW}u;
  let box = vec4f(faces[at], faces[at + 1u], faces[at + 2u], faces[at + 3u]);
  return Face(box, i32(faces[at + 4u]));
}
fn iouOf(box: vec4f, face: vec4f) -> f32 {
  let side = max(min(box.zw, face.zw) - max(box.xy, face.xy), vec2f());
  let both = side.x * side.y;
  let own = max(box.z - box.x, 0.0) * max(box.w - box.y, 0.0);
  return both / ((face.z - face.x) * (face.w - face.y) + own - both);
}
/** The prior's index, with the highest bit where it is outside of the face or far from its middle. */
fn markOf(prior: u32, face: vec4f) -> u32 {
  let point = points[prior];
  let inside = all(point.xy > face.xy) && all(point.xy < face.zw);
  let near = all(abs(point.xy - 0.5 * (face.xy + face.zw)) < point.zw);
  return select(FAR, 0u, inside && near) | prior;
}
fn costOf(i: u32, kind: i32, iou: f32) -> f32 {
  return costs[i * p.classes + u32(kind) - 1u] - ${IOU_COST}.0 * log(iou + 1e-8);
}`;

const claims = `const KEPT = ${MOST_CLAIMS}u;
const LANES = ${LANES}u;
const NONE = 0xffffffffu;
const MOST = 3e38;
var<private> bestIous: array<f32, KEPT>;
var<private> bestCosts: array<f32, KEPT>;
var<private> bestMarks: array<u32, KEPT>;
var<private> taken: array<u32, LANES>;
var<workgroup> ious: array<f32, ${MOST_CLAIMS * LANES}>;
var<workgroup> lowest: array<f32, ${MOST_CLAIMS * LANES}>;
var<workgroup> marks: array<u32, ${MOST_CLAIMS * LANES}>;
fn before(mark: u32, cost: f32, other: u32, otherCost: f32) -> bool {
  if ((mark ^ other) >= FAR) { return mark < other; }
  return cost < otherCost || (cost == otherCost && mark < other);
}
fn keepIou(iou: f32) {
  var at = KEPT;
  while (at > 0u && iou > bestIous[at - 1u]) {
    if (at < KEPT) { bestIous[at] = bestIous[at - 1u]; }
    at--;
  }
  if (at < KEPT) { bestIous[at] = iou; }
}
fn keepCost(mark: u32, cost: f32) {
  var at = KEPT;
  while (at > 0u && before(mark, cost, bestMarks[at - 1u], bestCosts[at - 1u])) {
    if (at < KEPT) {
      bestMarks[at] = bestMarks[at - 1u];
      bestCosts[at] = bestCosts[at - 1u];
    }
    at--;
  }
  if (at < KEPT) {
    bestMarks[at] = mark;
    bestCosts[at] = cost;
  }
}
/** The sum of the largest IoUs of all lanes, as a number of priors. */
fn countWanted() -> u32 {
  var sum = 0.0;
  for (var n = 0u; n < KEPT; n++) {
    var best = -1.0;
    var owner = 0u;
    for (var l = 0u; l < LANES; l++) {
      if (taken[l] == KEPT) { continue; }
      let iou = ious[l * KEPT + taken[l]];
      if (iou > best) {
        best = iou;
        owner = l;
      }
    }
    if (best < 0.0) { break; }
    sum += best;
    taken[owner]++;
  }
  return max(u32(sum), 1u);
}`;

/**
 * What each face claims: the index of up to ten priors, the cheapest first, then −1. Bindings: boxes, costs of each class,
 * points (the priors' centres, and how far from a face's middle they may be), states ({@link PRIOR_STATES}), faces (as of
 * `matchBoxes`), claims (i32 `[batch, faces, 10]`).
 */
export function simOtaClaims({ batch, priors, faces, classes }: SimOtaSpec): Kernel {
  return defineKernel({
    name: "sim-ota-claims",
    buffers: [...buffers, output("claims", "i32")],
    params: { priors, faces, classes },
    globals: `${cost}\n${claims}`,
    count: batch * faces,
    perGroup: true,
    threads: LANES,
    body: `  let face = faceAt(group);
  let first = group / p.faces * p.priors;
  for (var n = 0u; n < KEPT; n++) {
    bestIous[n] = -1.0;
    bestCosts[n] = MOST;
    bestMarks[n] = NONE;
  }
  for (var j = lane; face.kind > 0 && j < p.priors; j += LANES) {
    if ((states[first + j] & ${PRIOR_STATES.candidate}) == 0) { continue; }
    let iou = iouOf(boxes[first + j], face.box);
    let cost = costOf(first + j, face.kind, iou);
    // What is no number is no candidate.
    if (!(cost < MOST)) { continue; }
    keepIou(iou);
    keepCost(markOf(j, face.box), cost);
  }
  for (var n = 0u; n < KEPT; n++) {
    ious[lane * KEPT + n] = bestIous[n];
    lowest[lane * KEPT + n] = bestCosts[n];
    marks[lane * KEPT + n] = bestMarks[n];
  }
  workgroupBarrier();
  if (lane == 0u) {
    let wanted = countWanted();
    for (var l = 0u; l < LANES; l++) { taken[l] = 0u; }
    for (var n = 0u; n < KEPT; n++) {
      var mark = NONE;
      var cost = MOST;
      var owner = 0u;
      for (var l = 0u; l < LANES && n < wanted; l++) {
        let at = l * KEPT + taken[l];
        if (taken[l] < KEPT && marks[at] != NONE && before(marks[at], lowest[at], mark, cost)) {
          mark = marks[at];
          cost = lowest[at];
          owner = l;
        }
      }
      taken[owner]++;
      claims[group * KEPT + n] = select(i32(mark & ~FAR), -1, mark == NONE);
    }
  }`,
    flops: batch * faces * priors * 20,
    bytes: batch * priors * (20 + classes * 4) + batch * faces * (FACE_ROW + MOST_CLAIMS) * 4,
  });
}

/**
 * Which face each prior is: the one that claims it, of several the cheapest of all. Bindings: those of {@link simOtaClaims},
 * claims to be read, labels (i32: class, 0 background, −1 excused), rows (i32: of the face among all of the batch).
 */
export function simOtaLabels({ batch, priors, faces, classes }: SimOtaSpec): Kernel {
  const count = batch * priors;
  return defineKernel({
    name: "sim-ota-labels",
    buffers: [...buffers, input("claims", "i32"), output("labels", "i32"), output("rows", "i32")],
    params: { priors, faces, classes },
    globals: cost,
    count,
    body: `  let prior = i % p.priors;
  let first = i / p.priors * p.faces;
  var claimed = 0u;
  var row = first;
  for (var f = first; f < first + p.faces; f++) {
    for (var n = 0u; n < ${MOST_CLAIMS}u; n++) {
      let claim = claims[f * ${MOST_CLAIMS}u + n];
      if (claim < 0) { break; }
      if (u32(claim) == prior) {
        claimed++;
        row = f;
      }
    }
  }
  if (claimed > 1u) {
    var isFar = 2u;
    var least = 0.0;
    for (var f = first; f < first + p.faces; f++) {
      let face = faceAt(f);
      if (face.kind <= 0) { continue; }
      let own = markOf(prior, face.box) >> 31u;
      let cost = costOf(i, face.kind, iouOf(boxes[i], face.box));
      if (own < isFar || (own == isFar && cost < least)) {
        isFar = own;
        least = cost;
        row = f;
      }
    }
  }
  let background = select(0, -1, (states[i] & ${PRIOR_STATES.excused}) != 0);
  labels[i] = select(background, faceAt(row).kind, claimed > 0u);
  rows[i] = i32(row);`,
    flops: count * 20,
    bytes: count * (28 + classes * 4) + batch * faces * (FACE_ROW + MOST_CLAIMS) * 4,
  });
}

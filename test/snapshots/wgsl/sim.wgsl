//// sim-ota-claims
struct Params {
  count: u32,
  priors: u32,
  faces: u32,
  classes: u32,
}
@group(0) @binding(0) var<storage, read> boxes: array<vec4f>;
@group(0) @binding(1) var<storage, read> costs: array<f32>;
@group(0) @binding(2) var<storage, read> points: array<vec4f>;
@group(0) @binding(3) var<storage, read> states: array<i32>;
@group(0) @binding(4) var<storage, read> faces: array<f32>;
@group(0) @binding(5) var<storage, read_write> claims: array<i32>;
@group(0) @binding(6) var<uniform> p: Params;
const FAR = 0x80000000u;
struct Face { box: vec4f, kind: i32, }
fn faceAt(row: u32) -> Face {
  let at = row * 5u;
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
  return costs[i * p.classes + u32(kind) - 1u] - 3.0 * log(iou + 1e-8);
}
const KEPT = 10u;
const LANES = 64u;
const NONE = 0xffffffffu;
const MOST = 3e38;
var<private> bestIous: array<f32, KEPT>;
var<private> bestCosts: array<f32, KEPT>;
var<private> bestMarks: array<u32, KEPT>;
var<private> taken: array<u32, LANES>;
var<workgroup> ious: array<f32, 640>;
var<workgroup> lowest: array<f32, 640>;
var<workgroup> marks: array<u32, 640>;
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
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let face = faceAt(group);
  let first = group / p.faces * p.priors;
  for (var n = 0u; n < KEPT; n++) {
    bestIous[n] = -1.0;
    bestCosts[n] = MOST;
    bestMarks[n] = NONE;
  }
  for (var j = lane; face.kind > 0 && j < p.priors; j += LANES) {
    if ((states[first + j] & 1) == 0) { continue; }
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
  }
}

//// sim-ota-labels
struct Params {
  count: u32,
  priors: u32,
  faces: u32,
  classes: u32,
}
@group(0) @binding(0) var<storage, read> boxes: array<vec4f>;
@group(0) @binding(1) var<storage, read> costs: array<f32>;
@group(0) @binding(2) var<storage, read> points: array<vec4f>;
@group(0) @binding(3) var<storage, read> states: array<i32>;
@group(0) @binding(4) var<storage, read> faces: array<f32>;
@group(0) @binding(5) var<storage, read> claims: array<i32>;
@group(0) @binding(6) var<storage, read_write> labels: array<i32>;
@group(0) @binding(7) var<storage, read_write> rows: array<i32>;
@group(0) @binding(8) var<uniform> p: Params;
const FAR = 0x80000000u;
struct Face { box: vec4f, kind: i32, }
fn faceAt(row: u32) -> Face {
  let at = row * 5u;
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
  return costs[i * p.classes + u32(kind) - 1u] - 3.0 * log(iou + 1e-8);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let prior = i % p.priors;
  let first = i / p.priors * p.faces;
  var claimed = 0u;
  var row = first;
  for (var f = first; f < first + p.faces; f++) {
    for (var n = 0u; n < 10u; n++) {
      let claim = claims[f * 10u + n];
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
  let background = select(0, -1, (states[i] & 2) != 0);
  labels[i] = select(background, faceAt(row).kind, claimed > 0u);
  rows[i] = i32(row);
}


//// greedy-nms
struct Params {
  count: u32,
  priors: u32,
  topK: u32,
  capacity: u32,
  suppress: u32,
  nmsThreshold: f32,
  centreVariance: f32,
  sizeVariance: f32,
}
@group(0) @binding(0) var<storage, read> lists: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> priors: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> frames: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> keptBoxes: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> faces: array<vec4<u32>>;
@group(0) @binding(7) var<uniform> p: Params;

const LANES = 128u;
struct Box {
  /** Corners relative to the prior's centre, in pixels. */
  corners: vec4<f32>,
  /** The prior's centre in fractions of the image, area in square pixels. */
  place: vec4<f32>,
}
var<workgroup> corners_: array<vec4<f32>, 128>;
var<workgroup> places_: array<vec4<f32>, 128>;
var<workgroup> masks: array<vec4<u32>, 128>;
var<workgroup> alive: array<u32, 128>;
var<workgroup> block: vec4<u32>;
var<workgroup> keptSoFar: u32;
var<workgroup> flags: atomic<u32>;

/** exp(x) within 2 units in the last place, for |x| < 87. */
fn exponential(x: f32) -> f32 {
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693145752) - n * 1.42860677e-6;
  let tail = 0.0416666667 + r * (0.00833333333 + r * (0.00138888889 + r * 0.000198412698));
  return ldexp(1.0 + (r + r * r * (0.5 + r * (0.166666667 + r * tail))), i32(n));
}
fn isFinite(v: vec4<u32>) -> bool {
  let magnitude = v & vec4<u32>(0x7fffffffu);
  return all(magnitude < vec4<u32>(0x7f800000u));
}
fn overlaps(a: Box, b: Box, frame: vec2<f32>) -> bool {
  let shift = (b.place.xy - a.place.xy) * frame;
  let upper = max(a.corners.xy, b.corners.xy + shift);
  let lower = min(a.corners.zw, b.corners.zw + shift);
  let side = max(lower - upper + 1.0, vec2<f32>());
  let shared_ = side.x * side.y;
  return shared_ > p.nmsThreshold * (a.place.z + b.place.z - shared_);
}
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }

  let frame = frames[group];
  let total = min(counts[group], p.topK);
  let listAt = group * p.priors * 2u;
  let keptAt = group * p.capacity * 2u;
  let outAt = group * (p.capacity * 4u + 1u);
  if (lane == 0u) { keptSoFar = 0u; }
  workgroupBarrier();
  var kept = 0u;
  for (var n = 0u; n < total && kept < p.capacity; n += LANES) {
    let live = n + lane < total;
    var prior = 0u;
    var mine: Box;
    if (live) {
      let item = lists[listAt + n + lane];
      prior = item.y;
      let record = (group * p.priors + prior) * 4u;
      let a = records[record];
      let b = records[record + 1u];
      let offsets = vec4<u32>(a.zw, b.xy);
      let loc = bitcast<vec4<f32>>(offsets);
      let box = priors[prior];
      let unit = box.zw * frame;
      let power = loc.zw * p.sizeVariance;
      if (item.x == 4294967295u) { atomicOr(&flags, 1u); }
      if (!isFinite(offsets) || any(abs(power) > vec2<f32>(87.0))) {
        atomicOr(&flags, 2u);
      }
      let size = unit * vec2<f32>(exponential(power.x), exponential(power.y));
      let upper = loc.xy * p.centreVariance * unit - size * 0.5;
      mine.corners = vec4<f32>(upper, upper + size);
      mine.place = vec4<f32>(box.xy, (size.x + 1.0) * (size.y + 1.0), 0.0);
    }
    corners_[lane] = mine.corners;
    places_[lane] = mine.place;
    workgroupBarrier();

    var free = live;
    var mask = vec4<u32>();
    if (p.suppress != 0u) {
      for (var k = 0u; k < kept; k++) {
        let better = Box(keptBoxes[keptAt + k * 2u], keptBoxes[keptAt + k * 2u + 1u]);
        if (overlaps(better, mine, frame)) { free = false; }
      }
      let rivals = min(total - n, LANES);
      for (var j = 0u; j < rivals; j++) {
        let better = Box(corners_[j], places_[j]);
        if (j < lane && overlaps(better, mine, frame)) { mask[j >> 5u] |= 1u << (j & 31u); }
      }
    }
    masks[lane] = mask;
    alive[lane] = select(0u, 1u, free);
    workgroupBarrier();

    if (lane == 0u) {
      var chosen = vec4<u32>();
      var room = p.capacity - kept;
      for (var j = 0u; j < LANES && room > 0u; j++) {
        if (alive[j] == 0u || any((masks[j] & chosen) != vec4<u32>())) { continue; }
        chosen[j >> 5u] |= 1u << (j & 31u);
        room -= 1u;
      }
      block = chosen;
      keptSoFar = p.capacity - room;
    }
    let chosen = workgroupUniformLoad(&block);
    if (((chosen[lane >> 5u] >> (lane & 31u)) & 1u) != 0u) {
      var rank = kept + countOneBits(chosen[lane >> 5u] & ((1u << (lane & 31u)) - 1u));
      for (var w = 0u; w < (lane >> 5u); w++) { rank += countOneBits(chosen[w]); }
      keptBoxes[keptAt + rank * 2u] = mine.corners;
      keptBoxes[keptAt + rank * 2u + 1u] = mine.place;
      let source = (group * p.priors + prior) * 4u;
      let target_ = outAt + 1u + rank * 4u;
      for (var q = 0u; q < 4u; q++) { faces[target_ + q] = records[source + q]; }
    }
    storageBarrier();
    kept = workgroupUniformLoad(&keptSoFar);
  }
  if (lane == 0u) { faces[outAt] = vec4<u32>(kept, atomicLoad(&flags), counts[group], 0u); }
}


//// greedy-nms
struct Params {
  count: u32,
  priors: u32,
  topK: u32,
  capacity: u32,
  boxes: u32,
  words: u32,
  header: u32,
  suppress: u32,
  nmsThreshold: f32,
  centreVariance: f32,
  sizeVariance: f32,
}
@group(0) @binding(0) var<storage, read> lists: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<u32>;
@group(0) @binding(3) var<storage, read> priors: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> frames: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> boxes: array<Box>;
@group(0) @binding(6) var<storage, read_write> faces: array<u32>;
@group(0) @binding(7) var<uniform> p: Params;

const LANES = 128u;
struct Box {
  corners: vec4<f32>,
  place: vec4<f32>,
}
var<workgroup> masks: array<vec4<u32>, 128>;
var<workgroup> alive: array<u32, 128>;
var<workgroup> block: vec4<u32>;
var<workgroup> keptSoFar: u32;
var<workgroup> flags: atomic<u32>;

fn exponential(x: vec2<f32>) -> vec2<f32> {
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693145752) - n * 1.42860677e-6;
  let tail = 0.0416666667 + r * (0.00833333333 + r * (0.00138888889 + r * 0.000198412698));
  let scale = bitcast<vec2<f32>>((vec2<i32>(n) + 127) << vec2<u32>(23u));
  return (1.0 + (r + r * r * (0.5 + r * (0.166666667 + r * tail)))) * scale;
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
  let boxAt = group * p.boxes;
  let outAt = group * (p.capacity * p.words + p.header);
  if (lane == 0u) { keptSoFar = 0u; }
  workgroupBarrier();
  var kept = 0u;
  for (var n = 0u; n < total && kept < p.capacity; n += LANES) {
    let live = n + lane < total;
    var source = 0u;
    var mine: Box;
    if (live) {
      let item = lists[listAt + n + lane];
      source = (group * p.priors + item.y) * p.words;
      let at = source + 2u;
      let offsets = vec4<u32>(records[at], records[at + 1u], records[at + 2u], records[at + 3u]);
      let loc = bitcast<vec4<f32>>(offsets);
      let box = priors[item.y];
      let unit = box.zw * frame;
      let power = loc.zw * p.sizeVariance;
      let finite = isFinite(offsets) && all(abs(power) <= vec2<f32>(87.0));
      let wrong = select(0u, 1u, item.x == 4294967295u);
      atomicOr(&flags, wrong | select(2u, 0u, finite));
      let size = unit * exponential(power);
      let upper = loc.xy * p.centreVariance * unit - size * 0.5;
      mine.corners = vec4<f32>(upper, upper + size);
      mine.place = vec4<f32>(box.xy, (size.x + 1.0) * (size.y + 1.0), 0.0);
    }
    boxes[boxAt + kept + lane] = mine;
    storageBarrier();

    var free = live;
    var mask = vec4<u32>();
    if (p.suppress != 0u) {
      let rivals = kept + min(total - n, LANES);
      for (var k = 0u; k < rivals; k++) {
        if (overlaps(boxes[boxAt + k], mine, frame)) {
          let j = k - kept;
          if (k < kept) { free = false; } else if (j < lane) { mask[j >> 5u] |= 1u << (j & 31u); }
        }
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
      boxes[boxAt + rank] = mine;
      let target_ = outAt + p.header + rank * p.words;
      for (var w = 0u; w < p.words; w++) { faces[target_ + w] = records[source + w]; }
    }
    storageBarrier();
    kept = workgroupUniformLoad(&keptSoFar);
  }
  if (lane == 0u) {
    faces[outAt] = kept;
    faces[outAt + 1u] = atomicLoad(&flags);
    faces[outAt + 2u] = counts[group];
  }
}

//// greedy-nms-2
struct Params {
  count: u32,
  priors: u32,
  topK: u32,
  capacity: u32,
  boxes: u32,
  words: u32,
  header: u32,
  suppress: u32,
  nmsThreshold: f32,
  centreVariance: f32,
  sizeVariance: f32,
}
@group(0) @binding(0) var<storage, read> lists: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> records: array<u32>;
@group(0) @binding(3) var<storage, read> priors: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> frames: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> boxes: array<Box>;
@group(0) @binding(6) var<storage, read_write> faces: array<u32>;
@group(0) @binding(7) var<uniform> p: Params;

const LANES = 128u;
struct Box {
  corners: vec4<f32>,
  place: vec4<f32>,
}
var<workgroup> masks: array<vec4<u32>, 128>;
var<workgroup> alive: array<u32, 128>;
var<workgroup> block: vec4<u32>;
var<workgroup> keptSoFar: u32;
var<workgroup> flags: atomic<u32>;

fn exponential(x: vec2<f32>) -> vec2<f32> {
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693145752) - n * 1.42860677e-6;
  let tail = 0.0416666667 + r * (0.00833333333 + r * (0.00138888889 + r * 0.000198412698));
  let scale = bitcast<vec2<f32>>((vec2<i32>(n) + 127) << vec2<u32>(23u));
  return (1.0 + (r + r * r * (0.5 + r * (0.166666667 + r * tail)))) * scale;
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
  let boxAt = group * p.boxes;
  let outAt = group * (p.capacity * p.words + p.header);
  if (lane == 0u) { keptSoFar = 0u; }
  workgroupBarrier();
  var kept = 0u;
  for (var n = 0u; n < total && kept < p.capacity; n += LANES) {
    let live = n + lane < total;
    var source = 0u;
    var mine: Box;
    if (live) {
      let item = lists[listAt + n + lane];
      source = (group * p.priors + item.y) * p.words;
      let at = source + 3u;
      let offsets = vec4<u32>(records[at], records[at + 1u], records[at + 2u], records[at + 3u]);
      let loc = bitcast<vec4<f32>>(offsets);
      let box = priors[item.y];
      let unit = box.zw * frame;
      let power = loc.zw * p.sizeVariance;
      let finite = isFinite(offsets) && all(abs(power) <= vec2<f32>(87.0));
      let wrong = select(0u, 1u, item.x == 4294967295u);
      atomicOr(&flags, wrong | select(2u, 0u, finite));
      let size = unit * exponential(power);
      let upper = loc.xy * p.centreVariance * unit - size * 0.5;
      mine.corners = vec4<f32>(upper, upper + size);
      mine.place = vec4<f32>(box.xy, (size.x + 1.0) * (size.y + 1.0), 0.0);
    }
    boxes[boxAt + kept + lane] = mine;
    storageBarrier();

    var free = live;
    var mask = vec4<u32>();
    if (p.suppress != 0u) {
      let rivals = kept + min(total - n, LANES);
      for (var k = 0u; k < rivals; k++) {
        if (overlaps(boxes[boxAt + k], mine, frame)) {
          let j = k - kept;
          if (k < kept) { free = false; } else if (j < lane) { mask[j >> 5u] |= 1u << (j & 31u); }
        }
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
      boxes[boxAt + rank] = mine;
      let target_ = outAt + p.header + rank * p.words;
      for (var w = 0u; w < p.words; w++) { faces[target_ + w] = records[source + w]; }
    }
    storageBarrier();
    kept = workgroupUniformLoad(&keptSoFar);
  }
  if (lane == 0u) {
    faces[outAt] = kept;
    faces[outAt + 1u] = atomicLoad(&flags);
    faces[outAt + 2u] = counts[group];
  }
}


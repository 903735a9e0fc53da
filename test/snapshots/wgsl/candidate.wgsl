//// candidate-sort
struct Params {
  count: u32,
  priors: u32,
  digits: u32,
  keyBits: u32,
}
@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read_write> lists: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

const LANES = 128u;
const SEGMENT = 16u;
var<workgroup> places: array<u32, 2048>;
var<workgroup> sums: array<u32, 128>;
var<workgroup> totals: array<u32, 8>;
var<workgroup> all: u32;

fn before(value: u32, lane: u32) -> u32 {
  sums[lane] = value;
  workgroupBarrier();
  let segment = lane / SEGMENT;
  var sum = 0u;
  for (var i = segment * SEGMENT; i < lane; i++) { sum += sums[i]; }
  if (lane % SEGMENT == SEGMENT - 1u) { totals[segment] = sum + value; }
  workgroupBarrier();
  for (var i = 0u; i < segment; i++) { sum += totals[i]; }
  return sum;
}
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }

  let base = group * p.priors;
  let run = (p.priors + LANES - 1u) / LANES;
  let start = base + min(lane * run, p.priors);
  let stop = base + min(lane * run + run, p.priors);
  var mine = 0u;
  for (var j = start; j < stop; j++) { mine += select(0u, 1u, keys[j] != 0u); }
  let lower = before(mine, lane);
  if (lane == LANES - 1u) { all = lower + mine; }
  let total = workgroupUniformLoad(&all);
  var at = base * 2u + lower;
  if (lane == 0u) { counts[group] = total; }
  if (total == 0u) { return; }
  for (var j = start; j < stop && mine > 0u; j++) {
    let key = keys[j];
    if (key == 0u) { continue; }
    lists[at] = vec2<u32>(key, j - base);
    at += 1u;
    mine -= 1u;
  }
  storageBarrier();

  let share = (total + LANES - 1u) / LANES;
  let first = min(lane * share, total);
  let last = min(first + share, total);
  var source = base * 2u;
  var destination = source + p.priors;
  for (var shift = 0u; shift < p.keyBits; shift += 4u) {
    for (var digit = 0u; digit < p.digits; digit++) { places[digit * LANES + lane] = 0u; }
    for (var j = first; j < last; j++) {
      places[(15u - ((lists[source + j].x >> shift) & 15u)) * LANES + lane] += 1u;
    }
    workgroupBarrier();
    var sum = 0u;
    for (var n = 0u; n < p.digits; n++) { sum += places[lane * 16u + n]; }
    sum = before(sum, lane);
    for (var n = 0u; n < p.digits; n++) {
      let count = places[lane * 16u + n];
      places[lane * 16u + n] = sum;
      sum += count;
    }
    workgroupBarrier();
    for (var j = first; j < last; j++) {
      let item = lists[source + j];
      let place = (15u - ((item.x >> shift) & 15u)) * LANES + lane;
      lists[destination + places[place]] = item;
      places[place] += 1u;
    }
    storageBarrier();
    workgroupBarrier();
    let swap = source;
    source = destination;
    destination = swap;
  }
}


//// sort-up-blocks
struct Params {
  count: u32,
  rows: u32,
  length: u32,
  stride: u32,
  sorted: u32,
  extent: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<uniform> p: Params;
fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}
var<workgroup> held: array<vec2<u32>, 1024>;
fn exchange(a: u32, b: u32) {
  let low = held[a];
  let high = held[b];
  if (swaps(low, high)) { held[a] = high; held[b] = low; }
}
/** Steps of a merge from a reach downwards. */
fn merge(lane: u32, from_: u32) {
  for (var reach = from_; reach > 0u; reach >>= 1u) {
    for (var t = lane; t < 512u; t += 256u) {
      let a = t / reach * 2u * reach + t % reach;
      exchange(a, a + reach);
    }
    workgroupBarrier();
  }
}
fn floatKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
}
fn keyOf(row: u32, position: u32) -> u32 {
  let value = x[(row / p.inner * p.extent + position) * p.inner + row % p.inner];
  return (floatKey(value));
}
fn load(at: u32) -> vec2<u32> {
  let row = at / p.stride;
  let position = at % p.stride;
  if (row >= p.rows || position >= p.length) { return vec2<u32>(0xffffffffu); }
  return vec2<u32>(keyOf(row, position), position);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  for (var e = lane; e < 1024u; e += 256u) { held[e] = load(group * 1024u + e); }
  workgroupBarrier();
  for (var size = 2u; size <= p.sorted; size <<= 1u) {
    let half = size / 2u;
    for (var t = lane; t < 512u; t += 256u) {
      let first = t / half * size;
      exchange(first + t % half, first + size - 1u - t % half);
    }
    workgroupBarrier();
    merge(lane, half / 2u);
  }
  for (var e = lane; e < 1024u; e += 256u) { pairs[group * 1024u + e] = held[e]; }
}

//// sort-down-blocks
struct Params {
  count: u32,
  rows: u32,
  length: u32,
  stride: u32,
  sorted: u32,
  extent: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<uniform> p: Params;
fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}
var<workgroup> held: array<vec2<u32>, 1024>;
fn exchange(a: u32, b: u32) {
  let low = held[a];
  let high = held[b];
  if (swaps(low, high)) { held[a] = high; held[b] = low; }
}
/** Steps of a merge from a reach downwards. */
fn merge(lane: u32, from_: u32) {
  for (var reach = from_; reach > 0u; reach >>= 1u) {
    for (var t = lane; t < 512u; t += 256u) {
      let a = t / reach * 2u * reach + t % reach;
      exchange(a, a + reach);
    }
    workgroupBarrier();
  }
}
fn keyOf(row: u32, position: u32) -> u32 {
  let value = x[(row / p.inner * p.extent + position) * p.inner + row % p.inner];
  return ~(bitcast<u32>(value) ^ 0x80000000u);
}
fn load(at: u32) -> vec2<u32> {
  let row = at / p.stride;
  let position = at % p.stride;
  if (row >= p.rows || position >= p.length) { return vec2<u32>(0xffffffffu); }
  return vec2<u32>(keyOf(row, position), position);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  for (var e = lane; e < 1024u; e += 256u) { held[e] = load(group * 1024u + e); }
  workgroupBarrier();
  for (var size = 2u; size <= p.sorted; size <<= 1u) {
    let half = size / 2u;
    for (var t = lane; t < 512u; t += 256u) {
      let first = t / half * size;
      exchange(first + t % half, first + size - 1u - t % half);
    }
    workgroupBarrier();
    merge(lane, half / 2u);
  }
  for (var e = lane; e < 1024u; e += 256u) { pairs[group * 1024u + e] = held[e]; }
}

//// sort-flip
struct Params {
  count: u32,
  reach: u32,
}
@group(0) @binding(0) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<uniform> p: Params;
fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let first = i / p.reach * 2u * p.reach;
  let a = first + i % p.reach;
  let b = first + 2u * p.reach - 1u - i % p.reach;
  let low = pairs[a];
  let high = pairs[b];
  if (swaps(low, high)) { pairs[a] = high; pairs[b] = low; }
}

//// sort-merge-blocks
struct Params {
  count: u32,
}
@group(0) @binding(0) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<uniform> p: Params;
fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}
var<workgroup> held: array<vec2<u32>, 1024>;
fn exchange(a: u32, b: u32) {
  let low = held[a];
  let high = held[b];
  if (swaps(low, high)) { held[a] = high; held[b] = low; }
}
/** Steps of a merge from a reach downwards. */
fn merge(lane: u32, from_: u32) {
  for (var reach = from_; reach > 0u; reach >>= 1u) {
    for (var t = lane; t < 512u; t += 256u) {
      let a = t / reach * 2u * reach + t % reach;
      exchange(a, a + reach);
    }
    workgroupBarrier();
  }
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  for (var e = lane; e < 1024u; e += 256u) { held[e] = pairs[group * 1024u + e]; }
  workgroupBarrier();
  merge(lane, 512u);
  for (var e = lane; e < 1024u; e += 256u) { pairs[group * 1024u + e] = held[e]; }
}

//// sort-step
struct Params {
  count: u32,
  reach: u32,
}
@group(0) @binding(0) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<uniform> p: Params;
fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let first = i / p.reach * 2u * p.reach;
  let a = first + i % p.reach;
  let b = a + p.reach;
  let low = pairs[a];
  let high = pairs[b];
  if (swaps(low, high)) { pairs[a] = high; pairs[b] = low; }
}

//// sort-write
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
  take: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> positions: array<i32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let k = i % p.inner;
  let rank = i / p.inner % p.take;
  let o = i / p.inner / p.take;
  let position = pairs[(o * p.inner + k) * p.stride + rank].y;
  values[i] = x[(o * p.extent + position) * p.inner + k];
  positions[i] = i32(position);
}


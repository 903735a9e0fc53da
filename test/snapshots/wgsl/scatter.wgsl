//// scatter-add
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let kRest = i / p.inner;
  let k = i - kRest * p.inner;
  let o = kRest / u32(p.extent);
  let uRow = kRest - o * u32(p.extent);
  let r = i32(uRow);
  var sum = vec4<f32>();
  for (var start = 0u; start < p.indices; start += 256u) {
    var part = vec4<f32>();
    for (var j = start; j < min(start + 256u, p.indices); j++) {
      if (rowOf(index[j]) == r) { part += source[(o * p.indices + j) * p.inner + k]; }
    }
    sum += part;
  }
  y[i] = sum;
}

//// scatter-add-elements
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let kRest = i / p.inner;
  let k = i - kRest * p.inner;
  let o = kRest / u32(p.extent);
  let uRow = kRest - o * u32(p.extent);
  let r = i32(uRow);
  var sum = f32();
  for (var start = 0u; start < p.indices; start += 256u) {
    var part = f32();
    for (var j = start; j < min(start + 256u, p.indices); j++) {
      if (rowOf(index[(o * p.indices + j) * p.inner + k]) == r) { part += source[(o * p.indices + j) * p.inner + k]; }
    }
    sum += part;
  }
  y[i] = sum;
}

//// scatter-elements
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let o = i / p.inner / p.indices;
  y[(o * p.extent + u32(index[i])) * p.inner + i % p.inner] = source[i];
}

//// scatter-sort-blocks
struct Params {
  count: u32,
  rows: u32,
  length: u32,
  stride: u32,
  sorted: u32,
  extent: i32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> index: array<i32>;
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
fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }
fn keyOf(row: u32, position: u32) -> u32 {
  return bitcast<u32>(rowOf(index[position]));
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

//// scatter-sort-blocks-2
struct Params {
  count: u32,
  rows: u32,
  length: u32,
  stride: u32,
  sorted: u32,
  extent: i32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> index: array<i32>;
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
fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }
fn keyOf(row: u32, position: u32) -> u32 {
  return bitcast<u32>(rowOf(index[(row / p.inner * p.length + position) * p.inner + row % p.inner]));
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

//// scatter-starts
struct Params {
  count: u32,
  rows: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i % p.rows;
  let base = i / p.rows * p.stride;
  var low = 0u;
  var high = p.stride;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (pairs[base + middle].x < row) { low = middle + 1u; } else { high = middle; }
  }
  starts[i] = low;
}

//// scatter-sum
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
  indices: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let kRest = i / p.inner;
  let k = i - kRest * p.inner;
  let o = kRest / p.extent;
  let r = kRest - o * p.extent;
  let line = 0u;
  let first = starts[line * (p.extent + 1u) + r];
  let last = starts[line * (p.extent + 1u) + r + 1u];
  var sum = vec4<f32>();
  for (var start = first; start < last; start += 256u) {
    var part = vec4<f32>();
    for (var n = start; n < min(start + 256u, last); n++) {
      let j = pairs[line * p.stride + n].y;
      part += source[(o * p.indices + j) * p.inner + k];
    }
    sum += part;
  }
  y[i] = sum;
}

//// scatter-sum-elements
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
  indices: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read> source: array<i32>;
@group(0) @binding(1) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let kRest = i / p.inner;
  let k = i - kRest * p.inner;
  let o = kRest / p.extent;
  let r = kRest - o * p.extent;
  let line = o * p.inner + k;
  let first = starts[line * (p.extent + 1u) + r];
  let last = starts[line * (p.extent + 1u) + r + 1u];
  var sum = i32();
  for (var start = first; start < last; start += 256u) {
    var part = i32();
    for (var n = start; n < min(start + 256u, last); n++) {
      let j = pairs[line * p.stride + n].y;
      part += source[(o * p.indices + j) * p.inner + k];
    }
    sum += part;
  }
  y[i] = sum;
}


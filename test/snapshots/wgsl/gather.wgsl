//// gather
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
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
  let o = kRest / p.indices;
  let j = kRest - o * p.indices;
  let r = rowOf(index[j]);
  var v = vec4<f32>();
  if (r >= 0 && r < p.extent) { v = x[(o * u32(p.extent) + u32(r)) * p.inner + k]; }
  y[i] = v;
}

//// gather-2
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
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
  let o = kRest / p.indices;
  let j = kRest - o * p.indices;
  let r = rowOf(index[j]);
  var v = f32();
  if (r >= 0 && r < p.extent) { v = x[(o * u32(p.extent) + u32(r)) * p.inner + k]; }
  y[i] = v;
}

//// gather-elements
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  indices: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let r = rowOf(index[i]);
  let o = i / p.inner / p.indices;
  var v = f32();
  if (r >= 0 && r < p.extent) { v = x[(o * u32(p.extent) + u32(r)) * p.inner + i % p.inner]; }
  y[i] = v;
}


//// pad-constant
struct Params {
  count: u32,
  value: f32,
  out1: u32,
  n1: i32,
  before1: i32,
  stride1: i32,
  out0: u32,
  n0: i32,
  before0: i32,
  stride0: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn source(s: i32, n: i32) -> i32 { return s; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let o0 = i / p.out1;
  let o1 = i - o0 * p.out1;
  var at = 0;
  var inside = true;
  let s1 = source(i32(o1) - p.before1, p.n1);
  inside = inside && s1 >= 0 && s1 < p.n1;
  at += s1 * p.stride1;
  let s0 = source(i32(o0) - p.before0, p.n0);
  inside = inside && s0 >= 0 && s0 < p.n0;
  at += s0 * p.stride0;
  var v = f32(p.value);
  if (inside) { v = x[at]; }
  y[i] = v;
}

//// pad-reflect
struct Params {
  count: u32,
  value: f32,
  out1: u32,
  n1: i32,
  before1: i32,
  stride1: i32,
  out0: u32,
  n0: i32,
  before0: i32,
  stride0: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn source(s: i32, n: i32) -> i32 { return select(select(s, 2 * (n - 1) - s, s >= n), -s, s < 0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let o0 = i / p.out1;
  let o1 = i - o0 * p.out1;
  var at = 0;
  var inside = true;
  let s1 = source(i32(o1) - p.before1, p.n1);
  inside = inside && s1 >= 0 && s1 < p.n1;
  at += s1 * p.stride1;
  let s0 = source(i32(o0) - p.before0, p.n0);
  inside = inside && s0 >= 0 && s0 < p.n0;
  at += s0 * p.stride0;
  var v = f32(p.value);
  if (inside) { v = x[at]; }
  y[i] = v;
}

//// pad-edge
struct Params {
  count: u32,
  value: f32,
  out1: u32,
  n1: i32,
  before1: i32,
  stride1: i32,
  out0: u32,
  n0: i32,
  before0: i32,
  stride0: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn source(s: i32, n: i32) -> i32 { return clamp(s, 0, n - 1); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let o0 = i / p.out1;
  let o1 = i - o0 * p.out1;
  var at = 0;
  var inside = true;
  let s1 = source(i32(o1) - p.before1, p.n1);
  inside = inside && s1 >= 0 && s1 < p.n1;
  at += s1 * p.stride1;
  let s0 = source(i32(o0) - p.before0, p.n0);
  inside = inside && s0 >= 0 && s0 < p.n0;
  at += s0 * p.stride0;
  var v = f32(p.value);
  if (inside) { v = x[at]; }
  y[i] = v;
}

//// pad-reflect-backward
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  before: i32,
  padded: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn source(s: i32, n: i32) -> i32 { return select(select(s, 2 * (n - 1) - s, s >= n), -s, s < 0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let k = i % p.inner;
  let row = i / p.inner;
  let j = i32(row) % p.extent;
  let base = i32(row) / p.extent * p.padded;
  var sum = gradY[u32(base + p.before + j) * p.inner + k];
  for (var o = 0; o < p.before; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  for (var o = p.before + p.extent; o < p.padded; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  gradX[i] = sum;
}

//// pad-edge-backward
struct Params {
  count: u32,
  extent: i32,
  inner: u32,
  before: i32,
  padded: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn source(s: i32, n: i32) -> i32 { return clamp(s, 0, n - 1); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let k = i % p.inner;
  let row = i / p.inner;
  let j = i32(row) % p.extent;
  let base = i32(row) / p.extent * p.padded;
  var sum = gradY[u32(base + p.before + j) * p.inner + k];
  for (var o = 0; o < p.before; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  for (var o = p.before + p.extent; o < p.padded; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  gradX[i] = sum;
}


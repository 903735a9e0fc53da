//// interpolate-vertices
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
  channels: u32,
}
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> triangles: array<i32>;
@group(0) @binding(2) var<storage, read> barycentrics: array<f32>;
@group(0) @binding(3) var<storage, read> triangle: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;
fn cornerAt(pixel: u32, k: u32) -> i32 {
  let t = triangle[pixel];
  if (t < 0 || t >= i32(p.triangles)) { return -1; }
  let id = triangles[u32(t) * 3u + k];
  if (id < 0 || id >= i32(p.vertices)) { return -1; }
  return i32((pixel / (p.height * p.width) * p.vertices + u32(id)) * p.channels);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let pixel = i / p.channels;
  let channel = i - pixel * p.channels;
  var sum = 0.0;
  for (var k = 0u; k < 3u; k++) {
    let at = cornerAt(pixel, k);
    if (at >= 0) { sum += barycentrics[pixel * 3u + k] * values[u32(at) + channel]; }
  }
  y[i] = sum;
}

//// interpolate-weights-backward
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
  channels: u32,
}
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> triangles: array<i32>;
@group(0) @binding(2) var<storage, read> triangle: array<i32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;
fn cornerAt(pixel: u32, k: u32) -> i32 {
  let t = triangle[pixel];
  if (t < 0 || t >= i32(p.triangles)) { return -1; }
  let id = triangles[u32(t) * 3u + k];
  if (id < 0 || id >= i32(p.vertices)) { return -1; }
  return i32((pixel / (p.height * p.width) * p.vertices + u32(id)) * p.channels);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let pixel = i / 3u;
  let at = cornerAt(pixel, i - pixel * 3u);
  var sum = 0.0;
  if (at >= 0) {
    for (var channel = 0u; channel < p.channels; channel++) {
      sum += g[pixel * p.channels + channel] * values[u32(at) + channel];
    }
  }
  gradient[i] = sum;
}

//// interpolate-values-backward
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
  channels: u32,
}
@group(0) @binding(0) var<storage, read> bounds: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read> barycentrics: array<f32>;
@group(0) @binding(2) var<storage, read> triangle: array<i32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let own = i / p.channels;
  let channel = i - own * p.channels;
  let n = own / p.triangles;
  let t = i32(own - n * p.triangles);
  let box = bounds[own];
  var sum = vec3<f32>();
  for (var y = box.y; y < box.w; y++) {
    for (var x = box.x; x < box.z; x++) {
      let at = (n * p.height + u32(y)) * p.width + u32(x);
      if (triangle[at] != t) { continue; }
      let b = vec3<f32>(barycentrics[at * 3u], barycentrics[at * 3u + 1u], barycentrics[at * 3u + 2u]);
      sum += b * g[at * p.channels + channel];
    }
  }
  for (var k = 0u; k < 3u; k++) { gradient[(own * 3u + k) * p.channels + channel] = sum[k]; }
}


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


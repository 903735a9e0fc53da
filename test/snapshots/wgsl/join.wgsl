//// join
struct Params {
  count: u32,
  total: u32,
  length0: u32,
  length1: u32,
  length2: u32,
}
@group(0) @binding(0) var<storage, read> part0: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> part1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> part2: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> whole: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i / p.total;
  var at = i - row * p.total;
  if (at < p.length0) {
    whole[i] = part0[row * p.length0 + at];
    return;
  }
  at -= p.length0;
  if (at < p.length1) {
    whole[i] = part1[row * p.length1 + at];
    return;
  }
  at -= p.length1;
  whole[i] = part2[row * p.length2 + at];
}

//// join-2
struct Params {
  count: u32,
  total: u32,
  length0: u32,
  length1: u32,
}
@group(0) @binding(0) var<storage, read> part0: array<i32>;
@group(0) @binding(1) var<storage, read> part1: array<i32>;
@group(0) @binding(2) var<storage, read_write> whole: array<i32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i / p.total;
  var at = i - row * p.total;
  if (at < p.length0) {
    whole[i] = part0[row * p.length0 + at];
    return;
  }
  at -= p.length0;
  whole[i] = part1[row * p.length1 + at];
}


//// take
struct Params {
  count: u32,
}
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> target_: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
fn take(at: u32, before: f32) -> f32 {
  let none = at == 4294967295u;
  return select(source[select(at, 0u, none)], before, none);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let at = index[i];
  let before = vec4<f32>(0.0);
  target_[i] = vec4<f32>(take(at[0], before[0]), take(at[1], before[1]), take(at[2], before[2]), take(at[3], before[3]));
}

//// take-2
struct Params {
  count: u32,
}
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn take(at: u32, before: f32) -> f32 {
  let none = at == 4294967295u;
  return select(source[select(at, 0u, none)], before, none);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let at = index[i];
  let before = target_[i];
  target_[i] = f32(take(at, before));
}


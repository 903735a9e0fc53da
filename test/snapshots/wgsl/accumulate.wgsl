//// accumulate
struct Params {
  count: u32,
  fresh: u32,
  share: f32,
}
@group(0) @binding(0) var<storage, read> value: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> total: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let before = select(total[i], vec4<f32>(0.0), p.fresh == 1u);
  total[i] = before + p.share * value[i];
}


//// clip-by-norm
struct Params {
  count: u32,
  maxNorm: f32,
}
@group(0) @binding(0) var<storage, read> sumSquares: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  gradient[i] *= min(1.0, p.maxNorm / (sqrt(sumSquares[0]) + 1e-6));
}

//// clip-by-norm f16
enable f16;
struct Params {
  count: u32,
  maxNorm: f32,
}
@group(0) @binding(0) var<storage, read> sumSquares: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4<f16>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  gradient[i] = vec4<f16>(vec4<f32>(gradient[i]) * ( min(1.0, p.maxNorm / (sqrt(sumSquares[0]) + 1e-6))));
}


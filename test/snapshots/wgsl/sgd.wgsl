//// sgd
struct Params {
  count: u32,
  learningRate: f32,
  momentum: f32,
  weightDecay: f32,
}
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gradient[i] + p.weightDecay * parameter[i];
  parameter[i] -= p.learningRate * g;
}

//// sgd-momentum
struct Params {
  count: u32,
  learningRate: f32,
  momentum: f32,
  weightDecay: f32,
}
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gradient[i] + p.weightDecay * parameter[i];
  let v = p.momentum * velocity[i] + g;
  velocity[i] = v;
  parameter[i] -= p.learningRate * (v);
}

//// sgd-nesterov
struct Params {
  count: u32,
  learningRate: f32,
  momentum: f32,
  weightDecay: f32,
}
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gradient[i] + p.weightDecay * parameter[i];
  let v = p.momentum * velocity[i] + g;
  velocity[i] = v;
  parameter[i] -= p.learningRate * (g + p.momentum * v);
}


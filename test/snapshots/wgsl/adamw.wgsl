//// adamw
struct Params {
  count: u32,
  stepSize: f32,
  rootCorrection: f32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  eps: f32,
  decay: f32,
}
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> parameter: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> second: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gradient[i];
  let w = parameter[i] * p.decay;
  let m = p.beta1 * first[i] + p.oneMinusBeta1 * g;
  let v = p.beta2 * second[i] + p.oneMinusBeta2 * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = w - p.stepSize * m / (sqrt(v) / p.rootCorrection + p.eps);
}


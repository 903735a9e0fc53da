//// smooth-l1
struct Params {
  count: u32,
  beta: f32,
  curvature: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> tIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn loss(d: T) -> T {
  return select(abs(d) - 0.5 * p.beta, d * d * p.curvature, abs(d) < T(p.beta));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = xIn[i];
  let t = tIn[i];
  out[i] = loss(x - t);
}

//// smooth-l1-backward
struct Params {
  count: u32,
  beta: f32,
  inverse: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> tIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn gradient(d: T) -> T { return select(sign(d), d * p.inverse, abs(d) < T(p.beta)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gIn[i];
  let x = xIn[i];
  let t = tIn[i];
  out[i] = g * gradient(x - t);
}


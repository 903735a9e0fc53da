//// random-uniform
struct Params {
  count: u32,
  seed: u32,
  stream: u32,
  low: f32,
  range: f32,
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> p: Params;
fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn bits(i: u32) -> u32 { return pcg(i + pcg(p.stream + pcg(p.seed))); }
/** Uniform in [0, 1): the upper 24 bits, which an f32 holds exactly. */
fn fraction(i: u32) -> f32 { return f32(bits(i) >> 8u) * (1.0 / 16777216.0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  y[i] = p.low + p.range * fraction(i);
}

//// random-normal
struct Params {
  count: u32,
  seed: u32,
  stream: u32,
  mean: f32,
  deviation: f32,
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> p: Params;
fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn bits(i: u32) -> u32 { return pcg(i + pcg(p.stream + pcg(p.seed))); }
/** Uniform in [0, 1): the upper 24 bits, which an f32 holds exactly. */
fn fraction(i: u32) -> f32 { return f32(bits(i) >> 8u) * (1.0 / 16777216.0); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let radius = sqrt(-2.0 * log(1.0 - fraction(2u * i)));
  y[i] = p.mean + p.deviation * radius * cos(6.283185307179586 * fraction(2u * i + 1u));
}


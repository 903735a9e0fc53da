//// sigmoid-focal
struct Params {
  count: u32,
  alpha: f32,
  gamma: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> tIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
struct Focal { p1: T, p0: T, miss: T, ce: T, weight: T }
fn focal(x: T, t: T) -> Focal {
  let e = exp(-abs(x));
  let large = T(1.0) / (T(1.0) + e);
  let small = e * large;
  let p1 = select(small, large, x >= T(0.0));
  let p0 = select(large, small, x >= T(0.0));
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  let ce = max(x, T(0.0)) - x * t + select(log(1.0 + e), series, e < T(0.01));
  let balanced = p.alpha * t + (1.0 - p.alpha) * (1.0 - t);
  let weight = select(balanced, T(1.0), T(p.alpha) < T(0.0));
  return Focal(p1, p0, p1 * (1.0 - t) + p0 * t, ce, weight);
}
fn modulation(miss: T) -> T {
  let power = pow(max(miss, T(1e-37)), T(p.gamma));
  return select(select(power, T(0.0), miss <= T(0.0)), T(1.0), T(p.gamma) == T(0.0));
}
fn focalLoss(x: T, t: T) -> T {
  let f = focal(x, t);
  return f.weight * f.ce * modulation(f.miss);
}
fn focalGradient(x: T, t: T) -> T {
  let f = focal(x, t);
  let slope = select(f.p1 * f.p0 / f.miss, T(0.0), f.miss <= T(0.0));
  let inner = (f.p1 - t) - p.gamma * f.ce * (2.0 * t - 1.0) * slope;
  return f.weight * modulation(f.miss) * inner;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = xIn[i];
  let t = tIn[i];
  out[i] = focalLoss(x, t);
}

//// sigmoid-focal-backward
struct Params {
  count: u32,
  alpha: f32,
  gamma: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> tIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
struct Focal { p1: T, p0: T, miss: T, ce: T, weight: T }
fn focal(x: T, t: T) -> Focal {
  let e = exp(-abs(x));
  let large = T(1.0) / (T(1.0) + e);
  let small = e * large;
  let p1 = select(small, large, x >= T(0.0));
  let p0 = select(large, small, x >= T(0.0));
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  let ce = max(x, T(0.0)) - x * t + select(log(1.0 + e), series, e < T(0.01));
  let balanced = p.alpha * t + (1.0 - p.alpha) * (1.0 - t);
  let weight = select(balanced, T(1.0), T(p.alpha) < T(0.0));
  return Focal(p1, p0, p1 * (1.0 - t) + p0 * t, ce, weight);
}
fn modulation(miss: T) -> T {
  let power = pow(max(miss, T(1e-37)), T(p.gamma));
  return select(select(power, T(0.0), miss <= T(0.0)), T(1.0), T(p.gamma) == T(0.0));
}
fn focalLoss(x: T, t: T) -> T {
  let f = focal(x, t);
  return f.weight * f.ce * modulation(f.miss);
}
fn focalGradient(x: T, t: T) -> T {
  let f = focal(x, t);
  let slope = select(f.p1 * f.p0 / f.miss, T(0.0), f.miss <= T(0.0));
  let inner = (f.p1 - t) - p.gamma * f.ce * (2.0 * t - 1.0) * slope;
  return f.weight * modulation(f.miss) * inner;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = gIn[i];
  let x = xIn[i];
  let t = tIn[i];
  out[i] = g * focalGradient(x, t);
}


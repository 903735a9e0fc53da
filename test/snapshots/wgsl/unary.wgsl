//// unary-abs
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(abs(x));
}

//// unary-abs-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * sign(x));
}

//// unary-addScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(x + a);
}

//// unary-addScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g);
}

//// unary-ceil
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(ceil(x));
}

//// unary-ceil-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-clamp
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn clamp_(x: T, low: T, high: T) -> T {
  let raised = select(x, low, x < low);
  return select(raised, high, raised > high);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  let b = T(f32(p.b));
  out[i] = vec4<f32>(clamp_(x, a, b));
}

//// unary-clamp-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  let b = T(f32(p.b));
  out[i] = vec4<f32>(select(T(0), g, (x >= a) & (x <= b)));
}

//// unary-cos
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(cos(x), x, isNan(x)));
}

//// unary-cos-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(-g * sin(x));
}

//// unary-divScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(x / a);
}

//// unary-divScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(g / a);
}

//// unary-elu
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }
fn expm1_(x: T) -> T {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, abs(x) < T(0.1));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(select(a * expm1_(negative_(x)), x, x > T(0)), x, isNan(x)));
}

//// unary-elu-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(g * a * exp(negative_(x)), g, x > T(0)));
}

//// unary-equalScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(T(0), T(1), x == a));
}

//// unary-equalScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-erf
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn erf_(x: T) -> T {
  let s = x * x;
  let series = T(1.1283791670955126) * x * (1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0
    - s * (1.0 / 216.0 - s * (1.0 / 1320.0 - s * (1.0 / 9360.0 - s * (1.0 / 75600.0
    - s * (1.0 / 685440.0 - s * (1.0 / 6894720.0))))))))));
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-s)), series, abs(x) < T(1.0));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(erf_(x), x, isNan(x)));
}

//// unary-erf-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * T(1.1283791670955126) * exp(-x * x));
}

//// unary-exp
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(exp(x), x, isNan(x)));
}

//// unary-exp-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * y);
}

//// unary-expm1
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn expm1_(x: T) -> T {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, abs(x) < T(0.1));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(expm1_(x), x, isNan(x)));
}

//// unary-expm1-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * (y + T(1)));
}

//// unary-floor
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(floor(x));
}

//// unary-floor-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-gelu
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn erf_(x: T) -> T {
  let s = x * x;
  let series = T(1.1283791670955126) * x * (1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0
    - s * (1.0 / 216.0 - s * (1.0 / 1320.0 - s * (1.0 / 9360.0 - s * (1.0 / 75600.0
    - s * (1.0 / 685440.0 - s * (1.0 / 6894720.0))))))))));
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-s)), series, abs(x) < T(1.0));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(T(0.5) * x * (T(1) + erf_(x * T(0.7071067811865476))), x, isNan(x)));
}

//// unary-gelu-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn erf_(x: T) -> T {
  let s = x * x;
  let series = T(1.1283791670955126) * x * (1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0
    - s * (1.0 / 216.0 - s * (1.0 / 1320.0 - s * (1.0 / 9360.0 - s * (1.0 / 75600.0
    - s * (1.0 / 685440.0 - s * (1.0 / 6894720.0))))))))));
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-s)), series, abs(x) < T(1.0));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * (T(0.5) * (T(1) + erf_(x * T(0.7071067811865476))) + x * T(0.3989422804014327) * exp(-x * x * T(0.5))));
}

//// unary-geluTanh
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}
fn geluInner_(x: T) -> T { return T(1.5957691216057308) * (x + T(0.044715) * x * x * x); }
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(x * sigmoid_(geluInner_(x)), x, isNan(x)));
}

//// unary-geluTanh-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}
fn geluInner_(x: T) -> T { return T(1.5957691216057308) * (x + T(0.044715) * x * x * x); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * (sigmoid_(geluInner_(x)) + x * sigmoid_(geluInner_(x)) * sigmoid_(-geluInner_(x)) * T(1.5957691216057308) * (T(1) + T(0.134145) * x * x)));
}

//// unary-greaterEqualScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(T(0), T(1), x >= a));
}

//// unary-greaterEqualScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-greaterScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(T(0), T(1), x > a));
}

//// unary-greaterScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-leakyRelu
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(x * a, x, x >= T(0)));
}

//// unary-leakyRelu-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(g * a, g, x > T(0)));
}

//// unary-lessEqualScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(T(0), T(1), x <= a));
}

//// unary-lessEqualScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-lessScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(T(0), T(1), x < a));
}

//// unary-lessScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-log
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(log(x), x, isNan(x)));
}

//// unary-log-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g / x);
}

//// unary-log1p
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn logOnePlus_(x: T) -> T {
  let s = x / (2.0 + x);
  let q = s * s;
  let series = 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0)))));
  return select(log(1.0 + x), series, abs(x) < T(0.3));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(logOnePlus_(x), x, isNan(x)));
}

//// unary-log1p-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g / (T(1) + x));
}

//// unary-mulScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(x * a);
}

//// unary-mulScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(g * a);
}

//// unary-neg
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(-x);
}

//// unary-neg-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(-g);
}

//// unary-powScalar
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn infinity_() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}
fn pow_(x: T) -> T { return select(pow(x, T(0.5)), T(0.0), x == T(0.0)); }
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(pow_(x), x, isNan(x)));
}

//// unary-powScalar-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn infinity_() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}
fn powLess1_(x: T) -> T { return select(pow(x, T(-0.5)), T(infinity_()), x == T(0.0)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(g * a * powLess1_(x));
}

//// unary-reciprocal
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(1) / x);
}

//// unary-reciprocal-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(-g * y * y);
}

//// unary-relu
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(x, T(0), x < T(0)));
}

//// unary-relu-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(select(T(0), g, y > T(0)));
}

//// unary-round
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(round(x));
}

//// unary-round-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-rsqrt
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(inverseSqrt(x));
}

//// unary-rsqrt-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * T(-0.5) * y * y * y);
}

//// unary-scalarDiv
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(a / x);
}

//// unary-scalarDiv-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(-g * a / (x * x));
}

//// unary-scalarPow
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(select(pow(a, x), x, isNan(x)));
}

//// unary-scalarPow-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(g * y * log(a));
}

//// unary-scalarSub
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(f32(p.a));
  out[i] = vec4<f32>(a - x);
}

//// unary-scalarSub-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(-g);
}

//// unary-selu
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }
fn expm1_(x: T) -> T {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, abs(x) < T(0.1));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(T(1.0507009873554805) * select(T(1.6732632423543772) * expm1_(negative_(x)), x, x > T(0)), x, isNan(x)));
}

//// unary-selu-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * T(1.0507009873554805) * select(T(1.6732632423543772) * exp(negative_(x)), T(1), x > T(0)));
}

//// unary-sigmoid
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(sigmoid_(x), x, isNan(x)));
}

//// unary-sigmoid-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * y * (T(1) - y));
}

//// unary-sign
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(sign(x));
}

//// unary-sign-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(T(0));
}

//// unary-sin
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(sin(x), x, isNan(x)));
}

//// unary-sin-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * cos(x));
}

//// unary-softplus
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn log1p_(e: T) -> T {
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  return select(log(1.0 + e), series, e < T(0.01));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(max(x, T(0)) + log1p_(exp(-abs(x))), x, isNan(x)));
}

//// unary-softplus-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * sigmoid_(x));
}

//// unary-softsign
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(x / (T(1) + abs(x)), sign(x), abs(x) > T(1e30)));
}

//// unary-softsign-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g / ((T(1) + abs(x)) * (T(1) + abs(x))));
}

//// unary-sqrt
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(sqrt(x));
}

//// unary-sqrt-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * T(0.5) / y);
}

//// unary-square
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(x * x);
}

//// unary-square-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let x = T(xIn[i]);
  out[i] = vec4<f32>(g * x * T(2.0));
}

//// unary-tanh
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn tanh_(x: T) -> T {
  let e = exp(-2.0 * abs(x));
  let s = x * x;
  let series = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  return select(sign(x) * (1.0 - e) / (1.0 + e), series, s < T(0.0625));
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f32>(select(tanh_(x), x, isNan(x)));
}

//// unary-tanh-backward
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> yIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let g = T(gIn[i]);
  let y = T(yIn[i]);
  out[i] = vec4<f32>(g * (T(1) - y) * (T(1) + y));
}

//// unary-relu-2
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = f32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = f32(select(x, T(0), x < T(0)));
}

//// unary-sigmoid-2
enable f16;
struct Params {
  count: u32,
  a: f32,
  b: f32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f16>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  out[i] = vec4<f16>(select(sigmoid_(x), x, isNan(x)));
}

//// unary-clamp-2
struct Params {
  count: u32,
  a: i32,
  b: i32,
}
@group(0) @binding(0) var<storage, read> xIn: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<i32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<i32>;
fn clamp_(x: T, low: T, high: T) -> T {
  let raised = select(x, low, x < low);
  return select(raised, high, raised > high);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x = T(xIn[i]);
  let a = T(i32(p.a));
  let b = T(i32(p.b));
  out[i] = vec4<i32>(clamp_(x, a, b));
}


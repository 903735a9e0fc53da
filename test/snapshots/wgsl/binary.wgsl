//// binary-add
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(a + b);
}

//// binary-div
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(a / b);
}

//// binary-equal
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(T(0), T(1), a == b));
}

//// binary-greater
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(T(0), T(1), a > b));
}

//// binary-greaterEqual
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(T(0), T(1), a >= b));
}

//// binary-less
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(T(0), T(1), a < b));
}

//// binary-lessEqual
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(T(0), T(1), a <= b));
}

//// binary-maximum
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(larger(a, b));
}

//// binary-minimum
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(smaller(a, b));
}

//// binary-mul
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(a * b);
}

//// binary-pow
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn power(a: T, b: T) -> T {
  let magnitude = pow(abs(a), b);
  let half = b * 0.5;
  let odd = abs(half - trunc(half)) == T(0.5);
  let signed = select(magnitude, -magnitude, (a < T(0.0)) & odd);
  let real = select(signed, T(constant(0x7fc00000u)), (a < T(0.0)) & (b != trunc(b)));
  let ofZero = select(T(0.0), T(constant(0x7f800000u)), b < T(0.0));
  let known = select(select(real, ofZero, a == T(0.0)), b, isNan(b));
  return select(known, T(1.0), (b == T(0.0)) | (a == T(1.0)));
}
fn constant(bits: u32) -> f32 {
  var held = bits;
  return bitcast<f32>(held);
}
fn powerByBase(g: T, a: T, b: T) -> T {
  return select(g * b * power(a, b - T(1.0)), T(0.0), b == T(0.0));
}
fn powerByExponent(g: T, a: T, b: T) -> T {
  return select(T(0.0), g * power(a, b) * log(max(abs(a), T(1e-37))), abs(a) > T(0.0));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(power(a, b));
}

//// binary-prelu
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(a * b, a, a >= T(0)));
}

//// binary-sub
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(a - b);
}

//// binary-mul-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(g * b);
}

//// binary-mul-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(g * a);
}

//// binary-div-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(g / b);
}

//// binary-div-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(-g * a / (b * b));
}

//// binary-pow-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn power(a: T, b: T) -> T {
  let magnitude = pow(abs(a), b);
  let half = b * 0.5;
  let odd = abs(half - trunc(half)) == T(0.5);
  let signed = select(magnitude, -magnitude, (a < T(0.0)) & odd);
  let real = select(signed, T(constant(0x7fc00000u)), (a < T(0.0)) & (b != trunc(b)));
  let ofZero = select(T(0.0), T(constant(0x7f800000u)), b < T(0.0));
  let known = select(select(real, ofZero, a == T(0.0)), b, isNan(b));
  return select(known, T(1.0), (b == T(0.0)) | (a == T(1.0)));
}
fn constant(bits: u32) -> f32 {
  var held = bits;
  return bitcast<f32>(held);
}
fn powerByBase(g: T, a: T, b: T) -> T {
  return select(g * b * power(a, b - T(1.0)), T(0.0), b == T(0.0));
}
fn powerByExponent(g: T, a: T, b: T) -> T {
  return select(T(0.0), g * power(a, b) * log(max(abs(a), T(1e-37))), abs(a) > T(0.0));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(powerByBase(g, a, b));
}

//// binary-pow-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn power(a: T, b: T) -> T {
  let magnitude = pow(abs(a), b);
  let half = b * 0.5;
  let odd = abs(half - trunc(half)) == T(0.5);
  let signed = select(magnitude, -magnitude, (a < T(0.0)) & odd);
  let real = select(signed, T(constant(0x7fc00000u)), (a < T(0.0)) & (b != trunc(b)));
  let ofZero = select(T(0.0), T(constant(0x7f800000u)), b < T(0.0));
  let known = select(select(real, ofZero, a == T(0.0)), b, isNan(b));
  return select(known, T(1.0), (b == T(0.0)) | (a == T(1.0)));
}
fn constant(bits: u32) -> f32 {
  var held = bits;
  return bitcast<f32>(held);
}
fn powerByBase(g: T, a: T, b: T) -> T {
  return select(g * b * power(a, b - T(1.0)), T(0.0), b == T(0.0));
}
fn powerByExponent(g: T, a: T, b: T) -> T {
  return select(T(0.0), g * power(a, b) * log(max(abs(a), T(1e-37))), abs(a) > T(0.0));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(powerByExponent(g, a, b));
}

//// binary-maximum-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(select(T(0), g * T(0.5), a == b), g, a > b));
}

//// binary-maximum-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(select(T(0), g * T(0.5), a == b), g, b > a));
}

//// binary-minimum-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(select(T(0), g * T(0.5), a == b), g, a < b));
}

//// binary-minimum-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn larger(a: T, b: T) -> T { return select(a, b, (b > a) | isNan(b)); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a) | isNan(b)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(select(T(0), g * T(0.5), a == b), g, b < a));
}

//// binary-prelu-backward-a
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(g * b, g, a > T(0)));
}

//// binary-prelu-backward-b
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  gOffset: u32,
  gS0: u32,
  gS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> gIn: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> aIn: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bIn: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let gAt = p.gOffset + x0 * p.gS0 + x1 * p.gS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  let g = T(gIn[gAt]);
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = vec4<f32>(select(g * a, T(0), a > T(0)));
}

//// binary-add-2
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  outS2: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  aS2: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
  bS2: u32,
}
@group(0) @binding(0) var<storage, read> aIn: array<f32>;
@group(0) @binding(1) var<storage, read> bIn: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = f32;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x2Rest = i / p.n2;
  let x2 = i - x2Rest * p.n2;
  let x0 = x2Rest / p.n1;
  let x1 = x2Rest - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1 + x2 * p.outS2;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1 + x2 * p.aS2;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1 + x2 * p.bS2;
  let a = T(aIn[aAt]);
  let b = T(bIn[bAt]);
  out[outAt] = f32(a + b);
}


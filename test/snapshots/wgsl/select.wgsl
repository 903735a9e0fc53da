//// select
struct Params {
  count: u32,
  n1: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  cOffset: u32,
  cS0: u32,
  cS1: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
}
@group(0) @binding(0) var<storage, read> c: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let outAt = p.outOffset + x0 * p.outS0 + x1 * p.outS1;
  let cAt = p.cOffset + x0 * p.cS0 + x1 * p.cS1;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1;
  out[outAt] = select(vec4<f32>(b[bAt]), vec4<f32>(a[aAt]), (bitcast<vec4<u32>>(vec4(c[cAt])) & vec4<u32>(0x7fffffffu)) != vec4<u32>());
}

//// select-2
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  outOffset: u32,
  outS0: u32,
  outS1: u32,
  outS2: u32,
  cOffset: u32,
  cS0: u32,
  cS1: u32,
  cS2: u32,
  aOffset: u32,
  aS0: u32,
  aS1: u32,
  aS2: u32,
  bOffset: u32,
  bS0: u32,
  bS1: u32,
  bS2: u32,
}
@group(0) @binding(0) var<storage, read> c: array<i32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

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
  let cAt = p.cOffset + x0 * p.cS0 + x1 * p.cS1 + x2 * p.cS2;
  let aAt = p.aOffset + x0 * p.aS0 + x1 * p.aS1 + x2 * p.aS2;
  let bAt = p.bOffset + x0 * p.bS0 + x1 * p.bS1 + x2 * p.bS2;
  out[outAt] = select(f32(b[bAt]), f32(a[aAt]), c[cAt] != i32());
}


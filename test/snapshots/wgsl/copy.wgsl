//// copy
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  dstOffset: u32,
  dstS0: u32,
  dstS1: u32,
  dstS2: u32,
  srcOffset: u32,
  srcS0: u32,
  srcS1: u32,
  srcS2: u32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x2Rest = i / p.n2;
  let x2 = i - x2Rest * p.n2;
  let x0 = x2Rest / p.n1;
  let x1 = x2Rest - x0 * p.n1;
  let dstAt = p.dstOffset + x0 * p.dstS0 + x1 * p.dstS1 + x2 * p.dstS2;
  let srcAt = p.srcOffset + x0 * p.srcS0 + x1 * p.srcS1 + x2 * p.srcS2;
  dst[dstAt] = vec4<f32>(src[srcAt]);
}

//// copy-2
enable f16;
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  dstOffset: u32,
  dstS0: u32,
  dstS1: u32,
  dstS2: u32,
  srcOffset: u32,
  srcS0: u32,
  srcS1: u32,
  srcS2: u32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f16>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x2Rest = i / p.n2;
  let x2 = i - x2Rest * p.n2;
  let x0 = x2Rest / p.n1;
  let x1 = x2Rest - x0 * p.n1;
  let dstAt = p.dstOffset + x0 * p.dstS0 + x1 * p.dstS1 + x2 * p.dstS2;
  let srcAt = p.srcOffset + x0 * p.srcS0 + x1 * p.srcS1 + x2 * p.srcS2;
  dst[dstAt] = vec4<f16>(vec4<f32>(src[srcAt]));
}

//// copy-3
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  dstOffset: u32,
  dstS0: u32,
  dstS1: u32,
  dstS2: u32,
  srcOffset: u32,
  srcS0: u32,
  srcS1: u32,
  srcS2: u32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<i32>>;
@group(0) @binding(2) var<uniform> p: Params;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn saturate_(x: vec4<f32>) -> vec4<i32> {
  let inside = vec4<i32>(clamp(x, vec4<f32>(-2147483648.0), vec4<f32>(2147483520.0)));
  let above = select(inside, vec4<i32>(2147483647), x >= vec4<f32>(2147483648.0));
  return select(above, vec4<i32>(), isNan(x));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x2Rest = i / p.n2;
  let x2 = i - x2Rest * p.n2;
  let x0 = x2Rest / p.n1;
  let x1 = x2Rest - x0 * p.n1;
  let dstAt = p.dstOffset + x0 * p.dstS0 + x1 * p.dstS1 + x2 * p.dstS2;
  let srcAt = p.srcOffset + x0 * p.srcS0 + x1 * p.srcS1 + x2 * p.srcS2;
  dst[dstAt] = vec4<i32>(saturate_(vec4<f32>(src[srcAt])));
}

//// copy-4
enable f16;
struct Params {
  count: u32,
  n1: u32,
  n2: u32,
  dstOffset: u32,
  dstS0: u32,
  dstS1: u32,
  dstS2: u32,
  srcOffset: u32,
  srcS0: u32,
  srcS1: u32,
  srcS2: u32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
fn saturate_(x: vec4<f32>) -> vec4<u32> {
  let inside = vec4<u32>(clamp(x, vec4<f32>(0.0), vec4<f32>(4294967040.0)));
  let above = select(inside, vec4<u32>(4294967295u), x >= vec4<f32>(4294967296.0));
  return select(above, vec4<u32>(), isNan(x));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x2Rest = i / p.n2;
  let x2 = i - x2Rest * p.n2;
  let x0 = x2Rest / p.n1;
  let x1 = x2Rest - x0 * p.n1;
  let dstAt = p.dstOffset + x0 * p.dstS0 + x1 * p.dstS1 + x2 * p.dstS2;
  let srcAt = p.srcOffset + x0 * p.srcS0 + x1 * p.srcS1 + x2 * p.srcS2;
  dst[dstAt] = vec4<u32>(saturate_(vec4<f32>(src[srcAt])));
}

//// copy-5
struct Params {
  count: u32,
  n1: u32,
  dstOffset: u32,
  dstS0: u32,
  dstS1: u32,
  srcOffset: u32,
  srcS0: u32,
  srcS1: u32,
}
@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read_write> dst: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let x0 = i / p.n1;
  let x1 = i - x0 * p.n1;
  let dstAt = p.dstOffset + x0 * p.dstS0 + x1 * p.dstS1;
  let srcAt = p.srcOffset + x0 * p.srcS0 + x1 * p.srcS1;
  dst[dstAt] = f32(src[srcAt]);
}


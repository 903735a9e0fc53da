//// max-pool
struct Params {
  count: u32,
  channels: u32,
  lowest: u32,
  zFrom: i32,
  zTo: i32,
  zKernel: i32,
  zStride: i32,
  zDilation: i32,
  zBefore: i32,
  zAfter: i32,
  yFrom: i32,
  yTo: i32,
  yKernel: i32,
  yStride: i32,
  yDilation: i32,
  yBefore: i32,
  yAfter: i32,
  xFrom: i32,
  xTo: i32,
  xKernel: i32,
  xStride: i32,
  xDilation: i32,
  xBefore: i32,
  xAfter: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> positions: array<vec4<i32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
alias I = vec4<i32>;
fn isNan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uxRest = cRest / u32(p.xTo);
  let ux = cRest - uxRest * u32(p.xTo);
  let uyRest = uxRest / u32(p.yTo);
  let uy = uxRest - uyRest * u32(p.yTo);
  let un = uyRest / u32(p.zTo);
  let uz = uyRest - un * u32(p.zTo);
  let x = i32(ux);
  let y = i32(uy);
  let z = i32(uz);
  let n = i32(un);
  var best = T(bitcast<f32>(p.lowest));
  var taken = I(-1);
  for (var kz = 0; kz < p.zKernel; kz++) {
    let sz = z * p.zStride - p.zBefore + kz * p.zDilation;
    if (sz < 0 || sz >= p.zFrom) { continue; }
  for (var ky = 0; ky < p.yKernel; ky++) {
    let sy = y * p.yStride - p.yBefore + ky * p.yDilation;
    if (sy < 0 || sy >= p.yFrom) { continue; }
  for (var kx = 0; kx < p.xKernel; kx++) {
    let sx = x * p.xStride - p.xBefore + kx * p.xDilation;
    if (sx < 0 || sx >= p.xFrom) { continue; }
    let at = (sz * p.yFrom + sy) * p.xFrom + sx;
    let v = src[u32(n * p.zFrom * p.yFrom * p.xFrom + at) * p.channels + c];
    let better = (v > best) | (taken < I(0)) | isNan(v);
    best = select(best, v, better);
    taken = select(taken, I(at), better);
  }}}
  dst[i] = best;
  positions[i] = taken;
}

//// max-pool-backward
struct Params {
  count: u32,
  channels: u32,
  lowest: u32,
  zFrom: i32,
  zTo: i32,
  zKernel: i32,
  zStride: i32,
  zDilation: i32,
  zBefore: i32,
  zAfter: i32,
  yFrom: i32,
  yTo: i32,
  yKernel: i32,
  yStride: i32,
  yDilation: i32,
  yBefore: i32,
  yAfter: i32,
  xFrom: i32,
  xTo: i32,
  xKernel: i32,
  xStride: i32,
  xDilation: i32,
  xBefore: i32,
  xAfter: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> positions: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> p: Params;
alias T = vec4<f32>;
alias I = vec4<i32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uxRest = cRest / u32(p.xFrom);
  let ux = cRest - uxRest * u32(p.xFrom);
  let uyRest = uxRest / u32(p.yFrom);
  let uy = uxRest - uyRest * u32(p.yFrom);
  let un = uyRest / u32(p.zFrom);
  let uz = uyRest - un * u32(p.zFrom);
  let x = i32(ux);
  let y = i32(uy);
  let z = i32(uz);
  let n = i32(un);
  let own = I((z * p.yFrom + y) * p.xFrom + x);
  var sum = T(0.0);
  for (var kz = 0; kz < p.zKernel; kz++) {
    let tz = z + p.zBefore - kz * p.zDilation;
    let oz = tz / p.zStride;
    if (tz < 0 || tz % p.zStride != 0 || oz >= p.zTo) { continue; }
  for (var ky = 0; ky < p.yKernel; ky++) {
    let ty = y + p.yBefore - ky * p.yDilation;
    let oy = ty / p.yStride;
    if (ty < 0 || ty % p.yStride != 0 || oy >= p.yTo) { continue; }
  for (var kx = 0; kx < p.xKernel; kx++) {
    let tx = x + p.xBefore - kx * p.xDilation;
    let ox = tx / p.xStride;
    if (tx < 0 || tx % p.xStride != 0 || ox >= p.xTo) { continue; }
    let at = u32(((n * p.zTo + oz) * p.yTo + oy) * p.xTo + ox) * p.channels + c;
    sum += select(T(0.0), gradY[at], positions[at] == own);
  }}}
  gradX[i] = sum;
}


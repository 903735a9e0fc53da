//// matmul-tiled-nn
struct Params {
  count: u32,
  m: u32,
  n: u32,
  k: u32,
  aBatchS0: u32,
  bBatchS0: u32,
  tilesM: u32,
  tilesN: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn aBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.aBatchS0;
}
fn bBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.bBatchS0;
}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return a[base + row * p.k + k]; }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return b[base + k * p.n + column]; }
var<workgroup> tileA: array<f32, 1024>;
var<workgroup> tileB: array<f32, 1024>;
fn store(image: u32, m: u32, n: u32, v: vec4<f32>) {
  if (m >= p.m) { return; }
  let at = (image * p.m + m) * p.n + n;
  if (n < p.n) { y[at] = v.x; }
  if (n + 1u < p.n) { y[at + 1u] = v.y; }
  if (n + 2u < p.n) { y[at + 2u] = v.z; }
  if (n + 3u < p.n) { y[at + 3u] = v.w; }
}
fn quad(at: u32) -> vec4<f32> { return vec4(tileB[at], tileB[at + 1u], tileB[at + 2u], tileB[at + 3u]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let firstB = group % p.tilesN * 64u;
  let firstA = group / p.tilesN % p.tilesM * 64u;
  let image = group / p.tilesN / p.tilesM;
  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;
  let row = lane / 16u * 4u;
  let column = lane % 16u * 4u;
  var t0 = vec4<f32>();
  var t1 = vec4<f32>();
  var t2 = vec4<f32>();
  var t3 = vec4<f32>();
  for (var start = 0u; start < p.k; start += 256u) {
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var step = start; step < min(start + 256u, p.k); step += 16u) {
      workgroupBarrier();
      for (var e = lane; e < 1024u; e += 256u) {
      {
        let kk = e % 16u;
        let position = e / 16u;
        let k = step + kk;
        let other = firstA + position;
        var v = 0.0;
        if (k < p.k && other < p.m) { v = loadA(aBase, other, k); }
        tileA[kk * 64u + position] = v;
      }
      {
        let kk = e / 64u;
        let position = e % 64u;
        let k = step + kk;
        let other = firstB + position;
        var v = 0.0;
        if (k < p.k && other < p.n) { v = loadB(bBase, k, other); }
        tileB[kk * 64u + position] = v;
      }
      }
      workgroupBarrier();
      for (var kk = 0u; kk < 16u; kk++) {
        let b4 = quad(kk * 64u + column);
        let at = kk * 64u + row;
        s0 += tileA[at + 0u] * b4;
        s1 += tileA[at + 1u] * b4;
        s2 += tileA[at + 2u] * b4;
        s3 += tileA[at + 3u] * b4;
      }
    }
    t0 += s0;
    t1 += s1;
    t2 += s2;
    t3 += s3;
  }
  store(image, firstA + row + 0u, firstB + column, t0);
  store(image, firstA + row + 1u, firstB + column, t1);
  store(image, firstA + row + 2u, firstB + column, t2);
  store(image, firstA + row + 3u, firstB + column, t3);
}

//// matmul-tiled-tt
struct Params {
  count: u32,
  m: u32,
  n: u32,
  k: u32,
  aBatchS0: u32,
  bBatchS0: u32,
  tilesM: u32,
  tilesN: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn aBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.aBatchS0;
}
fn bBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.bBatchS0;
}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return a[base + k * p.m + row]; }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return b[base + column * p.k + k]; }
var<workgroup> tileA: array<f32, 1024>;
var<workgroup> tileB: array<f32, 1024>;
fn store(image: u32, m: u32, n: u32, v: vec4<f32>) {
  if (m >= p.m) { return; }
  let at = (image * p.m + m) * p.n + n;
  if (n < p.n) { y[at] = v.x; }
  if (n + 1u < p.n) { y[at + 1u] = v.y; }
  if (n + 2u < p.n) { y[at + 2u] = v.z; }
  if (n + 3u < p.n) { y[at + 3u] = v.w; }
}
fn quad(at: u32) -> vec4<f32> { return vec4(tileB[at], tileB[at + 1u], tileB[at + 2u], tileB[at + 3u]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let firstB = group % p.tilesN * 64u;
  let firstA = group / p.tilesN % p.tilesM * 64u;
  let image = group / p.tilesN / p.tilesM;
  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;
  let row = lane / 16u * 4u;
  let column = lane % 16u * 4u;
  var t0 = vec4<f32>();
  var t1 = vec4<f32>();
  var t2 = vec4<f32>();
  var t3 = vec4<f32>();
  for (var start = 0u; start < p.k; start += 256u) {
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var step = start; step < min(start + 256u, p.k); step += 16u) {
      workgroupBarrier();
      for (var e = lane; e < 1024u; e += 256u) {
      {
        let kk = e / 64u;
        let position = e % 64u;
        let k = step + kk;
        let other = firstA + position;
        var v = 0.0;
        if (k < p.k && other < p.m) { v = loadA(aBase, other, k); }
        tileA[kk * 64u + position] = v;
      }
      {
        let kk = e % 16u;
        let position = e / 16u;
        let k = step + kk;
        let other = firstB + position;
        var v = 0.0;
        if (k < p.k && other < p.n) { v = loadB(bBase, k, other); }
        tileB[kk * 64u + position] = v;
      }
      }
      workgroupBarrier();
      for (var kk = 0u; kk < 16u; kk++) {
        let b4 = quad(kk * 64u + column);
        let at = kk * 64u + row;
        s0 += tileA[at + 0u] * b4;
        s1 += tileA[at + 1u] * b4;
        s2 += tileA[at + 2u] * b4;
        s3 += tileA[at + 3u] * b4;
      }
    }
    t0 += s0;
    t1 += s1;
    t2 += s2;
    t3 += s3;
  }
  store(image, firstA + row + 0u, firstB + column, t0);
  store(image, firstA + row + 1u, firstB + column, t1);
  store(image, firstA + row + 2u, firstB + column, t2);
  store(image, firstA + row + 3u, firstB + column, t3);
}

//// matmul-tiled-nn-2
enable f16;
struct Params {
  count: u32,
  m: u32,
  n: u32,
  k: u32,
  aBatchS0: u32,
  bBatchS0: u32,
  tilesM: u32,
  tilesN: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;
@group(0) @binding(3) var<uniform> p: Params;
fn aBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.aBatchS0;
}
fn bBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.bBatchS0;
}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return f32(a[base + row * p.k + k]); }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return f32(b[base + k * p.n + column]); }
var<workgroup> tileA: array<f32, 1024>;
var<workgroup> tileB: array<f32, 1024>;
fn store(image: u32, m: u32, n: u32, v: vec4<f32>) {
  if (m >= p.m) { return; }
  let at = (image * p.m + m) * p.n + n;
  if (n < p.n) { y[at] = f16(v.x); }
  if (n + 1u < p.n) { y[at + 1u] = f16(v.y); }
  if (n + 2u < p.n) { y[at + 2u] = f16(v.z); }
  if (n + 3u < p.n) { y[at + 3u] = f16(v.w); }
}
fn quad(at: u32) -> vec4<f32> { return vec4(tileB[at], tileB[at + 1u], tileB[at + 2u], tileB[at + 3u]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let firstB = group % p.tilesN * 64u;
  let firstA = group / p.tilesN % p.tilesM * 64u;
  let image = group / p.tilesN / p.tilesM;
  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;
  let row = lane / 16u * 4u;
  let column = lane % 16u * 4u;
  var t0 = vec4<f32>();
  var t1 = vec4<f32>();
  var t2 = vec4<f32>();
  var t3 = vec4<f32>();
  for (var start = 0u; start < p.k; start += 256u) {
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var step = start; step < min(start + 256u, p.k); step += 16u) {
      workgroupBarrier();
      for (var e = lane; e < 1024u; e += 256u) {
      {
        let kk = e % 16u;
        let position = e / 16u;
        let k = step + kk;
        let other = firstA + position;
        var v = 0.0;
        if (k < p.k && other < p.m) { v = loadA(aBase, other, k); }
        tileA[kk * 64u + position] = v;
      }
      {
        let kk = e / 64u;
        let position = e % 64u;
        let k = step + kk;
        let other = firstB + position;
        var v = 0.0;
        if (k < p.k && other < p.n) { v = loadB(bBase, k, other); }
        tileB[kk * 64u + position] = v;
      }
      }
      workgroupBarrier();
      for (var kk = 0u; kk < 16u; kk++) {
        let b4 = quad(kk * 64u + column);
        let at = kk * 64u + row;
        s0 += tileA[at + 0u] * b4;
        s1 += tileA[at + 1u] * b4;
        s2 += tileA[at + 2u] * b4;
        s3 += tileA[at + 3u] * b4;
      }
    }
    t0 += s0;
    t1 += s1;
    t2 += s2;
    t3 += s3;
  }
  store(image, firstA + row + 0u, firstB + column, t0);
  store(image, firstA + row + 1u, firstB + column, t1);
  store(image, firstA + row + 2u, firstB + column, t2);
  store(image, firstA + row + 3u, firstB + column, t3);
}

//// matmul-direct-nn-4x4
struct Params {
  count: u32,
  m: u32,
  n: u32,
  k: u32,
  aBatchS0: u32,
  bBatchS0: u32,
  tilesM: u32,
  tilesN: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn aBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.aBatchS0;
}
fn bBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.bBatchS0;
}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return a[base + row * p.k + k]; }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return b[base + k * p.n + column]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let column = i % p.tilesN * 4u;
  let row = i / p.tilesN % p.tilesM * 4u;
  let image = i / p.tilesN / p.tilesM;
  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;
  let r0 = min(row + 0u, p.m - 1u);
  let r1 = min(row + 1u, p.m - 1u);
  let r2 = min(row + 2u, p.m - 1u);
  let r3 = min(row + 3u, p.m - 1u);
  let c0 = min(column + 0u, p.n - 1u);
  let c1 = min(column + 1u, p.n - 1u);
  let c2 = min(column + 2u, p.n - 1u);
  let c3 = min(column + 3u, p.n - 1u);
  var t00 = 0.0;
  var t01 = 0.0;
  var t02 = 0.0;
  var t03 = 0.0;
  var t10 = 0.0;
  var t11 = 0.0;
  var t12 = 0.0;
  var t13 = 0.0;
  var t20 = 0.0;
  var t21 = 0.0;
  var t22 = 0.0;
  var t23 = 0.0;
  var t30 = 0.0;
  var t31 = 0.0;
  var t32 = 0.0;
  var t33 = 0.0;
  for (var start = 0u; start < p.k; start += 256u) {
    var s00 = 0.0;
    var s01 = 0.0;
    var s02 = 0.0;
    var s03 = 0.0;
    var s10 = 0.0;
    var s11 = 0.0;
    var s12 = 0.0;
    var s13 = 0.0;
    var s20 = 0.0;
    var s21 = 0.0;
    var s22 = 0.0;
    var s23 = 0.0;
    var s30 = 0.0;
    var s31 = 0.0;
    var s32 = 0.0;
    var s33 = 0.0;
    for (var k = start; k < min(start + 256u, p.k); k++) {
      let a0 = loadA(aBase, r0, k);
      let a1 = loadA(aBase, r1, k);
      let a2 = loadA(aBase, r2, k);
      let a3 = loadA(aBase, r3, k);
      let b0 = loadB(bBase, k, c0);
      let b1 = loadB(bBase, k, c1);
      let b2 = loadB(bBase, k, c2);
      let b3 = loadB(bBase, k, c3);
      s00 += a0 * b0;
      s01 += a0 * b1;
      s02 += a0 * b2;
      s03 += a0 * b3;
      s10 += a1 * b0;
      s11 += a1 * b1;
      s12 += a1 * b2;
      s13 += a1 * b3;
      s20 += a2 * b0;
      s21 += a2 * b1;
      s22 += a2 * b2;
      s23 += a2 * b3;
      s30 += a3 * b0;
      s31 += a3 * b1;
      s32 += a3 * b2;
      s33 += a3 * b3;
    }
    t00 += s00;
    t01 += s01;
    t02 += s02;
    t03 += s03;
    t10 += s10;
    t11 += s11;
    t12 += s12;
    t13 += s13;
    t20 += s20;
    t21 += s21;
    t22 += s22;
    t23 += s23;
    t30 += s30;
    t31 += s31;
    t32 += s32;
    t33 += s33;
  }
  let base = image * p.m * p.n;
  if (row + 0u < p.m && column + 0u < p.n) { y[base + r0 * p.n + c0] = t00; }
  if (row + 0u < p.m && column + 1u < p.n) { y[base + r0 * p.n + c1] = t01; }
  if (row + 0u < p.m && column + 2u < p.n) { y[base + r0 * p.n + c2] = t02; }
  if (row + 0u < p.m && column + 3u < p.n) { y[base + r0 * p.n + c3] = t03; }
  if (row + 1u < p.m && column + 0u < p.n) { y[base + r1 * p.n + c0] = t10; }
  if (row + 1u < p.m && column + 1u < p.n) { y[base + r1 * p.n + c1] = t11; }
  if (row + 1u < p.m && column + 2u < p.n) { y[base + r1 * p.n + c2] = t12; }
  if (row + 1u < p.m && column + 3u < p.n) { y[base + r1 * p.n + c3] = t13; }
  if (row + 2u < p.m && column + 0u < p.n) { y[base + r2 * p.n + c0] = t20; }
  if (row + 2u < p.m && column + 1u < p.n) { y[base + r2 * p.n + c1] = t21; }
  if (row + 2u < p.m && column + 2u < p.n) { y[base + r2 * p.n + c2] = t22; }
  if (row + 2u < p.m && column + 3u < p.n) { y[base + r2 * p.n + c3] = t23; }
  if (row + 3u < p.m && column + 0u < p.n) { y[base + r3 * p.n + c0] = t30; }
  if (row + 3u < p.m && column + 1u < p.n) { y[base + r3 * p.n + c1] = t31; }
  if (row + 3u < p.m && column + 2u < p.n) { y[base + r3 * p.n + c2] = t32; }
  if (row + 3u < p.m && column + 3u < p.n) { y[base + r3 * p.n + c3] = t33; }
}

//// matmul-direct-nt-1x4
struct Params {
  count: u32,
  m: u32,
  n: u32,
  k: u32,
  aBatchS0: u32,
  bBatchS0: u32,
  tilesM: u32,
  tilesN: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn aBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.aBatchS0;
}
fn bBatchOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.bBatchS0;
}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return a[base + row * p.k + k]; }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return b[base + column * p.k + k]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let column = i % p.tilesN * 4u;
  let row = i / p.tilesN % p.tilesM * 1u;
  let image = i / p.tilesN / p.tilesM;
  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;
  let r0 = min(row + 0u, p.m - 1u);
  let c0 = min(column + 0u, p.n - 1u);
  let c1 = min(column + 1u, p.n - 1u);
  let c2 = min(column + 2u, p.n - 1u);
  let c3 = min(column + 3u, p.n - 1u);
  var t00 = 0.0;
  var t01 = 0.0;
  var t02 = 0.0;
  var t03 = 0.0;
  for (var start = 0u; start < p.k; start += 256u) {
    var s00 = 0.0;
    var s01 = 0.0;
    var s02 = 0.0;
    var s03 = 0.0;
    for (var k = start; k < min(start + 256u, p.k); k++) {
      let a0 = loadA(aBase, r0, k);
      let b0 = loadB(bBase, k, c0);
      let b1 = loadB(bBase, k, c1);
      let b2 = loadB(bBase, k, c2);
      let b3 = loadB(bBase, k, c3);
      s00 += a0 * b0;
      s01 += a0 * b1;
      s02 += a0 * b2;
      s03 += a0 * b3;
    }
    t00 += s00;
    t01 += s01;
    t02 += s02;
    t03 += s03;
  }
  let base = image * p.m * p.n;
  if (row + 0u < p.m && column + 0u < p.n) { y[base + r0 * p.n + c0] = t00; }
  if (row + 0u < p.m && column + 1u < p.n) { y[base + r0 * p.n + c1] = t01; }
  if (row + 0u < p.m && column + 2u < p.n) { y[base + r0 * p.n + c2] = t02; }
  if (row + 0u < p.m && column + 3u < p.n) { y[base + r0 * p.n + c3] = t03; }
}


//// rasterize
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
  rows: u32,
  columns: u32,
}
@group(0) @binding(0) var<storage, read> positions: array<f32>;
@group(0) @binding(1) var<storage, read> triangles: array<i32>;
@group(0) @binding(2) var<storage, read> bounds: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> barycentrics: array<f32>;
@group(0) @binding(4) var<storage, read_write> triangle: array<i32>;
@group(0) @binding(5) var<uniform> p: Params;
struct Corners { id: vec3<i32>, x: vec3<f32>, y: vec3<f32>, z: vec3<f32> }
fn cornersOf(n: u32, t: u32) -> Corners {
  var corners: Corners;
  for (var k = 0u; k < 3u; k++) {
    let id = triangles[t * 3u + k];
    let at = (n * p.vertices + u32(id)) * 3u;
    corners.id[k] = id;
    corners.x[k] = positions[at];
    corners.y[k] = positions[at + 1u];
    corners.z[k] = positions[at + 2u];
  }
  return corners;
}
fn side(a: vec2<f32>, b: vec2<f32>, point: vec2<f32>) -> f32 {
  return (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x);
}
fn sideOf(corners: Corners, j: u32, k: u32, point: vec2<f32>) -> f32 {
  let a = vec2<f32>(corners.x[j], corners.y[j]);
  let b = vec2<f32>(corners.x[k], corners.y[k]);
  if (corners.id[j] < corners.id[k]) { return side(a, b, point); }
  return -side(b, a, point);
}
fn sidesOf(corners: Corners, point: vec2<f32>) -> vec3<f32> {
  return vec3<f32>(
    sideOf(corners, 1u, 2u, point),
    sideOf(corners, 2u, 0u, point),
    sideOf(corners, 0u, 1u, point),
  );
}
var<workgroup> listed: atomic<u32>;
var<workgroup> list: array<u32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let n = group / (p.rows * p.columns);
  let tile = group - n * p.rows * p.columns;
  let first = vec2<i32>(i32(tile % p.columns), i32(tile / p.columns)) * 8;
  let pixel = first + vec2<i32>(i32(lane % 8u), i32(lane / 8u));
  let point = vec2<f32>(pixel) + 0.5;
  var nearest = 0.0;
  var found = -1;
  var weights = vec3<f32>();
  for (var base = 0u; base < p.triangles; base += 64u) {
    if (lane == 0u) { atomicStore(&listed, 0u); }
    workgroupBarrier();
    let own = base + lane;
    if (own < p.triangles) {
      let box = bounds[n * p.triangles + own];
      let meets = all(box.xy < box.zw) && all(box.xy < first + 8) && all(box.zw > first);
      if (meets) { list[atomicAdd(&listed, 1u)] = own; }
    }
    workgroupBarrier();
    let length = atomicLoad(&listed);
    for (var k = 0u; k < length; k++) {
      let t = list[k];
      let box = bounds[n * p.triangles + t];
      if (any(pixel < box.xy) || any(pixel >= box.zw)) { continue; }
      let corners = cornersOf(n, t);
      let l = sidesOf(corners, point);
      let total = l.x + l.y + l.z;
      let inside = min(l.x, min(l.y, l.z)) >= 0.0 || max(l.x, max(l.y, l.z)) <= 0.0;
      if (!inside || total == 0.0) { continue; }
      let m = l / corners.z;
      let sum = m.x + m.y + m.z;
      let closeness = sum / total;
      if (closeness > nearest || (closeness == nearest && i32(t) < found)) {
        nearest = closeness;
        found = i32(t);
        weights = m / sum;
      }
    }
    workgroupBarrier();
  }
  if (pixel.x < i32(p.width) && pixel.y < i32(p.height)) {
    let at = (n * p.height + u32(pixel.y)) * p.width + u32(pixel.x);
    triangle[at] = found;
    barycentrics[at * 3u] = weights.x;
    barycentrics[at * 3u + 1u] = weights.y;
    barycentrics[at * 3u + 2u] = weights.z;
  }
}

//// rasterize-backward
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
}
@group(0) @binding(0) var<storage, read> positions: array<f32>;
@group(0) @binding(1) var<storage, read> triangles: array<i32>;
@group(0) @binding(2) var<storage, read> bounds: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> triangle: array<i32>;
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;
struct Corners { id: vec3<i32>, x: vec3<f32>, y: vec3<f32>, z: vec3<f32> }
fn cornersOf(n: u32, t: u32) -> Corners {
  var corners: Corners;
  for (var k = 0u; k < 3u; k++) {
    let id = triangles[t * 3u + k];
    let at = (n * p.vertices + u32(id)) * 3u;
    corners.id[k] = id;
    corners.x[k] = positions[at];
    corners.y[k] = positions[at + 1u];
    corners.z[k] = positions[at + 2u];
  }
  return corners;
}
fn side(a: vec2<f32>, b: vec2<f32>, point: vec2<f32>) -> f32 {
  return (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x);
}
fn sideOf(corners: Corners, j: u32, k: u32, point: vec2<f32>) -> f32 {
  let a = vec2<f32>(corners.x[j], corners.y[j]);
  let b = vec2<f32>(corners.x[k], corners.y[k]);
  if (corners.id[j] < corners.id[k]) { return side(a, b, point); }
  return -side(b, a, point);
}
fn sidesOf(corners: Corners, point: vec2<f32>) -> vec3<f32> {
  return vec3<f32>(
    sideOf(corners, 1u, 2u, point),
    sideOf(corners, 2u, 0u, point),
    sideOf(corners, 0u, 1u, point),
  );
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let n = i / p.triangles;
  let t = i - n * p.triangles;
  let box = bounds[i];
  var sumX = vec3<f32>();
  var sumY = vec3<f32>();
  var sumZ = vec3<f32>();
  for (var y = box.y; y < box.w; y++) {
    for (var x = box.x; x < box.z; x++) {
      let at = (n * p.height + u32(y)) * p.width + u32(x);
      if (triangle[at] != i32(t)) { continue; }
      let c = cornersOf(n, t);
      let point = vec2<f32>(f32(x), f32(y)) + 0.5;
      let m = sidesOf(c, point) / c.z;
      let sum = m.x + m.y + m.z;
      let gb = vec3<f32>(g[at * 3u], g[at * 3u + 1u], g[at * 3u + 2u]);
      let gl = (gb - dot(gb, m) / sum) / (sum * c.z);
      let dx = c.x - point.x;
      let dy = c.y - point.y;
      sumX += gl.zxy * dy.yzx - gl.yzx * dy.zxy;
      sumY += gl.yzx * dx.zxy - gl.zxy * dx.yzx;
      sumZ -= gl * m;
    }
  }
  for (var k = 0u; k < 3u; k++) {
    gradient[i * 9u + k * 3u] = sumX[k];
    gradient[i * 9u + k * 3u + 1u] = sumY[k];
    gradient[i * 9u + k * 3u + 2u] = sumZ[k];
  }
}


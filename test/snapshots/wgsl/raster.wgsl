//// raster-bounds
struct Params {
  count: u32,
  vertices: u32,
  triangles: u32,
  height: u32,
  width: u32,
}
@group(0) @binding(0) var<storage, read> positions: array<f32>;
@group(0) @binding(1) var<storage, read> triangles: array<i32>;
@group(0) @binding(2) var<storage, read_write> bounds: array<vec4<i32>>;
@group(0) @binding(3) var<uniform> p: Params;
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
  var box = vec4<i32>();
  let ids = vec3<i32>(triangles[t * 3u], triangles[t * 3u + 1u], triangles[t * 3u + 2u]);
  if (all(ids >= vec3<i32>()) && all(ids < vec3<i32>(i32(p.vertices)))) {
    let c = cornersOf(n, t);
    let area = sideOf(c, 0u, 1u, vec2<f32>(c.x.z, c.y.z));
    if (min(c.z.x, min(c.z.y, c.z.z)) > 0.0 && abs(area) > 0.0) {
      let low = vec2<f32>(min(c.x.x, min(c.x.y, c.x.z)), min(c.y.x, min(c.y.y, c.y.z)));
      let high = vec2<f32>(max(c.x.x, max(c.x.y, c.x.z)), max(c.y.x, max(c.y.y, c.y.z)));
      let size = vec2<f32>(f32(p.width), f32(p.height));
      let first = clamp(ceil(low - 0.5), vec2<f32>(), size);
      let last = clamp(floor(high - 0.5) + 1.0, vec2<f32>(), size);
      let most = vec2<i32>(i32(p.width), i32(p.height));
      box = clamp(vec4<i32>(vec2<i32>(first), vec2<i32>(last)), vec4<i32>(), vec4<i32>(most, most));
    }
  }
  bounds[i] = box;
}


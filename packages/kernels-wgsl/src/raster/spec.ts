import { type BufferSpec, input } from "../define.js";
import type { ParamValue } from "../kernel.js";

/** Meshes of the same triangles, each drawn into an image of its own. */
export interface RasterSpec {
  readonly batch: number;
  /** Of one mesh. */
  readonly vertices: number;
  readonly triangles: number;
  readonly height: number;
  readonly width: number;
}

/** Positions and triangles, which most kernels read first. */
export const meshBuffers: readonly BufferSpec[] = [
  input("positions", "f32"),
  input("triangles", "i32"),
];

export function rasterParams(spec: RasterSpec): Record<string, ParamValue> {
  const { vertices, triangles, height, width } = spec;
  return { vertices, triangles, height, width };
}

/**
 * WGSL of a triangle's corners and of the sides on which a point lies: `sidesOf` gives for each corner twice the area of the
 * point with the other two, of one sign inside. An edge is taken from its lower vertex to its higher, so that both of its
 * triangles compute the same number and no pixel falls between them.
 */
export const sides = `struct Corners { id: vec3<i32>, x: vec3<f32>, y: vec3<f32>, z: vec3<f32> }
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
}`;

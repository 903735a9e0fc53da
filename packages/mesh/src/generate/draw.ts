/**
 * Draws a mesh on the host, in double precision, where no device is at hand: in the threads that make training images. The
 * picture is `MeshRenderer`'s, by the same camera and light: triangle by triangle into a depth buffer, normals interpolated.
 */
import type { ImageSize } from "../render/camera.js";

/** What is drawn. */
export interface HostScene {
  /** [v, 3]. */
  readonly vertices: ArrayLike<number>;
  /** [v, 3]. */
  readonly colours: ArrayLike<number>;
  /** [7]: see `project`. */
  readonly camera: ArrayLike<number>;
  /** [9]: see `shade`. */
  readonly light: ArrayLike<number>;
}

/** A picture, 0 where no mesh is. */
export interface HostPicture {
  /** [h, w, 3]. */
  readonly image: Float32Array;
  /** [h, w]: 1 where the mesh is seen. */
  readonly mask: Uint8Array;
  /** [v, 3]: x and y in pixels, depth. */
  readonly positions: Float64Array;
}

/** Where vertices are seen, as `project` has it: `[v, 3]`, x and y in pixels, and the depth. */
export function projectOnHost(
  vertices: ArrayLike<number>,
  camera: ArrayLike<number>,
  [height, width]: ImageSize,
): Float64Array {
  const [sx, sy, sz] = [3, 4, 5].map((k) => Math.sin(camera[k]));
  const [cx, cy, cz] = [3, 4, 5].map((k) => Math.cos(camera[k]));
  const rows = [
    [cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx],
    [cx * sz, cx * cz, -sx],
    [cy * sx * sz - sy * cz, cy * sx * cz + sy * sz, cy * cx],
  ];
  const focal = (camera[6] * height) / 2;
  const positions = new Float64Array(vertices.length);
  for (let v = 0; v < vertices.length; v += 3) {
    const away = [0, 1, 2].map((k) => vertices[v + k] - camera[k]);
    const [x, y, z] = [0, 1, 2].map((j) => away.reduce((sum, d, i) => sum + d * rows[i][j], 0));
    positions.set([width / 2 - (focal * x) / z, height / 2 + (focal * y) / z, -z], v);
  }
  return positions;
}

/** Directions of the surface at vertices, larger triangles counting more: `[v, 3]`, of length 1. */
function normalsOf(vertices: ArrayLike<number>, triangles: Int32Array): Float64Array {
  const normals = new Float64Array(vertices.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => triangles[t + k] * 3);
    const [u, v] = [b, c].map((p) => [0, 1, 2].map((k) => vertices[p + k] - vertices[a + k]));
    const own = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    for (const p of [a, b, c]) for (let k = 0; k < 3; k++) normals[p + k] += own[k];
  }
  for (let p = 0; p < normals.length; p += 3) {
    const length = Math.hypot(normals[p], normals[p + 1], normals[p + 2]) || 1;
    for (let k = 0; k < 3; k++) normals[p + k] /= length;
  }
  return normals;
}

/** What a picture is drawn from and into. */
interface Canvas extends HostPicture {
  readonly scene: HostScene;
  readonly normals: Float64Array;
  readonly size: ImageSize;
  readonly depths: Float64Array;
}

/** Draws the triangle of three vertices, by where their numbers begin. Nothing is allocated for a pixel: they are many. */
function drawTriangle(canvas: Canvas, a: number, b: number, c: number): void {
  const { positions: p, depths, size } = canvas;
  const [height, width] = size;
  const [ax, ay, az, bx, by, bz] = [p[a], p[a + 1], p[a + 2], p[b], p[b + 1], p[b + 2]];
  const [cx, cy, cz] = [p[c], p[c + 1], p[c + 2]];
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (!(az > 0 && bz > 0 && cz > 0) || area === 0) return;
  const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
  const right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
  const bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const [x, y] = [column + 0.5, row + 0.5];
      const u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area;
      const v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area;
      const w = 1 - u - v;
      if (u < 0 || v < 0 || w < 0) continue;
      const depth = 1 / (u / az + v / bz + w / cz);
      const pixel = row * width + column;
      if (depth >= depths[pixel]) continue;
      depths[pixel] = depth;
      // Parts of the corners in perspective.
      shadePixel(canvas, pixel, a, (u / az) * depth, b, (v / bz) * depth, c, (w / cz) * depth);
    }
  }
}

/** Lights a pixel: see `shade`. */
function shadePixel(
  { scene, normals, image, mask }: Canvas,
  pixel: number,
  a: number,
  u: number,
  b: number,
  v: number,
  c: number,
  w: number,
): void {
  const { vertices, colours, light } = scene;
  let [along, far, long] = [0, 0, 0];
  for (let k = 0; k < 3; k++) {
    const normal = u * normals[a + k] + v * normals[b + k] + w * normals[c + k];
    const towards = light[k] - u * vertices[a + k] - v * vertices[b + k] - w * vertices[c + k];
    along += normal * towards;
    far += towards * towards;
    long += normal * normal;
  }
  const facing = Math.max(0, along / (Math.sqrt(far * long) || 1));
  mask[pixel] = 1;
  for (let k = 0; k < 3; k++) {
    const own = u * colours[a + k] + v * colours[b + k] + w * colours[c + k];
    image[pixel * 3 + k] = own * (light[6 + k] + light[3 + k] * facing);
  }
}

/** @param triangles [t, 3] */
export function drawOnHost(scene: HostScene, triangles: Int32Array, size: ImageSize): HostPicture {
  const [height, width] = size;
  const canvas: Canvas = {
    scene,
    size,
    positions: projectOnHost(scene.vertices, scene.camera, size),
    normals: normalsOf(scene.vertices, triangles),
    depths: new Float64Array(height * width).fill(Number.POSITIVE_INFINITY),
    image: new Float32Array(height * width * 3),
    mask: new Uint8Array(height * width),
  };
  for (let t = 0; t < triangles.length; t += 3) {
    drawTriangle(canvas, triangles[t] * 3, triangles[t + 1] * 3, triangles[t + 2] * 3);
  }
  const { image, mask, positions } = canvas;
  return { image, mask, positions };
}

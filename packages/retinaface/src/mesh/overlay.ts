import type { Colour } from "../draw/canvas.js";
import { scaleOf } from "../image/source.js";
import type { Face, FaceMesh, RawImage } from "../types.js";

const LINE: Colour = [64, 240, 150];
/** How much of a line's colour its pixels get. */
const OPACITY = 0.55;

/**
 * Draws the triangles of faces' meshes that look towards the viewer on a copy of the image. Faces without a mesh are left as
 * they are.
 */
export function drawMeshes(image: RawImage, faces: readonly Face[]): RawImage {
  const copy: RawImage = { ...image, data: new Uint8ClampedArray(image.data) };
  const scale = scaleOf(image);
  for (const { mesh } of faces) if (mesh) drawMesh(copy, mesh, scale);
  return copy;
}

function drawMesh(
  image: RawImage,
  { vertices, triangles }: FaceMesh,
  [scaleX, scaleY]: readonly [number, number],
): void {
  const drawn = new Set<number>();
  const count = vertices.length / 3;
  const at = (v: number) => [vertices[3 * v] * scaleX, vertices[3 * v + 1] * scaleY];
  // One layer, so that lines that cross or are shared are no brighter.
  const marked = new Set<number>();
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [...triangles.subarray(t, t + 3)];
    const [a, b, c] = corners.map(at);
    const facing = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
    if (!(facing < 0)) continue;
    for (const [k, v] of corners.entries()) {
      const next = corners[(k + 1) % 3];
      const edge = Math.min(v, next) * count + Math.max(v, next);
      if (drawn.has(edge)) continue;
      drawn.add(edge);
      markLine(image, at(v), at(next), marked);
    }
  }
  for (const pixel of marked) {
    for (const [k, value] of LINE.entries()) {
      const own = image.data[pixel * 4 + k];
      image.data[pixel * 4 + k] = Math.round(own + OPACITY * (value - own));
    }
  }
}

function markLine(
  { width, height }: RawImage,
  [x1, y1]: readonly number[],
  [x2, y2]: readonly number[],
  marked: Set<number>,
): void {
  // A mesh far beside the image costs no more than one inside.
  const outside =
    Math.max(x1, x2) < 0 ||
    Math.max(y1, y2) < 0 ||
    Math.min(x1, x2) > width ||
    Math.min(y1, y2) > height;
  if (outside) return;
  const steps = Math.min(
    Math.max(1, Math.ceil(Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1)))),
    2 * (width + height),
  );
  for (let i = 0; i <= steps; i++) {
    const [x, y] = [x1 + ((x2 - x1) * i) / steps, y1 + ((y2 - y1) * i) / steps].map(Math.floor);
    if (x >= 0 && y >= 0 && x < width && y < height) marked.add(y * width + x);
  }
}

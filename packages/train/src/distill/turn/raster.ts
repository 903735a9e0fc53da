import type { RgbImage } from "../pyramid.js";

/** What is seen of a mesh, pixel by pixel. */
export interface Seen {
  /** First column and row of the picture that are kept. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** [height, width, 2]: where in the texture a pixel's colour is. */
  readonly places: Float32Array;
  /** [height, width]: depth of the nearest triangle, −∞ where there is none. */
  readonly depths: Float32Array;
}

/** Corners of a mesh as they are projected. */
export interface Projected {
  /** [v, 3]: column, row, and how near; the larger the nearer. */
  readonly corners: Float32Array;
  /** [v, 2]: pixels of the texture. */
  readonly textures: Float32Array;
  readonly triangles: Int32Array;
}

function boundsOf(corners: Float32Array, width: number, height: number) {
  const bounds = { left: width, top: height, right: 0, bottom: 0 };
  for (let i = 0; i < corners.length; i += 3) {
    bounds.left = Math.min(bounds.left, Math.floor(corners[i]));
    bounds.top = Math.min(bounds.top, Math.floor(corners[i + 1]));
    bounds.right = Math.max(bounds.right, Math.ceil(corners[i]) + 1);
    bounds.bottom = Math.max(bounds.bottom, Math.ceil(corners[i + 1]) + 1);
  }
  const left = Math.max(0, bounds.left);
  const top = Math.max(0, bounds.top);
  return {
    left,
    top,
    width: Math.max(0, Math.min(width, bounds.right) - left),
    height: Math.max(0, Math.min(height, bounds.bottom) - top),
  };
}

/** Draws a mesh's texture places with a depth buffer, both sides of its triangles, into a picture of that size. */
export function rasteriseTexture(mesh: Projected, width: number, height: number): Seen {
  const { corners, triangles } = mesh;
  const bounds = boundsOf(corners, width, height);
  const pixels = bounds.width * bounds.height;
  const seen: Seen = {
    ...bounds,
    places: new Float32Array(pixels * 2),
    depths: new Float32Array(pixels).fill(Number.NEGATIVE_INFINITY),
  };
  for (let t = 0; t < triangles.length; t += 3) {
    drawTriangle(seen, mesh, triangles[t], triangles[t + 1], triangles[t + 2]);
  }
  return seen;
}

/** Whether a pixel of the picture shows the mesh. */
export function isSeen({ left, top, width, height, depths }: Seen, x: number, y: number): boolean {
  const [column, row] = [x - left, y - top];
  if (column < 0 || row < 0 || column >= width || row >= height) return false;
  return depths[row * width + column] > Number.NEGATIVE_INFINITY;
}

function drawTriangle(seen: Seen, mesh: Projected, a: number, b: number, c: number): void {
  const { corners, textures } = mesh;
  const { left, top, width, height, places, depths } = seen;
  const [ax, ay] = [corners[a * 3] - left - 0.5, corners[a * 3 + 1] - top - 0.5];
  const [bx, by] = [corners[b * 3] - left - 0.5, corners[b * 3 + 1] - top - 0.5];
  const [cx, cy] = [corners[c * 3] - left - 0.5, corners[c * 3 + 1] - top - 0.5];
  const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (Math.abs(area) < 1e-9) return;
  const x0 = Math.max(0, Math.ceil(Math.min(ax, bx, cx)));
  const x1 = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx)));
  const y0 = Math.max(0, Math.ceil(Math.min(ay, by, cy)));
  const y1 = Math.min(height - 1, Math.floor(Math.max(ay, by, cy)));
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area;
      const wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area;
      const wa = 1 - wb - wc;
      if (wa < 0 || wb < 0 || wc < 0) continue;
      const at = y * width + x;
      const depth = wa * corners[a * 3 + 2] + wb * corners[b * 3 + 2] + wc * corners[c * 3 + 2];
      if (depth <= depths[at]) continue;
      depths[at] = depth;
      places[at * 2] = wa * textures[a * 2] + wb * textures[b * 2] + wc * textures[c * 2];
      places[at * 2 + 1] =
        wa * textures[a * 2 + 1] + wb * textures[b * 2 + 1] + wc * textures[c * 2 + 1];
    }
  }
}

/** Writes a picture's colour at (u, v), bilinearly and held at its edges, as the three bytes at `to`. */
export function sampleInto(
  { data, width, height }: RgbImage,
  u: number,
  v: number,
  out: Uint8Array,
  to: number,
): void {
  const x = Math.max(0, Math.min(width - 1, u - 0.5));
  const y = Math.max(0, Math.min(height - 1, v - 0.5));
  const x0 = Math.min(width - 2, Math.floor(x));
  const y0 = Math.min(height - 2, Math.floor(y));
  const [fx, fy] = [x - x0, y - y0];
  let p = (y0 * width + x0) * 3;
  const below = width * 3;
  for (let c = to; c < to + 3; c++, p++) {
    const above = data[p] + (data[p + 3] - data[p]) * fx;
    const under = data[p + below] + (data[p + below + 3] - data[p + below]) * fx;
    out[c] = above + (under - above) * fy + 0.5;
  }
}

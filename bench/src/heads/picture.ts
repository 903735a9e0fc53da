/** Pictures of heads above what was found of them: the mesh's edges, and what the renderer draws. */
import { faceTemplate } from "@retinaface-webgpu/mesh";
import { encodePng } from "retinaface-webgpu/node";
import { SIZE } from "./data.js";

/** A column. */
export interface Shown {
  readonly photo: Float32Array;
  /** [v, 3]: x and y in pixels. */
  readonly positions: Float32Array;
  readonly image: Float32Array;
  readonly mask: Float32Array;
}

const SCALE = 2;

/** A PNG of three rows: photo, mesh over the photo, rendering over the photo. */
export function pictureOf(shown: readonly Shown[]): Uint8Array {
  const [height, width] = SIZE.map((side) => side * SCALE);
  const png = { width: width * shown.length, height: height * 3, data: new Uint8Array(0) };
  png.data = new Uint8Array(png.width * png.height * 4).fill(255);
  const set = (x: number, y: number, colour: readonly number[]) => {
    const at = (y * png.width + x) * 4;
    for (const [k, c] of colour.entries())
      png.data[at + k] = Math.round(255 * Math.min(1, Math.max(0, c)));
  };
  for (const [n, { photo, positions, image, mask }] of shown.entries()) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = Math.floor(y / SCALE) * SIZE[1] + Math.floor(x / SCALE);
        const own = photo.subarray(pixel * 3, pixel * 3 + 3);
        const drawn = mask[pixel] > 0.5 ? image.subarray(pixel * 3, pixel * 3 + 3) : own;
        set(n * width + x, y, [...own]);
        set(
          n * width + x,
          height + y,
          [...own].map((c) => 0.5 * c),
        );
        set(n * width + x, 2 * height + y, [...drawn]);
      }
    }
    for (const [a, b] of edges()) {
      const [from, to] = [a, b].map((v) => [
        positions[3 * v] * SCALE,
        positions[3 * v + 1] * SCALE,
      ]);
      const count = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])) * 2;
      for (let i = 0; i <= count; i++) {
        const [x, y] = [0, 1].map((k) =>
          Math.floor(from[k] + ((to[k] - from[k]) * i) / (count || 1)),
        );
        const isInside = x >= 0 && y >= 0 && x < width && y < height;
        if (isInside) set(n * width + x, height + y, [0.4, 0.95, 0.6]);
      }
    }
  }
  return encodePng(png);
}

/** The sides of a coarser mesh's triangles, by vertices of the finest: the finest would be a blot. */
function edges(): [number, number][] {
  const { levels } = faceTemplate();
  const [, second, third] = levels;
  const named = (v: number) => second.down!.colIndices[third.down!.colIndices[v]];
  const { triangles } = third;
  const sides: [number, number][] = [];
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      sides.push([named(triangles[t + k]), named(triangles[t + ((k + 1) % 3)])]);
    }
  }
  return sides;
}

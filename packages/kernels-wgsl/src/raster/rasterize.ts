/**
 * Draws triangles: for each pixel the nearest one that its centre lies in, and where in it.
 *
 * 1. bounds: the pixels' rectangle of each triangle, empty where nothing is drawn: behind the camera, without area, with a
 *    vertex that there is not. The gradients walk the same rectangles.
 * 2. rasterize: a workgroup has a tile of 8×8 pixels, an invocation each. It goes through the triangles 64 at a time: each
 *    invocation looks at one's rectangle, those that meet the tile are listed in workgroup memory, and each pixel tests the
 *    list. The nearest is kept in registers; of two at one depth it is the first, so the order of the list does not matter.
 *
 * The other way, an invocation a triangle and a depth test by atomics, wants 64 bits for depth and triangle at once, which
 * WebGPU has not, or three passes that must agree to the bit about a depth. Here every tile reads all rectangles: for 898
 * triangles and 64×64 pixels 57 thousand of 16 bytes. Images many times as large, or meshes, would want tiles of tiles.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { meshBuffers, type RasterSpec, rasterParams, sides } from "./spec.js";

const TILE = 8;

/** Bindings: positions [n, v, 3], triangles (i32) [t, 3], bounds (i32) [n, t, 4]: left, top, right, bottom. */
export function rasterBounds(spec: RasterSpec): Kernel {
  const count = spec.batch * spec.triangles;
  return defineKernel({
    name: "raster-bounds",
    buffers: [...meshBuffers, output("bounds", "vec4<i32>")],
    params: rasterParams(spec),
    globals: sides,
    count,
    body: `  let n = i / p.triangles;
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
  bounds[i] = box;`,
    flops: count * 20,
    bytes: count * (12 + 36 + 16),
  });
}

/**
 * Bindings: positions, triangles, bounds, barycentrics [n, h, w, 3], triangle (i32) [n, h, w]: −1 where there is none.
 */
export function rasterize(spec: RasterSpec): Kernel {
  const { batch, triangles, height, width } = spec;
  const [rows, columns] = [height, width].map((extent) => Math.ceil(extent / TILE));
  const pixels = batch * height * width;
  return defineKernel({
    name: "rasterize",
    buffers: [
      ...meshBuffers,
      input("bounds", "vec4<i32>"),
      output("barycentrics", "f32"),
      output("triangle", "i32"),
    ],
    params: { ...rasterParams(spec), rows, columns },
    globals: `${sides}
var<workgroup> listed: atomic<u32>;
var<workgroup> list: array<u32, ${TILE * TILE}>;`,
    count: batch * rows * columns,
    perGroup: true,
    threads: TILE * TILE,
    body: `  let n = group / (p.rows * p.columns);
  let tile = group - n * p.rows * p.columns;
  let first = vec2<i32>(i32(tile % p.columns), i32(tile / p.columns)) * ${TILE};
  let pixel = first + vec2<i32>(i32(lane % ${TILE}u), i32(lane / ${TILE}u));
  let point = vec2<f32>(pixel) + 0.5;
  var nearest = 0.0;
  var found = -1;
  var weights = vec3<f32>();
  for (var base = 0u; base < p.triangles; base += ${TILE * TILE}u) {
    if (lane == 0u) { atomicStore(&listed, 0u); }
    workgroupBarrier();
    let own = base + lane;
    if (own < p.triangles) {
      let box = bounds[n * p.triangles + own];
      let meets = all(box.xy < box.zw) && all(box.xy < first + ${TILE}) && all(box.zw > first);
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
  }`,
    flops: batch * rows * columns * triangles * 4 + pixels * 30,
    bytes: batch * rows * columns * triangles * 16 + pixels * 16,
  });
}

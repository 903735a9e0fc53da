/**
 * Gradient of the barycentrics of drawn triangles towards their corners: an invocation has a triangle, walks its rectangle
 * and adds what the pixels that show it say, so no two write to one place and two runs give the same bits. What a vertex
 * gets is added up afterwards (`scatterAdd`). A large triangle keeps a single invocation busy for long; a face of 64×64
 * pixels has none. Atomics on floats would add in another order every time, and WebGPU has none.
 *
 * With l_i as of `sidesOf`, m_i = l_i / z_i and b_i = m_i / Σ m (barycentrics in space, not on the image). Which triangle a
 * pixel shows is taken as given: nothing flows through the outline, nor where one part hides another (Genova et al. 2018).
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { meshBuffers, type RasterSpec, rasterParams, sides } from "./spec.js";

/** Bindings: positions, triangles, bounds, triangle, g [n, h, w, 3], gradient [n, t, 3 corners, 3]. */
export function rasterizeBackward(spec: RasterSpec): Kernel {
  const { batch, triangles, height, width } = spec;
  const pixels = batch * height * width;
  return defineKernel({
    name: "rasterize-backward",
    buffers: [
      ...meshBuffers,
      input("bounds", "vec4<i32>"),
      input("triangle", "i32"),
      input("g", "f32"),
      output("gradient", "f32"),
    ],
    params: rasterParams(spec),
    globals: sides,
    count: batch * triangles,
    body: `  let n = i / p.triangles;
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
  }`,
    flops: pixels * 60,
    bytes: pixels * 16 + batch * triangles * (16 + 36),
  });
}

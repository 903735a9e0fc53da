/**
 * Values of vertices at the pixels of drawn triangles, and gradients: an element an invocation, those of the values with a
 * triangle each, as in `rasterize-backward`.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { type RasterSpec, rasterParams } from "./spec.js";

/** Numbers a vertex. */
export interface InterpolateSpec extends RasterSpec {
  readonly channels: number;
}

function params(spec: InterpolateSpec) {
  return { ...rasterParams(spec), channels: spec.channels };
}

const pixelsOf = ({ batch, height, width }: RasterSpec): number => batch * height * width;

/** WGSL of where the values of a pixel's corner begin; of what there is not, −1. */
const cornerAt = `fn cornerAt(pixel: u32, k: u32) -> i32 {
  let t = triangle[pixel];
  if (t < 0 || t >= i32(p.triangles)) { return -1; }
  let id = triangles[u32(t) * 3u + k];
  if (id < 0 || id >= i32(p.vertices)) { return -1; }
  return i32((pixel / (p.height * p.width) * p.vertices + u32(id)) * p.channels);
}`;

/** Bindings: values [n, v, c], triangles, barycentrics, triangle, y [n, h, w, c]: 0 where nothing is drawn. */
export function interpolateVertices(spec: InterpolateSpec): Kernel {
  const size = pixelsOf(spec) * spec.channels;
  return defineKernel({
    name: "interpolate-vertices",
    buffers: [
      input("values", "f32"),
      input("triangles", "i32"),
      input("barycentrics", "f32"),
      input("triangle", "i32"),
      output("y", "f32"),
    ],
    params: params(spec),
    globals: cornerAt,
    count: size,
    body: `  let pixel = i / p.channels;
  let channel = i - pixel * p.channels;
  var sum = 0.0;
  for (var k = 0u; k < 3u; k++) {
    let at = cornerAt(pixel, k);
    if (at >= 0) { sum += barycentrics[pixel * 3u + k] * values[u32(at) + channel]; }
  }
  y[i] = sum;`,
    flops: size * 6,
    bytes: size * 4 + pixelsOf(spec) * 16,
  });
}

/** Towards the barycentrics. Bindings: values, triangles, triangle, g [n, h, w, c], gradient [n, h, w, 3]. */
export function interpolateWeightsBackward(spec: InterpolateSpec): Kernel {
  const size = pixelsOf(spec) * 3;
  return defineKernel({
    name: "interpolate-weights-backward",
    buffers: [
      input("values", "f32"),
      input("triangles", "i32"),
      input("triangle", "i32"),
      input("g", "f32"),
      output("gradient", "f32"),
    ],
    params: params(spec),
    globals: cornerAt,
    count: size,
    body: `  let pixel = i / 3u;
  let at = cornerAt(pixel, i - pixel * 3u);
  var sum = 0.0;
  if (at >= 0) {
    for (var channel = 0u; channel < p.channels; channel++) {
      sum += g[pixel * p.channels + channel] * values[u32(at) + channel];
    }
  }
  gradient[i] = sum;`,
    flops: size * 2 * spec.channels,
    bytes: size * (4 + spec.channels * 2),
  });
}

/** Towards the corners' values. Bindings: bounds, barycentrics, triangle, g, gradient [n, t, 3 corners, c]. */
export function interpolateValuesBackward(spec: InterpolateSpec): Kernel {
  const { batch, triangles, channels } = spec;
  const count = batch * triangles * channels;
  return defineKernel({
    name: "interpolate-values-backward",
    buffers: [
      input("bounds", "vec4<i32>"),
      input("barycentrics", "f32"),
      input("triangle", "i32"),
      input("g", "f32"),
      output("gradient", "f32"),
    ],
    params: params(spec),
    count,
    body: `  let own = i / p.channels;
  let channel = i - own * p.channels;
  let n = own / p.triangles;
  let t = i32(own - n * p.triangles);
  let box = bounds[own];
  var sum = vec3<f32>();
  for (var y = box.y; y < box.w; y++) {
    for (var x = box.x; x < box.z; x++) {
      let at = (n * p.height + u32(y)) * p.width + u32(x);
      if (triangle[at] != t) { continue; }
      let b = vec3<f32>(barycentrics[at * 3u], barycentrics[at * 3u + 1u], barycentrics[at * 3u + 2u]);
      sum += b * g[at * p.channels + channel];
    }
  }
  for (var k = 0u; k < 3u; k++) { gradient[(own * 3u + k) * p.channels + channel] = sum[k]; }`,
    flops: pixelsOf(spec) * channels * 6,
    bytes: pixelsOf(spec) * (4 * channels + 16) + count * 12,
  });
}

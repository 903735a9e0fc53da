/**
 * Gradients of the samples of a deformable convolution towards offsets and mask. An invocation takes one sample of one
 * group and goes through the group's channels: their four corners once more, and the gradients of the samples. At whole
 * pixels, where the slope of a bilinear sample jumps, it takes the one behind, as torchvision does.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import {
  cornerFunction,
  type DeformSpec,
  deformElement,
  deformParams,
  deformPlaces,
  deformWidth,
  placing,
} from "./spec.js";

/** Bindings: g, x, offset, the mask if there is one, gradient of the offset, and of the mask if there is one. */
export function deformOffsetGradient(spec: DeformSpec): Kernel {
  const { modulated, channels, offsetGroups } = spec;
  const element = deformElement(spec);
  const count = deformPlaces(spec);
  const sum = (value: string) => (deformWidth(spec) === 4 ? `dot(${value}, vec4f(1.0))` : value);
  const perPlace = channels / offsetGroups;
  return defineKernel({
    name: modulated ? "deform-offset-gradient-modulated" : "deform-offset-gradient",
    buffers: [
      input("g", element),
      input("x", element),
      input("offset", "vec2<f32>"),
      ...(modulated ? [input("mask", "f32")] : []),
      output("gOffset", "vec2<f32>"),
      ...(modulated ? [output("gMask", "f32")] : []),
    ],
    params: deformParams(spec),
    globals: `${placing}
${cornerFunction(element)}`,
    count,
    body: `  let s = sampleOf(i);
  let place = placeOf(s, offset[i]);
  var slope = vec2f();
  var value = 0.0;
  if (place.inside) {
    let first = sampledPixel(s) * p.channels;
    for (var k = 0u; k < p.groupChannels; k++) {
      let c = s.group * p.groupChannels + k;
      let a = corner(s.n, place.y, place.x, c);
      let b = corner(s.n, place.y, place.x + 1, c);
      let d = corner(s.n, place.y + 1, place.x, c);
      let e = corner(s.n, place.y + 1, place.x + 1, c);
      let above = mix(a, b, place.fx);
      let below = mix(d, e, place.fx);
      let gradient = g[first + c];
      slope += vec2f(${sum("gradient * (below - above)")}, ${sum("gradient * mix(b - a, e - d, place.fy)")});
      value += ${sum("gradient * mix(above, below, place.fy)")};
    }
  }
  gOffset[i] = slope${modulated ? " * mask[i]" : ""};${modulated ? "\n  gMask[i] = value;" : ""}`,
    flops: count * perPlace * 20,
    bytes: count * (perPlace * 2 + 6) * 4,
  });
}

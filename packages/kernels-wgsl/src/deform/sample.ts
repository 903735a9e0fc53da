/**
 * The samples of a deformable convolution (`spec.ts`). An invocation makes four channels of one sample, or one where the
 * groups' channels are no multiple of 4: neighbouring lanes read neighbouring channels of the same four pixels. A sample
 * a whole pixel or more outside is 0; an offset that is not a number gives none either.
 */
import { defineKernel, input, output, splitIndex } from "../define.js";
import type { Kernel } from "../kernel.js";
import { isNanFunction } from "../nan.js";
import {
  cornerFunction,
  type DeformSpec,
  deformElement,
  deformParams,
  deformPlaces,
  deformWidth,
  placing,
} from "./spec.js";

/** Bindings: x, offset, the mask if there is one, samples. */
export function deformSample(spec: DeformSpec): Kernel {
  const { batch, outHeight, outWidth, kernelSize, channels, modulated } = spec;
  const element = deformElement(spec);
  const size = batch * outHeight * outWidth * kernelSize[0] * kernelSize[1] * channels;
  return defineKernel({
    name: modulated ? "deform-sample-modulated" : "deform-sample",
    buffers: [
      input("x", element),
      input("offset", "vec2<f32>"),
      ...(modulated ? [input("mask", "f32")] : []),
      output("samples", element),
    ],
    params: deformParams(spec),
    globals: `${placing}
${cornerFunction(element)}
${isNanFunction(1)}`,
    count: size / deformWidth(spec),
    body: `${splitIndex(
      "i",
      [
        ["c", "p.channels"],
        ["column", "(p.outWidth * p.kernelWidth)"],
        ["row", "(p.outHeight * p.kernelHeight)"],
      ],
      "n",
    )}
  let s = Sample(n, row / p.kernelHeight, column / p.kernelWidth, c / p.groupChannels,
    row % p.kernelHeight, column % p.kernelWidth);
  let pixel = (n * p.outHeight + s.oy) * p.outWidth + s.ox;
  let at = ((pixel * p.groups + s.group) * p.kernelHeight + s.ky) * p.kernelWidth + s.kx;
  let moved = offset[at];
  let place = placeOf(s, moved);
  var value = ${element}();
  if (place.inside) {
    let above = mix(corner(n, place.y, place.x, c), corner(n, place.y, place.x + 1, c), place.fx);
    let below = mix(corner(n, place.y + 1, place.x, c), corner(n, place.y + 1, place.x + 1, c), place.fx);
    value = mix(above, below, place.fy)${modulated ? " * mask[at]" : ""};
  }
  if (isNan(moved.x)) { value = ${element}(moved.x); }
  if (isNan(moved.y)) { value = ${element}(moved.y); }
  samples[i] = value;`,
    flops: size * 10,
    bytes: (size + batch * spec.inHeight * spec.inWidth * channels + deformPlaces(spec) * 2) * 4,
  });
}

/**
 * Gradient of the samples of a deformable convolution towards its input. Offsets are arbitrary, so any number of samples
 * may read a pixel. Adding floats by atomics would give another sum every time (and WebGPU has none), so the samples are
 * put into order first:
 *
 * 1. count: how many samples lie in each cell, the square between four pixels, by integer atomics;
 * 2. starts: each cell takes room for its list; where is left to chance, and does not matter;
 * 3. place: each sample goes into its cell's list, in any order;
 * 4. order: each cell's list is sorted by heap, in place, nine samples of it on average with a 3×3 kernel;
 * 5. sum: an invocation takes four channels of a pixel and adds the lists of the four cells around it, in order.
 *
 * So two runs give the same bits. What it takes beside the gradients is a word a sample and two a cell. Sorting all
 * samples by cell, as `scatterAdd` sorts its indices, would take log² of their number as many dispatches. All samples in
 * one cell are the worst case: its heap is sorted by a single invocation.
 */
import { fill } from "../copy.js";
import { defineKernel, input, output, splitIndex } from "../define.js";
import type { Kernel } from "../kernel.js";
import {
  type DeformSpec,
  deformElement,
  deformParams,
  deformPlaces,
  deformWidth,
  placing,
} from "./spec.js";

/** The dispatches, in order, with what they bind. */
export interface DeformInputGradient {
  /** Words (u32) of the buffers of counts, starts and lists. */
  readonly counts: number;
  readonly starts: number;
  readonly list: number;
  /** Bindings: counts. */
  readonly clear: Kernel;
  /** Bindings: offset, counts. */
  readonly count: Kernel;
  /** Bindings: counts, starts. */
  readonly begin: Kernel;
  /** Bindings: offset, starts, counts, list. */
  readonly place: Kernel;
  /** Bindings: starts, counts, list. */
  readonly order: Kernel;
  /** Bindings: g, offset, the mask if there is one, starts, counts, list, gradient of x. */
  readonly sum: Kernel;
}

/** WGSL of the cell of a place: pixel −1 is the first. */
const cellOf = `fn cellOf(place: Place) -> u32 {
  let row = (place.n * p.groups + place.group) * u32(p.height + 1) + u32(place.y + 1);
  return row * u32(p.width + 1) + u32(place.x + 1);
}`;

/** How the gradient of the input is added up. */
export function deformInputGradient(spec: DeformSpec): DeformInputGradient {
  const { batch, inHeight, inWidth, offsetGroups } = spec;
  const cells = batch * offsetGroups * (inHeight + 1) * (inWidth + 1);
  const list = deformPlaces(spec);
  return {
    counts: cells + 1,
    starts: cells,
    list,
    clear: fill(cells + 1, 0, "u32"),
    count: countKernel(spec, list),
    begin: defineKernel({
      name: "deform-begin",
      buffers: [output("counts", "atomic<u32>"), output("starts", "u32")],
      count: cells,
      body: `  starts[i] = atomicAdd(&counts[p.count], atomicExchange(&counts[i], 0u));`,
      flops: 0,
      bytes: cells * 12,
    }),
    place: placeKernel(spec, list),
    order: orderKernel(cells, list),
    sum: sumKernel(spec),
  };
}

function countKernel(spec: DeformSpec, count: number): Kernel {
  return defineKernel({
    name: "deform-count",
    buffers: [input("offset", "vec2<f32>"), output("counts", "atomic<u32>")],
    params: deformParams(spec),
    globals: `${placing}
${cellOf}`,
    count,
    body: `  let place = placeOf(sampleOf(i), offset[i]);
  if (place.inside) { atomicAdd(&counts[cellOf(place)], 1u); }`,
    flops: 0,
    bytes: count * 12,
  });
}

function placeKernel(spec: DeformSpec, count: number): Kernel {
  return defineKernel({
    name: "deform-place",
    buffers: [
      input("offset", "vec2<f32>"),
      input("starts", "u32"),
      output("counts", "atomic<u32>"),
      output("list", "u32"),
    ],
    params: deformParams(spec),
    globals: `${placing}
${cellOf}`,
    count,
    body: `  let place = placeOf(sampleOf(i), offset[i]);
  if (place.inside) {
    let cell = cellOf(place);
    list[starts[cell] + atomicAdd(&counts[cell], 1u)] = i;
  }`,
    flops: 0,
    bytes: count * 20,
  });
}

/** Heap sort: the largest comes to the front of what is left and is changed for its last. */
function orderKernel(cells: number, samples: number): Kernel {
  return defineKernel({
    name: "deform-order",
    buffers: [input("starts", "u32"), input("counts", "u32"), output("list", "u32")],
    globals: `fn sink(first: u32, from_: u32, end: u32) {
  var at = from_;
  let value = list[first + at];
  loop {
    var child = 2u * at + 1u;
    if (child >= end) { break; }
    if (child + 1u < end && list[first + child + 1u] > list[first + child]) { child++; }
    if (list[first + child] <= value) { break; }
    list[first + at] = list[first + child];
    at = child;
  }
  list[first + at] = value;
}`,
    count: cells,
    body: `  let first = starts[i];
  let length = counts[i];
  for (var k = length / 2u; k > 0u; k--) { sink(first, k - 1u, length); }
  for (var end = length; end > 1u; end--) {
    let largest = list[first];
    list[first] = list[first + end - 1u];
    list[first + end - 1u] = largest;
    sink(first, 0u, end - 1u);
  }`,
    flops: 0,
    bytes: cells * 8 + samples * 8,
  });
}

function sumKernel(spec: DeformSpec): Kernel {
  const { batch, inHeight, inWidth, channels, offsetGroups, modulated } = spec;
  const element = deformElement(spec);
  const size = batch * inHeight * inWidth * channels;
  const read = (deformPlaces(spec) / offsetGroups) * channels;
  return defineKernel({
    name: modulated ? "deform-sum-modulated" : "deform-sum",
    buffers: [
      input("g", element),
      input("offset", "vec2<f32>"),
      ...(modulated ? [input("mask", "f32")] : []),
      input("starts", "u32"),
      input("counts", "u32"),
      input("list", "u32"),
      output("gX", element),
    ],
    params: deformParams(spec),
    globals: placing,
    count: size / deformWidth(spec),
    body: `${splitIndex(
      "i",
      [
        ["c", "p.channels"],
        ["column", "u32(p.width)"],
        ["row", "u32(p.height)"],
      ],
      "n",
    )}
  let lines = (n * p.groups + c / p.groupChannels) * u32(p.height + 1);
  var sum = ${element}();
  for (var corner = 0u; corner < 4u; corner++) {
    let isBelow = corner < 2u;
    let isRight = corner % 2u == 0u;
    let cellRow = lines + row + select(1u, 0u, isBelow);
    let cell = cellRow * u32(p.width + 1) + column + select(1u, 0u, isRight);
    let first = starts[cell];
    let last = first + counts[cell];
    for (var k = first; k < last; k++) {
      let at = list[k];
      let s = sampleOf(at);
      let place = placeOf(s, offset[at]);
      let weight = select(1.0 - place.fy, place.fy, isBelow) * select(1.0 - place.fx, place.fx, isRight);
      sum += weight${modulated ? " * mask[at]" : ""} * g[sampledPixel(s) * p.channels + c];
    }
  }
  gX[i] = sum;`,
    flops: read * 12,
    bytes: (size + read * 4) * 4,
  });
}

/**
 * Moves elements to given places: target[i] ← source[index[i]], and where the index is `KEEP` the target stays
 * as it is.
 *
 * A training step packs the weights of all its convolutions by one such dispatch, the index made once: a
 * hundred packing kernels of a few thousand elements each cost a software adapter 0.2 to 0.35 ms apiece
 * (llvmpipe, 2026-11-29: 39 of 269 ms of a step of MobileNet-0.25), nearly all of it for being dispatched.
 * The index costs a third read an element, which is less than the arithmetic of finding the place again.
 */
import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel } from "../kernel.js";

/** An index that leaves its element of the target alone. */
export const KEEP = 0xffffffff;

/** Bindings: source (f32), index (u32, `count`), target (f32, `count`). */
export function takeElements(count: number): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const each = (lane: number): string =>
    width === 1 ? "at, before" : `at[${lane}], before[${lane}]`;
  const taken = Array.from({ length: width }, (_, lane) => `take(${each(lane)})`).join(", ");
  return defineKernel({
    name: "take",
    buffers: [
      input("source", "f32"),
      input("index", scalarOrVector("u32", width)),
      output("target_", scalarOrVector("f32", width)),
    ],
    globals: `fn take(at: u32, before: f32) -> f32 {
  if (at == ${KEEP}u) { return before; }
  return source[at];
}`,
    count: count / width,
    body: `  let at = index[i];
  let before = target_[i];
  target_[i] = ${width === 1 ? taken : `vec4<f32>(${taken})`};`,
    flops: 0,
    bytes: count * 16,
  });
}

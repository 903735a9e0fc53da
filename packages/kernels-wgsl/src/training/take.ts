/**
 * Moves elements to given places: target[i] ← source[index[i]].
 *
 * A training step packs the weights of all its convolutions by one such dispatch, the index made once: a
 * hundred packing kernels of a few thousand elements each cost a software adapter 0.2 to 0.35 ms apiece
 * (llvmpipe, 2026-11-29: 39 of 269 ms of a step of MobileNet-0.25), nearly all of it for being dispatched.
 * The index costs a third read an element, which is less than the arithmetic of finding the place again.
 */
import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel } from "../kernel.js";

/** An index that takes nothing. */
export const KEEP = 0xffffffff;

/**
 * Bindings: source (f32), index (u32, `count`), target (f32, `count`).
 *
 * @param keeps whether elements that take nothing stay as they are; else they become 0, which spares reading them
 */
export function takeElements(count: number, keeps: boolean): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const lane = (of: string, k: number): string => (width === 1 ? of : `${of}[${k}]`);
  const taken = Array.from(
    { length: width },
    (_, k) => `take(${lane("at", k)}, ${lane("before", k)})`,
  );
  const element = scalarOrVector("f32", width);
  return defineKernel({
    name: "take",
    buffers: [
      input("source", "f32"),
      input("index", scalarOrVector("u32", width)),
      output("target_", element),
    ],
    globals: `fn take(at: u32, before: f32) -> f32 {
  let none = at == ${KEEP}u;
  return select(source[select(at, 0u, none)], before, none);
}`,
    count: count / width,
    body: `  let at = index[i];
  let before = ${keeps ? "target_[i]" : `${element}(0.0)`};
  target_[i] = ${element}(${taken.join(", ")});`,
    flops: 0,
    bytes: count * (keeps ? 16 : 12),
  });
}

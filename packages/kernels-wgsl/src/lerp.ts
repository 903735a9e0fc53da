import { defineKernel, input, output, scalarOrVector } from "./define.js";
import type { Kernel } from "./kernel.js";

/** target ← target + weight · (source − target), in place. Bindings: source, target. */
export function lerpUpdate(count: number, weight: number): Kernel {
  const element = scalarOrVector("f32", count % 4 === 0 ? 4 : 1);
  return defineKernel({
    name: "lerp",
    buffers: [input("source", element), output("target_", element)],
    params: { weight: { f32: weight } },
    count: count / (count % 4 === 0 ? 4 : 1),
    body: "  target_[i] += p.weight * (source[i] - target_[i]);",
    flops: count * 3,
    bytes: count * 12,
  });
}

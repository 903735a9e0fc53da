/**
 * Cumulative sums along one axis of [outer, extent, inner].
 *
 * One invocation walks one line, adding blocks of 32 to what came before them: the error grows with extent / 32 and not
 * with the extent. Lines are the parallelism: a single long one is slow, which a scan in three dispatches would mend.
 */
import { defineKernel, input, output } from "./define.js";
import type { Kernel } from "./kernel.js";

/** `reverse` sums from each element to the end, which is the gradient of the sum from the start. */
export interface CumulativeSumSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly reverse: boolean;
  readonly type?: "f32" | "i32" | "u32";
}

/** Bindings: x, y. */
export function cumulativeSum(spec: CumulativeSumSpec): Kernel {
  const { outer, extent, inner, reverse, type = "f32" } = spec;
  const place = reverse ? "p.extent - 1u - k" : "k";
  return defineKernel({
    name: `cumulative-sum${reverse ? "-reverse" : ""}`,
    buffers: [input("x", type), output("y", type)],
    params: { extent, inner },
    count: outer * inner,
    body: `  let base = i / p.inner * p.extent * p.inner + i % p.inner;
  var before = ${type}(0);
  for (var start = 0u; start < p.extent; start += 32u) {
    var block = ${type}(0);
    for (var k = start; k < min(start + 32u, p.extent); k++) {
      let at = base + (${place}) * p.inner;
      block += x[at];
      y[at] = before + block;
    }
    before += block;
  }`,
    flops: outer * extent * inner * 2,
    bytes: outer * extent * inner * 8,
  });
}

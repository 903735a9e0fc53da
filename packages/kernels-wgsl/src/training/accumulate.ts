import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel } from "../kernel.js";

/**
 * total ← total + share · value, or share · value alone where `fresh`: what was in the total does not count then,
 * not even as NaN. Bindings: value, total.
 */
export function accumulate(count: number, share: number, fresh: boolean): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  return defineKernel({
    name: "accumulate",
    buffers: [input("value", element), output("total", element)],
    params: { fresh: fresh ? 1 : 0, share: { f32: share } },
    count: count / width,
    body: `  let before = select(total[i], ${element}(0.0), p.fresh == 1u);
  total[i] = before + p.share * value[i];`,
    flops: count * 2,
    bytes: count * 12,
  });
}

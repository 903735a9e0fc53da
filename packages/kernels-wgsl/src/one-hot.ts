/** A row of zeros with a one for every label; a label that is no class gives zeros. */
import { defineKernel, input, output } from "./define.js";
import type { Kernel } from "./kernel.js";

/** `labels` i32 numbers to rows of `classes`. */
export interface OneHotSpec {
  readonly labels: number;
  readonly classes: number;
  readonly type?: "f32" | "i32" | "u32";
}

/** Bindings: labels (i32), rows. */
export function oneHot(spec: OneHotSpec): Kernel {
  const { labels, classes, type = "f32" } = spec;
  return defineKernel({
    name: "one-hot",
    buffers: [input("labels", "i32"), output("rows", type)],
    params: { classes },
    count: labels * classes,
    body: `  rows[i] = select(${type}(0), ${type}(1), labels[i / p.classes] == i32(i % p.classes));`,
    flops: 0,
    bytes: labels * (classes + 1) * 4,
  });
}

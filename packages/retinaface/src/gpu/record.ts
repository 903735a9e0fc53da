import type { RecordSpec } from "@retinaface-webgpu/kernels-wgsl";
import { boxHead, classHead, regressionHeads } from "../model/heads.js";
import type { HeadSpec } from "../types.js";

/** What the GPU's records hold of a table's heads. */
export function recordSpec(heads: readonly HeadSpec[]): RecordSpec {
  return {
    classes: classHead(heads).width,
    box: boxHead(heads),
    others: regressionHeads(heads).filter(({ meaning }) => meaning !== "box"),
  };
}

import { defineKernel, type Kernel } from "../kernel.js";
import { Opcode } from "../records.js";
import { MatchBoxes } from "./records.js";

/** Boxes of a chunk. */
const CHUNK = 1024;

/**
 * Which face each box is, as kernels-wgsl's `matchBoxes`. Operands `boxes` `[batch, boxes, 4]`, `faces` `[batch, faces, 5]`,
 * `labels` and `rows` (i32).
 */
export function matchBoxes(spec: {
  readonly batch: number;
  readonly boxes: number;
  readonly faces: number;
  readonly positive: number;
  readonly negative: number;
}): Kernel {
  const { batch, boxes, faces, positive, negative } = spec;
  return defineKernel({
    name: "match-boxes",
    opcode: Opcode.MatchBoxes,
    size: MatchBoxes.size,
    chunks: Math.ceil((batch * boxes) / CHUNK),
    integers: {
      [MatchBoxes.batch]: batch,
      [MatchBoxes.boxes]: boxes,
      [MatchBoxes.faces]: faces,
      [MatchBoxes.chunkBoxes]: CHUNK,
    },
    floats: { [MatchBoxes.positive]: positive, [MatchBoxes.negative]: negative },
    operands: [
      { operand: "boxes", field: MatchBoxes.input, offset: 0 },
      { operand: "faces", field: MatchBoxes.table, offset: 0 },
      { operand: "labels", field: MatchBoxes.labels, offset: 0 },
      { operand: "rows", field: MatchBoxes.rows, offset: 0 },
    ],
    flops: batch * boxes * faces * 16,
  });
}

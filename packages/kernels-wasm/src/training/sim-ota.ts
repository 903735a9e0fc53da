import { defineKernel, type Kernel } from "../kernel.js";
import { Opcode } from "../records.js";
import { SimOta } from "./records.js";

interface SimOtaSpec {
  readonly batch: number;
  readonly priors: number;
  readonly faces: number;
  readonly classes: number;
}

const INPUTS = [
  { operand: "boxes", field: SimOta.input, offset: 0 },
  { operand: "costs", field: SimOta.costs, offset: 0 },
  { operand: "points", field: SimOta.points, offset: 0 },
  { operand: "states", field: SimOta.states, offset: 0 },
  { operand: "faces", field: SimOta.table, offset: 0 },
  { operand: "claims", field: SimOta.claims, offset: 0 },
];

/** Bytes of ten IoUs, costs and marks. */
const LISTS = 120;

const partsOf = ({ batch, priors, faces, classes }: SimOtaSpec) => ({
  size: SimOta.size,
  integers: { [SimOta.priors]: priors, [SimOta.faces]: faces, [SimOta.classes]: classes },
  flops: batch * faces * priors * 20,
});

/**
 * What each face claims, as kernels-wgsl's `simOtaClaims`. Operands `boxes` `[batch, priors, 4]`, `costs` `[batch, priors,
 * classes]`, `points` `[priors, 4]`, `states` (i32), `faces` `[batch, faces, 5]`, `claims` (i32 `[batch, faces, 10]`).
 */
export function simOtaClaims(spec: SimOtaSpec): Kernel {
  return defineKernel({
    ...{ name: "sim-ota-claims", opcode: Opcode.SimOtaClaims, ...partsOf(spec) },
    chunks: spec.batch * spec.faces,
    operands: INPUTS,
    scratch: { field: SimOta.scratch, bytes: LISTS },
  });
}

/** Which face each prior is, as kernels-wgsl's `simOtaLabels`. Operands as above, and `labels` and `rows` (i32). */
export function simOtaLabels(spec: SimOtaSpec): Kernel {
  return defineKernel({
    ...{ name: "sim-ota-labels", opcode: Opcode.SimOtaLabels, ...partsOf(spec) },
    chunks: spec.batch,
    operands: [
      ...INPUTS,
      { operand: "labels", field: SimOta.labels, offset: 0 },
      { operand: "rows", field: SimOta.rows, offset: 0 },
    ],
  });
}

import type { ReducePlan } from "@retinaface-webgpu/kernels-wgsl";
import type { DType } from "../core/dtype.js";
import type { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { OpRun } from "./spec.js";

/**
 * Runs dispatches each of which but the last leaves partial results for the next.
 *
 * @param type of the partial results
 */
export function runPlan(
  run: OpRun,
  { kernels, scratch }: ReducePlan,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  type: DType = "f32",
): void {
  let from: readonly (Tensor | BufferBinding)[] = inputs;
  for (const [k, kernel] of kernels.entries()) {
    const to = k < scratch.length ? [run.scratch(scratch[k], type)] : outputs;
    run.kernel(kernel, [...from, ...to]);
    from = to;
  }
}

import type { Kernel } from "@retinaface-webgpu/kernels-wasm";
import { showShape } from "../../../core/shape.js";
import type { StepNode, StepValue } from "../../step/graph.js";
import { HALF_REMEDY, isHalf, WasmUnsupportedError } from "../unsupported.js";

/** Memory that a node needs besides its values. */
export interface NodeScratch {
  readonly scratchBytes: number;
}

export type StepOperand = StepValue | NodeScratch;

/** A kernel of a node, its operands not yet in memory. */
export interface StepKernel {
  readonly kernel: Kernel;
  /** By name; those that the kernel does not have count nothing. */
  readonly operands: Readonly<Record<string, StepOperand | undefined>>;
}

/** The operands that a kernel has. */
export function operandsOf({ kernel, operands }: StepKernel): [name: string, StepOperand][] {
  const names = new Set(kernel.operands.map(({ operand }) => operand));
  return [...names].map((name) => {
    const operand = operands[name];
    if (operand) return [name, operand];
    throw new TypeError(`${kernel.name} has an operand ${name} that its node does not give`);
  });
}

/** How nodes of an operation are lowered; `undefined` for what has no kernel. */
export type NodeLowering = (node: StepNode) => StepKernel[] | undefined;

/** A single kernel, and its operands by name. */
export function one(kernel: Kernel, operands: StepKernel["operands"]): StepKernel[] {
  return [{ kernel, operands }];
}

/** Whether a value is read: by a node, or by who runs the step or the plan. */
export function isRead(value: StepValue & { readonly isOutput?: boolean }): boolean {
  return value.users.length > 0 || value.memory !== undefined || value.isOutput === true;
}

/** A few floats that kernels of a node leave for one another. */
export function scratchOf(floats: number): NodeScratch {
  return { scratchBytes: Math.max(4, floats * 4) };
}

/** What cannot be lowered, in words. */
export function unsupported(node: StepNode): WasmUnsupportedError {
  const { op, inputs } = node;
  const shown = inputs.map(({ info }) => `${showShape(info.shape)} ${info.dtype}`).join(", ");
  return new WasmUnsupportedError(
    `${op.name} of ${shown || "nothing"} in a training step`,
    isHalf(node) ? HALF_REMEDY : "train on WebGPU (for commands: --backend webgpu)",
  );
}

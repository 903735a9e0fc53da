import type { Kernel } from "@retinaface-webgpu/kernels-wasm";
import type { Value } from "../graph.js";
import type { Constants } from "./weights.js";

export type WasmOperand = Value | Constants;

/** A kernel with its operands, not yet in memory. */
export interface LoweredStep {
  readonly kernel: Kernel;
  readonly operands: Readonly<Record<string, WasmOperand>>;
  /** The kernel as the operation's attributes are now, where they are live: for each run. */
  readonly renewed?: (() => Kernel) | undefined;
}

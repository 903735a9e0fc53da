import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { Tensor } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import type { CompiledKernel } from "../device/pipelines.js";
import type { PlanOutput } from "./outputs.js";

/** What a plan costs. */
export interface PlanStats {
  readonly dispatches: number;
  /** Bytes of the shared activation buffers. */
  readonly arenaBytes: number;
  /** Bytes that all activations would take side by side. */
  readonly activationBytes: number;
}

/** A dispatch, ready to be recorded. */
export interface Command {
  readonly compiled: CompiledKernel;
  readonly kernel: Kernel;
  readonly group: GPUBindGroup;
  readonly offsets: number[];
}

/** What a plan is made of. */
export interface PlanParts<Outputs> {
  readonly device: Device;
  readonly inputs: readonly Tensor[];
  readonly outputs: Outputs;
  readonly stats: PlanStats;
  readonly commands: readonly Command[];
  readonly release: () => void;
}

/**
 * A network's forward pass, prepared once for one input size and replayed without allocation: batch norm
 * folded, steps fused, concatenations in place, buffers shared by lifetime, bind groups made.
 */
export class Plan<Outputs = readonly PlanOutput[]> {
  readonly device: Device;
  /** Write the inputs here before `run`. */
  readonly inputs: readonly Tensor[];
  /** What `forward` returned, a place for each tensor of it. Valid after `run`, until the next. */
  readonly outputs: Outputs;
  readonly stats: PlanStats;
  readonly #commands: readonly Command[];
  readonly #release: () => void;

  constructor(parts: PlanParts<Outputs>) {
    this.device = parts.device;
    this.inputs = parts.inputs;
    this.outputs = parts.outputs;
    this.stats = parts.stats;
    this.#commands = parts.commands;
    this.#release = parts.release;
  }

  /** Records all dispatches; they go out with the device's next submit. */
  run(): void {
    for (const { compiled, kernel, group, offsets } of this.#commands) {
      this.device.runPrepared(compiled, kernel, group, offsets);
    }
  }

  dispose(): void {
    this.#release();
  }
}

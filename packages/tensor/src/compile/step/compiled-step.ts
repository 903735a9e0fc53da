import { TensorError } from "../../core/errors.js";
import { readTensors } from "../../core/read-tensors.js";
import type { Tensor } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";

/** What a compiled step costs. */
export interface StepStats {
  /** Dispatches, or kernels, of a step of one batch. */
  readonly dispatches: number;
  /** Bytes of the buffers that activations, saved tensors and gradients on their way share. */
  readonly arenaBytes: number;
  /** Bytes that these would take side by side. */
  readonly valueBytes: number;
  /** Bytes of packed weights and of the index by which they are packed; on processors they are among the shared. */
  readonly packedBytes: number;
}

/** Which batch of a step a run is, counted from 0, and of how many. */
export interface BatchPlace {
  readonly batch: number;
  readonly of: number;
}

/** A step's graph on a device. */
export interface LoweredStep {
  readonly stats: StepStats;
  readonly arena: readonly BufferBinding[];
  /** Submits one batch's forward and backward pass and, with `update`, what follows the last batch. */
  submit(update: boolean): void;
}

/** What a step is made of; see `compileStep`. */
export interface StepParts<I extends string> {
  readonly device: Device;
  readonly inputs: Readonly<Record<I, Tensor>>;
  readonly losses: Readonly<Record<string, Tensor>>;
  readonly gradientNorm: Tensor | undefined;
  readonly lowered: LoweredStep;
  readonly accumulates: boolean;
  /** Host work of each batch, and before each update. */
  readonly onBatch: (place: BatchPlace) => void;
  readonly onUpdate: () => void;
  readonly isCurrent: () => boolean;
  readonly release: () => void;
}

/**
 * A training step, recorded once: forward, losses, backward, clipping, optimizer, moving average, running
 * statistics. Made by `compileStep`.
 */
export class CompiledStep<I extends string = string> {
  readonly device: Device;
  /** Write the batch here before `run`. */
  readonly inputs: Readonly<Record<I, Tensor>>;
  /** The named losses of the last run, one element each. */
  readonly losses: Readonly<Record<string, Tensor>>;
  /** The norm of all gradients before clipping, `[]`; absent without clipping. */
  readonly gradientNorm: Tensor | undefined;
  readonly stats: StepStats;
  readonly #parts: StepParts<I>;
  #released = false;

  constructor(parts: StepParts<I>) {
    this.device = parts.device;
    this.inputs = parts.inputs;
    this.losses = parts.losses;
    this.gradientNorm = parts.gradientNorm;
    this.stats = parts.lowered.stats;
    this.#parts = parts;
  }

  /** Whether it may run: false after `dispose()`, and once other parameters train or others were loaded. */
  get isCurrent(): boolean {
    return !this.#released && this.#parts.isCurrent();
  }

  /** Buffers whose contents between runs do not matter; for tests. */
  get arena(): readonly BufferBinding[] {
    return this.#parts.lowered.arena;
  }

  /**
   * Runs the step on what `inputs` hold. Work is submitted; nothing is read back.
   *
   * @param place with `accumulate`: this is batch `batch` of `of`; only the last one's run updates the parameters,
   * from the mean of all gradients
   * @throws TensorError `STALE_STEP` where it may not run any more: compile again
   */
  run(place: BatchPlace = { batch: 0, of: 1 }): void {
    const { lowered, accumulates, onBatch, onUpdate } = this.#parts;
    if (!this.isCurrent) {
      throw new TensorError(
        "STALE_STEP",
        "The parameters, the optimizer or the average are no longer those that this step was compiled for: " +
          "call compileStep() again.",
      );
    }
    if (place.of !== 1 && !accumulates) {
      throw new TensorError(
        "STEP",
        `This step takes one batch, not ${place.of}: compile it with accumulate: true.`,
      );
    }
    onBatch(place);
    const last = place.batch === place.of - 1;
    if (last) onUpdate();
    lowered.submit(last);
  }

  /** Reads the losses of the last run, and the gradients' norm as `gradientNorm`. */
  async read(): Promise<Record<string, number>> {
    const { losses, gradientNorm } = this;
    const named = gradientNorm ? { ...losses, gradientNorm } : losses;
    const host = await readTensors(this.device, Object.values(named));
    const values = Object.entries(named).map(([name, tensor]) => [name, host.get(tensor)![0]]);
    return Object.fromEntries(values);
  }

  /** Frees what it holds; parameters, optimizer and average stay. */
  dispose(): void {
    if (!this.#released) this.#parts.release();
    this.#released = true;
  }
}

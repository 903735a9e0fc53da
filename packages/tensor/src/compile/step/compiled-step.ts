import { TensorError } from "../../core/errors.js";
import { readTensors } from "../../core/read-tensors.js";
import type { Tensor } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import type { GradScaler } from "../../optim/index.js";

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

/** What of a step is submitted: a batch's forward and backward pass, what follows the last batch, or both. */
export type StepPart = "batch" | "update" | "both";

/** A step's graph on a device. */
export interface LoweredStep {
  readonly stats: StepStats;
  readonly arena: readonly BufferBinding[];
  submit(part: StepPart): void;
}

/** What a step is made of; see `compileStep`. */
export interface StepParts<I extends string> {
  readonly device: Device;
  readonly inputs: Readonly<Record<I, Tensor>>;
  readonly losses: Readonly<Record<string, Tensor>>;
  readonly gradientNorm: Tensor | undefined;
  /** Scales the loss, and the sum of the squares of what was unscaled. */
  readonly scaling: { readonly scaler: GradScaler; readonly squares: Tensor } | undefined;
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
   * @throws TensorError `STALE_STEP` where it may not run any more: compile again; `STEP` where its loss is scaled
   */
  run(place: BatchPlace = { batch: 0, of: 1 }): void {
    const { lowered, onBatch, onUpdate, scaling } = this.#parts;
    this.#check(place);
    if (scaling) {
      throw new TensorError(
        "STEP",
        "This step scales its loss, so that it must be known whether gradients overflowed: await runScaled().",
      );
    }
    onBatch(place);
    const last = place.batch === place.of - 1;
    if (last) onUpdate();
    lowered.submit(last ? "both" : "batch");
  }

  /**
   * As `run`, of a step with a `scaler`: where the gradients of the last batch are not finite nothing is updated. Adjusts the
   * scale.
   *
   * @returns whether the step was taken; true for batches before the last
   */
  async runScaled(place: BatchPlace = { batch: 0, of: 1 }): Promise<boolean> {
    const { lowered, onBatch, onUpdate, scaling } = this.#parts;
    this.#check(place);
    if (!scaling) {
      throw new TensorError(
        "STEP",
        "This step scales no loss: call run(), or compile it with a scaler.",
      );
    }
    onBatch(place);
    lowered.submit("batch");
    if (place.batch < place.of - 1) return true;
    const finite = Number.isFinite(await scaling.squares.item());
    if (finite) {
      onUpdate();
      lowered.submit("update");
    }
    scaling.scaler.update(finite);
    return finite;
  }

  #check(place: BatchPlace): void {
    if (!this.isCurrent) {
      throw new TensorError(
        "STALE_STEP",
        "The parameters, the optimizer or the average are no longer those that this step was compiled for: " +
          "call compileStep() again.",
      );
    }
    if (place.of !== 1 && !this.#parts.accumulates) {
      throw new TensorError(
        "STEP",
        `This step takes one batch, not ${place.of}: compile it with accumulate: true.`,
      );
    }
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

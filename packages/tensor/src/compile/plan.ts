import { describe, requireList } from "../core/arguments.js";
import { DisposedError, ShapeError, TensorError } from "../core/errors.js";
import { sameShape, showShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { GPUBuffer } from "../core/web.js";
import type { Device } from "../device/device.js";
import type { Command } from "./commands.js";
import type { PlanOutput } from "./outputs.js";
import type { Owned } from "./owned.js";

/** What a plan costs. */
export interface PlanStats {
  /** Of each run. */
  readonly dispatches: number;
  /** Bytes of the shared activation buffers. */
  readonly arenaBytes: number;
  /** Bytes that all activations would take side by side. */
  readonly activationBytes: number;
}

/** The dispatches of a plan with the weights that they bind. */
export interface Bound {
  /** Depend on weights alone. */
  readonly settled: readonly Command[];
  readonly running: readonly Command[];
  /** Gives the weights back. */
  release(): void;
}

/** What a plan is made of. */
export interface PlanParts<Outputs> {
  readonly device: Device;
  readonly inputs: readonly Tensor[];
  readonly outputs: Outputs;
  readonly stats: PlanStats;
  /** Buffers that a run writes and others may read. */
  readonly written: readonly GPUBuffer[];
  /** What a run does on the host, before it is recorded. */
  readonly effects: readonly (() => void)[];
  /** What is bound now; `owned` gives it back. */
  readonly current: { bound: Bound };
  /** Binds the present values of the weights. */
  readonly bind: (before: Bound) => Promise<Bound>;
  readonly owned: Owned;
}

/** Frees plans that were dropped without `dispose()`, when they are collected. */
const dropped = /* @__PURE__ */ new FinalizationRegistry<Owned>((owned) => owned.abandon());

/**
 * A network's forward pass, prepared once for one input size and replayed without allocation: batch norm
 * folded, steps fused, concatenations in place, buffers shared by lifetime, bind groups made.
 *
 * A plan is frozen: it computes with the values that weights and all other constants had when it was compiled, in memory
 * of its own, whatever becomes of them, until `update()` takes over their present ones. Only what the pass itself changes
 * in place, such as the running statistics of a batch norm in training mode, stays the module's own.
 */
export class Plan<Outputs = readonly PlanOutput[]> {
  readonly device: Device;
  /** Write the inputs here before `run`. */
  readonly inputs: readonly Tensor[];
  /** What `forward` returned, a place for each tensor of it. Valid after `run`, until the next `run` or `update`. */
  readonly outputs: Outputs;
  readonly stats: PlanStats;
  readonly #parts: PlanParts<Outputs>;
  #updates = 0;
  #disposed = false;

  constructor(parts: PlanParts<Outputs>) {
    this.device = parts.device;
    this.inputs = parts.inputs;
    this.outputs = parts.outputs;
    this.stats = parts.stats;
    this.#parts = parts;
    this.#record(parts.current.bound.settled);
    dropped.register(this, parts.owned, this);
  }

  /**
   * Records all dispatches; they go out with the device's next submit.
   *
   * @param inputs values on the device, copied into the first of `this.inputs` before
   * @throws DisposedError after `dispose()`; ShapeError for values that are not like the plan's inputs
   */
  run(inputs: readonly Tensor[] = []): void {
    this.#assertAlive();
    requireList("Plan.run", inputs, "tensors");
    for (const [i, values] of inputs.entries()) this.#copy(values, i);
    const { current, effects, written } = this.#parts;
    for (const effect of effects) effect();
    this.#record(current.bound.running);
    for (const buffer of written) this.device.versions.count(buffer);
  }

  /**
   * Takes over the values that weights and other constants have when this is called. Runs until it is done use the
   * earlier ones. What has not changed is not read again.
   *
   * @throws DisposedError when one of them, or the plan, is disposed; the plan then keeps the earlier values
   */
  async update(): Promise<void> {
    this.#assertAlive();
    const turn = ++this.#updates;
    const { bind, current } = this.#parts;
    const before = current.bound;
    const bound = await bind(before);
    if (this.#disposed || turn !== this.#updates) {
      bound.release();
      this.#assertAlive();
      return;
    }
    before.release();
    current.bound = bound;
    this.#record(bound.settled);
  }

  /** Gives all memory back; what was in `outputs` is gone, and using the plan afterwards throws. */
  dispose(): void {
    this.#disposed = true;
    dropped.unregister(this);
    this.#parts.owned.release();
  }

  #record(commands: readonly Command[]): void {
    for (const { compiled, kernel, group, offsets } of commands) {
      this.device.runPrepared(compiled, kernel, group, offsets);
    }
  }

  #copy(values: Tensor, i: number): void {
    const input = this.inputs[i];
    if (!(values instanceof Tensor)) {
      throw new TensorError(
        "ARGUMENT",
        `Plan.run takes tensors, not ${describe(values)}: write() other values to plan.inputs[${i}].`,
      );
    }
    if (!input || !sameShape(values.shape, input.shape) || values.dtype !== input.dtype) {
      const wanted = input ? `${input.dtype} ${showShape(input.shape)}` : "nothing";
      const given = `${values.dtype} ${showShape(values.shape)}`;
      throw new ShapeError(`Plan.run: ${given} for input ${i}, which takes ${wanted}`);
    }
    const [source, target] = [values.storage, input.storage];
    if (source === target) return;
    this.device.copy(source.buffer.buffer, source.offset, target.buffer.buffer, 0, target.bytes);
  }

  #assertAlive(): void {
    if (this.#disposed) throw new DisposedError("A plan", "compile again");
  }
}

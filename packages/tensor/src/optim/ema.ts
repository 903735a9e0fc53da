import { lerpUpdate } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../core/errors.js";
import { type StateDict, toFloat32 } from "../core/host-tensor.js";
import { keep, tidy } from "../core/scope.js";
import { sameShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { Module } from "../nn/module.js";
import { record } from "../ops/op.js";
import { copyElements, gather, scatter } from "./flat.js";

/**
 * Exponential moving average of a module's parameters and buffers (Polyak and Juditsky 1992): smoother
 * weights, to evaluate and to ship.
 */
export class EMA {
  readonly decay: number;
  /** Updates so far; early ones use a smaller decay, (1 + n) / (10 + n), so that the start is forgotten. */
  updates = 0;
  readonly #names: readonly string[];
  readonly #live: readonly Tensor[];
  /** The averages, one after the other. */
  readonly #average: Tensor;

  /** Starts from the module's present values. @throws TensorError `EMA` unless 0 ≤ decay < 1 */
  constructor(module: Module, decay = 0.999) {
    if (!(decay >= 0 && decay < 1)) {
      throw new TensorError("EMA", `The decay must be at least 0 and below 1, not ${decay}.`);
    }
    this.decay = decay;
    const members = [...module.namedParameters(), ...module.namedBuffers()];
    this.#names = members.map(([name]) => name);
    this.#live = members.map(([, tensor]) => tensor);
    this.#average = keep(gather(this.#live));
  }

  /** Moves the average towards the module's values; call it after each step of the optimizer. */
  update(): void {
    const decay = Math.min(this.decay, (1 + this.updates) / (10 + this.updates));
    this.updates++;
    tidy(() => {
      const live = gather(this.#live);
      const kernel = lerpUpdate(live.size, 1 - decay);
      record(live.device, (run) => run.kernel(kernel, [live, this.#average]));
    });
  }

  /** Exchanges the module's values and the average; call it again to change back. */
  swap(): void {
    tidy(() => {
      const held = gather(this.#live);
      scatter(this.#average, this.#live);
      copyElements(held, 0, this.#average, 0, held.size);
    });
  }

  /** Reads the averages back, under the module's names. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    const values = (await this.#average.data()) as Float32Array;
    let at = 0;
    for (const [i, { shape, size }] of this.#live.entries()) {
      const data = values.slice(at, at + size);
      state.set(this.#names[i], { dtype: "f32", shape: [...shape], data });
      at += size;
    }
    return state;
  }

  /** Sets the averages. @throws TensorError `EMA` where one is missing or has another shape */
  loadStateDict(state: StateDict): void {
    const values = new Float32Array(this.#average.size);
    let at = 0;
    for (const [i, { shape, size }] of this.#live.entries()) {
      const given = state.get(this.#names[i]);
      if (!given || !sameShape(given.shape, shape)) {
        throw new TensorError(
          "EMA",
          `The saved averages do not fit this module: ${this.#names[i]}.`,
        );
      }
      values.set(toFloat32(given), at);
      at += size;
    }
    this.#average.write(values);
  }

  dispose(): void {
    this.#average.dispose();
  }
}

import { lerpUpdate } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../errors.js";
import { type StateDict, toFloat32 } from "../host-tensor.js";
import type { Module } from "../nn/module.js";
import { record } from "../ops/op.js";
import { keep, tidy } from "../scope.js";
import { sameShape } from "../shape.js";
import { empty, type Tensor } from "../tensor.js";

/**
 * Exponential moving average of a module's parameters and buffers (Polyak and Juditsky 1992): smoother
 * weights, to evaluate and to ship.
 */
export class EMA {
  readonly decay: number;
  /** Updates so far; early ones use a smaller decay, (1 + n) / (10 + n), so that the start is forgotten. */
  updates = 0;
  readonly #pairs: readonly (readonly [name: string, live: Tensor, average: Tensor])[];

  /** Starts from the module's present values. @throws TensorError `EMA` unless 0 ≤ decay < 1 */
  constructor(module: Module, decay = 0.999) {
    if (!(decay >= 0 && decay < 1)) {
      throw new TensorError("EMA", `The decay must be at least 0 and below 1, not ${decay}.`);
    }
    this.decay = decay;
    this.#pairs = tidy(() =>
      [...module.namedParameters(), ...module.namedBuffers()].map(([name, live]) => {
        const average = keep(empty(live.device, live.shape));
        copy(live, average);
        return [name, live, average] as const;
      }),
    );
  }

  /** Moves the average towards the module's values; call it after each step of the optimizer. */
  update(): void {
    const decay = Math.min(this.decay, (1 + this.updates) / (10 + this.updates));
    this.updates++;
    for (const [, live, average] of this.#pairs) {
      record(live.device, (run) => run.kernel(lerpUpdate(live.size, 1 - decay), [live, average]));
    }
  }

  /** Exchanges the module's values and the average; call it again to change back. */
  swap(): void {
    for (const [, live, average] of this.#pairs) {
      tidy(() => {
        const held = empty(live.device, live.shape);
        copy(live, held);
        copy(average, live);
        copy(held, average);
      });
    }
  }

  /** Reads the averages back, under the module's names. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const [name, , average] of this.#pairs) {
      const data = (await average.data()) as Float32Array;
      state.set(name, { dtype: "f32", shape: [...average.shape], data });
    }
    return state;
  }

  /** Sets the averages. @throws TensorError `EMA` where one is missing or has another shape */
  loadStateDict(state: StateDict): void {
    for (const [name, , average] of this.#pairs) {
      const given = state.get(name);
      if (!given || !sameShape(given.shape, average.shape)) {
        throw new TensorError("EMA", `The saved averages do not fit this module: ${name}.`);
      }
    }
    for (const [name, , average] of this.#pairs) average.write(toFloat32(state.get(name)!));
  }

  dispose(): void {
    for (const [, , average] of this.#pairs) average.dispose();
  }
}

function copy(from: Tensor, to: Tensor): void {
  const [source, target] = [from.storage.buffer.buffer, to.storage.buffer.buffer];
  from.device.copy(source, 0, target, 0, from.size * 4);
}

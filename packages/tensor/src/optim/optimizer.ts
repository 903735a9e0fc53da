import { TensorError } from "../errors.js";
import type { HostTensor, StateDict } from "../host-tensor.js";
import type { Parameter } from "../nn/parameter.js";
import { keep, tidy } from "../scope.js";
import { sameShape, showShape } from "../shape.js";
import { type Tensor, tensor, zeros } from "../tensor.js";

/** What every optimizer lets each group set. */
export interface GroupOptions {
  /** Learning rate. */
  lr: number;
  /** L2 penalty, or decay of the weights themselves in AdamW. */
  weightDecay: number;
}

/** Parameters that share options; change the options between steps as you like. */
export type ParameterGroup<O extends GroupOptions> = O & {
  readonly parameters: readonly Parameter[];
  /** The learning rate that schedules scale. */
  readonly baseLr: number;
};

/** A group as given to an optimizer: options left out are the optimizer's. */
export type GroupInit<O extends GroupOptions> = Partial<O> & {
  readonly parameters: Iterable<Parameter>;
};

/** An optimizer's memory: what a resumed run needs to continue as if it had never stopped. */
export interface OptimizerState {
  /** Options of each group, in order. */
  readonly groups: readonly Record<string, unknown>[];
  /** Buffers and step counts by the parameter's position over all groups: `3.velocity`. */
  readonly tensors: StateDict;
}

/** The optimizer's memory of one parameter. */
export interface Slot {
  /** Steps that this parameter has taken part in. */
  step: number;
  readonly buffers: Record<string, Tensor>;
}

/** Checks one option of a group. @throws TensorError `OPTIMIZER` */
export function requireOption(name: string, value: number, valid: boolean, range: string): void {
  if (valid) return;
  throw new TensorError("OPTIMIZER", `${name} must be ${range}, not ${value}.`);
}

/**
 * Updates parameters in place from their gradients, on the GPU.
 *
 * A parameter without a gradient is left alone, as is one that does not require any.
 */
export abstract class Optimizer<O extends GroupOptions> {
  readonly groups: readonly ParameterGroup<O>[];
  /** Names of the buffers kept for each parameter. */
  protected abstract readonly bufferNames: readonly string[];
  readonly #slots = new Map<Parameter, Slot>();

  /**
   * @param parameters all in one group, or groups with options of their own
   * @throws TensorError `OPTIMIZER` for an option out of range or a parameter in two groups
   */
  constructor(parameters: Iterable<Parameter> | readonly GroupInit<O>[], defaults: O) {
    const given = [...parameters];
    const inits = (
      given.length > 0 && "parameters" in given[0] ? given : [{ parameters: given }]
    ) as GroupInit<O>[];
    this.groups = inits.map((init) => {
      const lr = init.lr ?? defaults.lr;
      return { ...defaults, ...init, lr, baseLr: lr, parameters: [...init.parameters] };
    });
    const all = this.#parameters();
    if (new Set(all).size !== all.length) {
      throw new TensorError("OPTIMIZER", "A parameter is in two groups: give each one only once.");
    }
    for (const { lr, weightDecay } of this.groups) {
      requireOption("lr", lr, lr >= 0, "0 or more");
      requireOption("weightDecay", weightDecay, weightDecay >= 0, "0 or more");
    }
  }

  /** Applies the gradients that `backward()` left on the parameters. */
  step(): void {
    for (const group of this.groups) {
      for (const parameter of group.parameters) {
        if (!parameter.grad || !parameter.requiresGrad) continue;
        const slot = this.#slot(parameter, group);
        slot.step++;
        this.update(parameter, parameter.grad, slot, group);
      }
    }
  }

  /** Frees all gradients; the next `backward()` starts from none. */
  zeroGrad(): void {
    for (const parameter of this.#parameters()) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
  }

  /** Sets every group's learning rate to `factor` times its first one. */
  scaleLearningRate(factor: number): void {
    for (const group of this.groups) group.lr = group.baseLr * factor;
  }

  /** Reads the optimizer's memory back. */
  async stateDict(): Promise<OptimizerState> {
    const tensors: StateDict = new Map();
    for (const [i, parameter] of this.#parameters().entries()) {
      const slot = this.#slots.get(parameter);
      if (!slot) continue;
      tensors.set(`${i}.step`, { dtype: "i32", shape: [], data: Int32Array.of(slot.step) });
      for (const [name, buffer] of Object.entries(slot.buffers)) {
        const data = (await buffer.data()) as Float32Array;
        tensors.set(`${i}.${name}`, { dtype: "f32", shape: [...buffer.shape], data });
      }
    }
    const groups = this.groups.map(({ parameters: _, ...options }) => options);
    return { groups, tensors };
  }

  /**
   * Continues from a saved memory; the groups must be those that it was saved from.
   * @throws TensorError `OPTIMIZER` where they are not; nothing is loaded then.
   */
  loadStateDict(state: OptimizerState): void {
    const all = this.#parameters();
    const slots = new Map<Parameter, Map<string, HostTensor>>();
    for (const [key, value] of state.tensors) {
      const [position, name] = key.split(".");
      const parameter = all[Number(position)];
      const expected = name === "step" ? [] : parameter?.shape;
      const known = name === "step" || this.bufferNames.includes(name);
      if (!expected || !known || !sameShape(expected, value.shape)) {
        throw new TensorError(
          "OPTIMIZER",
          `The saved optimizer does not fit: ${key} ${showShape(value.shape)} where ` +
            `${expected && known ? showShape(expected) : "nothing"} is expected.`,
        );
      }
      const slot = slots.get(parameter) ?? new Map();
      slots.set(parameter, slot.set(name, value));
    }
    if (state.groups.length !== this.groups.length) {
      throw new TensorError(
        "OPTIMIZER",
        `The saved optimizer has ${state.groups.length} group(s), this one ${this.groups.length}.`,
      );
    }
    this.#forget();
    for (const [i, group] of this.groups.entries()) Object.assign(group, state.groups[i]);
    for (const [parameter, saved] of slots) {
      const buffers: Record<string, Tensor> = {};
      for (const [name, { data, shape }] of saved) {
        if (name === "step") continue;
        buffers[name] = keep(tensor(parameter.device, data as Float32Array, shape));
      }
      this.#slots.set(parameter, { step: Number(saved.get("step")?.data[0] ?? 0), buffers });
    }
  }

  /** Frees the optimizer's buffers; the parameters stay. */
  dispose(): void {
    this.#forget();
  }

  /** Records the update of one parameter. */
  protected abstract update(
    parameter: Parameter,
    gradient: Tensor,
    slot: Slot,
    group: ParameterGroup<O>,
  ): void;

  /** Whether a group needs the buffers at all. */
  protected usesBuffers(_group: ParameterGroup<O>): boolean {
    return true;
  }

  #slot(parameter: Parameter, group: ParameterGroup<O>): Slot {
    const known = this.#slots.get(parameter);
    if (known) return known;
    const names = this.usesBuffers(group) ? this.bufferNames : [];
    const buffers = tidy(() =>
      Object.fromEntries(
        names.map((name) => [name, keep(zeros(parameter.device, parameter.shape))]),
      ),
    );
    const slot = { step: 0, buffers };
    this.#slots.set(parameter, slot);
    return slot;
  }

  #parameters(): Parameter[] {
    return this.groups.flatMap(({ parameters }) => parameters);
  }

  #forget(): void {
    for (const { buffers } of this.#slots.values()) {
      for (const buffer of Object.values(buffers)) buffer.dispose();
    }
    this.#slots.clear();
  }
}

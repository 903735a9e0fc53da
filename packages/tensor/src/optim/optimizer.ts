import { describe } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import { type StateDict, toFloat32 } from "../core/host-tensor.js";
import { readTensors } from "../core/read-tensors.js";
import { keep, tidy } from "../core/scope.js";
import { sameShape, showShape } from "../core/shape.js";
import { Tensor, zeros } from "../core/tensor.js";
import type { Parameter } from "../nn/parameter.js";
import {
  type Chunk,
  disposeChunk,
  flatten,
  isFlat,
  makeChunk,
  placesOf,
  regroup,
} from "./chunks.js";
import { gatherTo, scatterFrom } from "./flat.js";

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
  /** Buffers and step counts by the parameter's position over all groups: `3.velocity`, `3.step`. */
  readonly tensors: StateDict;
}

/** What an update works on: all active parameters of a group, one after the other. */
export interface FlatUpdate {
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  /** The optimizer's memory, by name. */
  readonly buffers: Readonly<Record<string, Tensor>>;
  /** Steps taken, this one among them; it goes on counting while a compiled step runs. */
  readonly progress: { readonly step: number };
}

/** What a compiled step needs of an optimizer: parameters that it updates together, side by side in memory. */
export interface FlatParameters {
  readonly parameters: readonly Parameter[];
  /** First element of each parameter in `values` and `gradients`. */
  readonly offsets: readonly number[];
  readonly values: Tensor;
  readonly gradients: Tensor;
  /** Gradients of one batch of several. */
  partial(): Tensor;
  /** Counts one step; before the update of each run. */
  advance(): void;
  /** Calls the operations of the update, to be traced. */
  update(): void;
  /** Whether all this is still so: false once other parameters train, or others were loaded. */
  isCurrent(): boolean;
}

/** @throws TensorError `OPTIMIZER` for what cannot be gone through, such as a module */
function listOf<T>(parameters: Iterable<T>): T[] {
  if (typeof parameters?.[Symbol.iterator] === "function") return [...parameters];
  throw new TensorError(
    "OPTIMIZER",
    `An optimizer takes parameters, such as net.parameters(), not ${describe(parameters)}.`,
  );
}

/** @throws TensorError `OPTIMIZER` for what is no tensor, or the result of an operation, whose change would be lost */
function requireLeaf(parameter: unknown): void {
  if (parameter instanceof Tensor && parameter.node === undefined) return;
  const given = parameter instanceof Tensor ? "the result of an operation" : describe(parameter);
  throw new TensorError(
    "OPTIMIZER",
    `An optimizer takes parameters, not ${given}: give it net.parameters(), or tensors made with requiresGrad.`,
  );
}

/** Checks one option of a group. @throws TensorError `OPTIMIZER` */
export function requireOption(name: string, value: number, valid: boolean, range: string): void {
  if (valid && typeof value === "number") return;
  throw new TensorError("OPTIMIZER", `${name} must be ${range}, not ${value}.`);
}

/**
 * Updates parameters in place from their gradients, on the GPU.
 *
 * A parameter without a gradient is left alone, as is one that does not require any.
 */
export abstract class Optimizer<O extends GroupOptions> {
  readonly groups: readonly ParameterGroup<O>[];
  /** The memory of each group. */
  readonly #chunks: Chunk[][];
  #hasWarned = false;

  /**
   * @param parameters all in one group, or groups with options of their own
   * @throws TensorError `OPTIMIZER` for an option out of range, a parameter in two groups, or none at all
   */
  constructor(parameters: Iterable<Parameter> | readonly GroupInit<O>[], defaults: O) {
    const given = listOf<Parameter | GroupInit<O>>(parameters);
    const inits = (
      given.length > 0 && "parameters" in given[0] ? given : [{ parameters: given }]
    ) as GroupInit<O>[];
    this.groups = inits.map((init) => {
      const lr = init.lr ?? defaults.lr;
      return { ...defaults, ...init, lr, baseLr: lr, parameters: [...new Set(init.parameters)] };
    });
    this.#chunks = this.groups.map(() => []);
    const all = this.#parameters();
    if (all.length === 0) {
      throw new TensorError(
        "OPTIMIZER",
        "An optimizer of no parameters: give it net.parameters(), which can be read once, or [...net.parameters()].",
      );
    }
    for (const parameter of all) requireLeaf(parameter);
    if (new Set(all).size !== all.length) {
      throw new TensorError(
        "OPTIMIZER",
        "A parameter is in two groups: give each to one of them (tied weights are one parameter).",
      );
    }
    for (const { lr, weightDecay } of this.groups) {
      requireOption("lr", lr, lr >= 0, "0 or more");
      requireOption("weightDecay", weightDecay, weightDecay >= 0, "0 or more");
    }
  }

  /** Applies the gradients that `backward()` left on the parameters; warns, once, where none of them has one. */
  step(): void {
    const isIdle = !this.#parameters().some(({ grad, requiresGrad }) => grad && requiresGrad);
    if (isIdle && !this.#hasWarned) {
      this.#hasWarned = true;
      console.warn(
        "step(): no parameter of the optimizer has a gradient, so nothing is trained: call backward() on a loss that " +
          "depends on them, before step() and after zeroGrad().",
      );
    }
    for (const [i, group] of this.groups.entries()) {
      const active = group.parameters.filter(({ grad, requiresGrad }) => grad && requiresGrad);
      const chunks = regroup(this.#chunks[i], active, this.bufferNames(group));
      this.#chunks[i] = chunks;
      const isActive = new Set(active);
      for (const chunk of chunks) {
        if (isActive.has(chunk.parameters[0])) this.#stepChunk(chunk, group);
      }
    }
  }

  /**
   * Lays the parameters that a compiled step trains side by side in memory. They stay the same tensors, and
   * `step()` may still be called between compiled steps.
   */
  flatten(active: readonly Parameter[]): FlatParameters[] {
    const isActive = new Set(active);
    return this.groups.flatMap((group, i) => {
      const mine = group.parameters.filter((parameter) => isActive.has(parameter));
      const chunks = regroup(this.#chunks[i], mine, this.bufferNames(group));
      this.#chunks[i] = chunks;
      const used = chunks.filter(({ parameters: [first] }) => isActive.has(first as Parameter));
      return used.map((chunk) => this.#flatParameters(chunk, group, i));
    });
  }

  #flatParameters(chunk: Chunk, group: ParameterGroup<O>, index: number): FlatParameters {
    const flat = flatten(chunk);
    const { parameters: values, gradients } = flat;
    return {
      parameters: chunk.parameters,
      offsets: chunk.layout.offsets,
      values,
      gradients,
      partial: () => {
        flat.partial ??= keep(zeros(values.device, values.shape));
        return flat.partial;
      },
      advance: () => {
        chunk.step++;
      },
      update: () => {
        const { buffers } = chunk;
        this.update({ parameters: values, gradients, buffers, progress: chunk }, group);
      },
      isCurrent: () => this.#chunks[index].includes(chunk) && chunk.flat === flat && isFlat(chunk),
    };
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
    const positions = new Map(this.#parameters().map((parameter, i) => [parameter, i]));
    const chunks = this.#chunks.flat();
    const buffers = chunks.flatMap((chunk) => Object.values(chunk.buffers));
    const device = chunks[0]?.parameters[0].device;
    const host = device ? await readTensors(device, buffers) : new Map<Tensor, Float32Array>();
    for (const chunk of chunks) {
      for (const [parameter, { offset }] of placesOf(chunk)) {
        const { shape, size } = parameter;
        const i = positions.get(parameter);
        tensors.set(`${i}.step`, { dtype: "i32", shape: [], data: Int32Array.of(chunk.step) });
        for (const [name, buffer] of Object.entries(chunk.buffers)) {
          const data = host.get(buffer)!.slice(offset, offset + size);
          tensors.set(`${i}.${name}`, { dtype: "f32", shape: [...shape], data });
        }
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
    this.#check(state);
    this.dispose();
    let first = 0;
    for (const [i, group] of this.groups.entries()) {
      Object.assign(group, state.groups[i]);
      const names = this.bufferNames(group);
      const bySteps = new Map<number, Parameter[]>();
      const positions = new Map(group.parameters.map((parameter, k) => [parameter, first + k]));
      for (const [parameter, position] of positions) {
        const step = state.tensors.get(`${position}.step`)?.data[0];
        if (step === undefined) continue;
        const known = bySteps.get(Number(step));
        if (known) known.push(parameter);
        else bySteps.set(Number(step), [parameter]);
      }
      for (const [step, parameters] of bySteps) {
        const chunk = makeChunk(parameters, step, names);
        for (const name of names) {
          const values = new Float32Array(chunk.buffers[name].size);
          for (const [parameter, { offset }] of placesOf(chunk)) {
            const saved = state.tensors.get(`${positions.get(parameter)}.${name}`);
            if (saved) values.set(toFloat32(saved), offset);
          }
          chunk.buffers[name].write(values);
        }
        this.#chunks[i].push(chunk);
      }
      first += group.parameters.length;
    }
  }

  /** Frees the optimizer's memory; the parameters stay. */
  dispose(): void {
    for (const chunk of this.#chunks.flat()) disposeChunk(chunk);
    for (const chunks of this.#chunks) chunks.length = 0;
  }

  /** Names of the buffers that a group needs. */
  protected abstract bufferNames(group: ParameterGroup<O>): readonly string[];

  /** Records the update of parameters and buffers in place. */
  protected abstract update(values: FlatUpdate, group: ParameterGroup<O>): void;

  #stepChunk(chunk: Chunk, group: ParameterGroup<O>): void {
    chunk.step++;
    const { buffers, layout } = chunk;
    tidy(() => {
      const laidOut = isFlat(chunk) ? chunk.flat!.parameters : undefined;
      const parameters = laidOut ?? gatherTo(chunk.parameters, layout);
      const grads = chunk.parameters.map(({ grad }) => grad!);
      const gradients = gatherTo(grads, layout);
      this.update({ parameters, gradients, buffers, progress: chunk }, group);
      if (!laidOut) scatterFrom(parameters, chunk.parameters, layout);
    });
  }

  #check(state: OptimizerState): void {
    if (state.groups.length !== this.groups.length) {
      throw new TensorError(
        "OPTIMIZER",
        `The saved optimizer has ${state.groups.length} group(s), this one ${this.groups.length}: make it with the groups that were saved, in their order.`,
      );
    }
    const expected = new Map<string, readonly number[]>();
    let position = 0;
    for (const group of this.groups) {
      for (const { shape } of group.parameters) {
        expected.set(`${position}.step`, []);
        for (const name of this.bufferNames(group)) expected.set(`${position}.${name}`, shape);
        position++;
      }
    }
    for (const [key, { shape }] of state.tensors) {
      const wanted = expected.get(key);
      if (wanted && sameShape(wanted, shape)) continue;
      throw new TensorError(
        "OPTIMIZER",
        `The saved optimizer does not fit: ${key} ${showShape(shape)} where ` +
          `${wanted ? showShape(wanted) : "nothing"} is expected: load it into the optimizer and network it was saved from.`,
      );
    }
  }

  #parameters(): Parameter[] {
    return this.groups.flatMap(({ parameters }) => parameters);
  }
}

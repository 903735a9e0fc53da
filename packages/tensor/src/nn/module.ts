import { TensorError } from "../core/errors.js";
import { type HostTensor, type StateDict, toFloat32 } from "../core/host-tensor.js";
import { readTensors } from "../core/read-tensors.js";
import { sameShape, showShape } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import { Parameter } from "./parameter.js";

/** The checkpoint does not fit the module; `missing`, `unexpected` and `mismatched` list all of it. */
export class StateDictError extends TensorError {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly mismatched: string[];

  constructor(missing: string[], unexpected: string[], mismatched: string[]) {
    const parts = [
      missing.length ? `missing: ${missing.join(", ")}` : "",
      unexpected.length ? `unexpected: ${unexpected.join(", ")}` : "",
      mismatched.length ? `wrong shape: ${mismatched.join(", ")}` : "",
    ].filter(Boolean);
    super("STATE_DICT", `The state dict does not fit this module: ${parts.join("; ")}.`);
    this.missing = missing;
    this.unexpected = unexpected;
    this.mismatched = mismatched;
  }
}

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Fail on unexpected names too; default true. */
  strict?: boolean;
}

type Member = Tensor | Module | readonly Module[];

/**
 * A part of a network. Tensors and modules held in own properties are its members, named as PyTorch
 * names them: `body.stage1.0.weight`.
 */
export abstract class Module {
  /** Whether batch norm uses batch statistics; set through `train()` and `eval()`. */
  training = true;

  abstract forward(...inputs: never[]): unknown;

  /** Trainable tensors with their full names. */
  *namedParameters(prefix = ""): Generator<[string, Parameter]> {
    for (const [name, value] of this.#tensors(prefix)) {
      if (value instanceof Parameter) yield [name, value];
    }
  }

  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** Tensors saved with the module but not trained. */
  *namedBuffers(prefix = ""): Generator<[string, Tensor]> {
    for (const [name, value] of this.#tensors(prefix)) {
      if (!(value instanceof Parameter)) yield [name, value];
    }
  }

  /** This module and all below it, with their names. */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    yield [prefix.replace(/\.$/, ""), this];
    for (const [name, member] of this.#members()) {
      if (member instanceof Module) yield* member.namedModules(`${prefix}${name}.`);
    }
  }

  /** Switches batch norm to batch statistics (`true`) or running statistics. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Freezes (`false`) or thaws every parameter below. */
  requiresGrad(flag: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = flag;
    return this;
  }

  /** Name and shape of everything a checkpoint of this module holds. */
  stateShapes(): Map<string, number[]> {
    const shapes = new Map<string, number[]>();
    for (const [name, value] of this.#tensors("")) shapes.set(name, [...value.shape]);
    for (const [name] of this.#counters()) shapes.set(name, []);
    return shapes;
  }

  /** Reads all parameters and buffers back, in PyTorch's names and layouts. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    const members = [...this.#tensors("")];
    if (members.length > 0) {
      const tensors = members.map(([, value]) => value);
      const host = await readTensors(tensors[0].device, tensors);
      for (const [name, value] of members) {
        state.set(name, { dtype: "f32", shape: [...value.shape], data: host.get(value)!.slice() });
      }
    }
    for (const [name, module] of this.#counters()) {
      const data = BigInt64Array.of(BigInt(module.numBatchesTracked));
      state.set(name, { dtype: "i64", shape: [], data });
    }
    return state;
  }

  /**
   * Fills parameters and buffers from host tensors.
   * @throws StateDictError listing every missing, unexpected and mis-shaped entry; nothing is loaded then.
   */
  loadStateDict(state: StateDict, options: LoadOptions = {}): void {
    const targets = new Map(this.#tensors(""));
    const counters = new Map(this.#counters());
    const missing = [...targets.keys()].filter((name) => !state.has(name));
    const unexpected = [...state.keys()].filter((n) => !targets.has(n) && !counters.has(n));
    const mismatched: string[] = [];
    for (const [name, target] of targets) {
      const given = state.get(name);
      if (given && !sameShape(given.shape, target.shape)) {
        mismatched.push(`${name} is ${showShape(given.shape)}, not ${showShape(target.shape)}`);
      }
    }
    const strict = options.strict ?? true;
    if (missing.length || mismatched.length || (strict && unexpected.length)) {
      throw new StateDictError(missing, strict ? unexpected : [], mismatched);
    }
    for (const [name, target] of targets) target.write(toFloat32(state.get(name) as HostTensor));
    for (const [name, module] of counters) {
      const given = state.get(name);
      if (given) module.numBatchesTracked = Number(given.data[0]);
    }
  }

  /** Frees all parameters, buffers and gradients. */
  dispose(): void {
    for (const [, value] of this.#tensors("")) {
      value.grad?.dispose();
      value.dispose();
    }
  }

  *#members(): Generator<[string, Tensor | Module]> {
    for (const [name, member] of Object.entries(this) as [string, Member][]) {
      if (member instanceof Tensor || member instanceof Module) yield [name, member];
      else if (Array.isArray(member)) {
        for (const [i, item] of member.entries()) {
          if (item instanceof Module) yield [`${name}.${i}`, item];
        }
      }
    }
  }

  *#tensors(prefix: string): Generator<[string, Tensor]> {
    for (const [path, module] of this.namedModules()) {
      const base = path ? `${prefix}${path}.` : prefix;
      for (const [name, member] of module.#members()) {
        if (member instanceof Tensor) yield [base + name, member];
      }
    }
  }

  *#counters(): Generator<[string, { numBatchesTracked: number }]> {
    for (const [path, module] of this.namedModules()) {
      if (!("numBatchesTracked" in module)) continue;
      const counter = module as Module & { numBatchesTracked: number };
      yield [`${path ? `${path}.` : ""}num_batches_tracked`, counter];
    }
  }
}

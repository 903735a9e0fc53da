import { describe } from "../core/arguments.js";
import type { DType } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import { encodeHalf } from "../core/float16.js";
import {
  type HostTensor,
  hostTensorFromBuffer,
  type StateDict,
  toFloat32,
} from "../core/host-tensor.js";
import { readBytes } from "../core/read-tensors.js";
import { sameShape, showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { membersOf, type StateTensor } from "./members.js";
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
    const remedy =
      missing.length || mismatched.length
        ? ""
        : " or pass over what is unexpected by { strict: false }";
    super(
      "STATE_DICT",
      `The state dict does not fit this module: ${parts.join("; ")}. Load the checkpoint of this network${remedy}.`,
    );
    this.missing = missing;
    this.unexpected = unexpected;
    this.mismatched = mismatched;
  }
}

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Fail on unexpected names too; default true. */
  strict?: boolean | undefined;
}

/**
 * A part of a network. Parameters, buffers and modules held in own properties, also inside arrays, plain objects and
 * Maps, are its members, named as PyTorch names them: `body.stage1.0.weight`. Other tensors are not part of its state.
 *
 * A member that is held twice, as with tied weights, is one parameter for optimizers and has both names in the state
 * dict.
 */
export abstract class Module {
  /** Whether batch norm uses batch statistics; set through `train()` and `eval()`. */
  training = true;

  abstract forward(...inputs: never[]): unknown;

  /** Trainable tensors with their full names, each once. */
  *namedParameters(prefix = ""): Generator<[string, Parameter]> {
    for (const [name, value] of once(tensorsOf(this.#modules(prefix)))) {
      if (value instanceof Parameter) yield [name, value];
    }
  }

  *parameters(): Generator<Parameter> {
    for (const [, parameter] of this.namedParameters()) yield parameter;
  }

  /** Tensors saved with the module but not trained, each once. */
  *namedBuffers(prefix = ""): Generator<[string, Tensor]> {
    for (const [name, value] of once(tensorsOf(this.#modules(prefix)))) {
      if (!(value instanceof Parameter)) yield [name, value];
    }
  }

  /** This module and all below it, each once, with their names. */
  *namedModules(prefix = ""): Generator<[string, Module]> {
    for (const [path, module] of once(this.#modules(prefix)))
      yield [path.replace(/\.$/, ""), module];
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
    const modules = this.#modules("");
    for (const [name, value] of tensorsOf(modules)) shapes.set(name, [...value.shape]);
    for (const [name] of countersOf(modules)) shapes.set(name, []);
    return shapes;
  }

  /** Reads all parameters and buffers back, in PyTorch's names and layouts. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    const modules = this.#modules("");
    const members = [...tensorsOf(modules)];
    if (members.length > 0) {
      const tensors = members.map(([, value]) => value);
      const host = await readBytes(tensors[0].device, tensors);
      for (const [name, value] of members) {
        const bytes = host.get(value)!.slice().buffer;
        state.set(name, hostTensorFromBuffer(value.dtype, value.shape, bytes));
      }
    }
    for (const [name, module] of countersOf(modules)) {
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
    if (typeof state?.has !== "function") {
      throw new TensorError(
        "ARGUMENT",
        `loadStateDict takes a Map of tensors, as of await loadCheckpoint(), not ${describe(state)}.`,
      );
    }
    const modules = this.#modules("");
    const targets = new Map(tensorsOf(modules));
    const counters = new Map(countersOf(modules));
    const missing = [...targets.keys()].filter((name) => !state.has(name));
    const unexpected = [...state.keys()].filter((n) => !targets.has(n) && !counters.has(n));
    const mismatched: string[] = [];
    for (const [name, target] of targets) {
      const given = state.get(name);
      if (given && !sameShape(given.shape, target.shape)) {
        mismatched.push(`${name} is ${showShape(given.shape)}, not ${showShape(target.shape)}`);
      } else if (given && !fitsType(given, target.dtype)) {
        mismatched.push(`${name} holds ${given.dtype} numbers that are no ${target.dtype}`);
      }
    }
    const strict = options.strict ?? true;
    if (missing.length || mismatched.length || (strict && unexpected.length)) {
      throw new StateDictError(missing, strict ? unexpected : [], mismatched);
    }
    for (const [name, target] of targets) {
      target.write(valuesAs(target.dtype, state.get(name) as HostTensor));
    }
    for (const [name, module] of counters) {
      const given = state.get(name);
      if (given) module.numBatchesTracked = Number(given.data[0]);
    }
  }

  /** Frees all parameters, buffers and gradients. */
  dispose(): void {
    for (const [, value] of tensorsOf(this.#modules(""))) {
      value.grad?.dispose();
      value.dispose();
    }
  }

  /** All modules with their paths, each ending in a dot, and what they hold; one that is held twice has both paths. */
  #modules(path: string): Found[] {
    const found: Found[] = [];
    const around: Module[] = [];
    const gather = (at: string, module: Module): void => {
      if (around.includes(module)) return;
      const members = membersOf<Module>(module, isModule);
      found.push([at, module, members]);
      around.push(module);
      for (const [name, member] of members) {
        if (isModule(member)) gather(`${at}${name}.`, member);
      }
      around.pop();
    };
    gather(path, this);
    return found;
  }
}

/** A module, the path to it and what it holds. */
type Found = readonly [path: string, module: Module, members: [string, StateTensor | Module][]];

function* tensorsOf(modules: readonly Found[]): Generator<[string, StateTensor]> {
  for (const [path, , members] of modules) {
    for (const [name, member] of members) {
      if (!isModule(member)) yield [path + name, member];
    }
  }
}

function* countersOf(
  modules: readonly Found[],
): Generator<[string, { numBatchesTracked: number }]> {
  for (const [path, module] of modules) {
    if (!("numBatchesTracked" in module)) continue;
    yield [`${path}num_batches_tracked`, module as Module & { numBatchesTracked: number }];
  }
}

function isModule(value: unknown): value is Module {
  return value instanceof Module;
}

/** The first entry of each value. */
function* once<E extends readonly [string, unknown, ...unknown[]]>(
  entries: Iterable<E>,
): Generator<E> {
  const seen = new Set<unknown>();
  for (const entry of entries) {
    if (seen.has(entry[1])) continue;
    seen.add(entry[1]);
    yield entry;
  }
}

/** Whether a saved tensor's numbers can be had in an element type: integers take no fractions. */
function fitsType(saved: HostTensor, dtype: DType): boolean {
  if (dtype === "f32" || dtype === "f16") return true;
  if (saved.dtype === "i64") return true;
  return toFloat64(saved).every(Number.isInteger);
}

function valuesAs(dtype: DType, saved: HostTensor): ArrayLike<number> {
  if (dtype === "f32") return toFloat32(saved);
  if (dtype === "f16") return saved.dtype === "f16" ? saved.data : encodeHalf(toFloat32(saved));
  return toFloat64(saved);
}

function toFloat64(saved: HostTensor): Float64Array {
  if (saved.dtype === "i64") return Float64Array.from(saved.data, Number);
  return Float64Array.from(
    saved.dtype === "f16" || saved.dtype === "bf16" ? toFloat32(saved) : saved.data,
  );
}

import type { Conv2dSpec, Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { noGrad } from "../core/grad-mode.js";
import { keep, tidy } from "../core/scope.js";
import { Storage, Tensor, type TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import type { CompiledKernel } from "../device/pipelines.js";
import { recordTrace } from "../ops/trace.js";
import { fuse } from "./fuse.js";
import { buildGraph, type Graph, rootOf, type Value } from "./graph.js";
import { storeHalf } from "./half.js";
import { assignBuffers, type Lifetime } from "./memory.js";
import { testedVariants } from "./self-test.js";
import {
  bytesOf,
  convSteps,
  fusedSpec,
  type Operand,
  opSteps,
  type PlannedConv,
  type Scratch,
  type Step,
  type VariantChooser,
} from "./steps.js";
import { WeightStore } from "./weights.js";

/** Where an output of a plan lies: channels `offset …` of the `stride` channels of `tensor`'s pixels. */
export interface PlanOutput {
  /** The memory, as the tensor that holds it; for a dense output, the output itself. */
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly stride: number;
  readonly offset: number;
}

/** What a plan costs. */
export interface PlanStats {
  readonly dispatches: number;
  /** Bytes of the shared activation buffers. */
  readonly arenaBytes: number;
  /** Bytes that all activations would take side by side. */
  readonly activationBytes: number;
}

/** How activations are stored. */
export type Precision = "f32" | "f16";

/** Options of `compile`. */
export interface CompileOptions {
  /** Share packed weights with other plans of the same network. */
  weights?: WeightStore;
  /** Picks convolution variants, for instance from measurements. */
  choose?: VariantChooser;
  /**
   * How activations are stored between convolutions: `f16` halves their memory and needs the feature `shader-f16`.
   * Sums, weights, inputs and outputs are f32 either way; an activation beyond 65504 becomes infinite. Default `f32`.
   */
  precision?: Precision;
  /** Hears that the adapter computes a kernel wrong; default `console.warn`. */
  warn?: (message: string) => void;
}

interface Command {
  readonly compiled: CompiledKernel;
  readonly kernel: Kernel;
  readonly group: GPUBindGroup;
  readonly offsets: number[];
}

/**
 * A network's forward pass, prepared once for one input size and replayed without allocation: batch norm
 * folded, steps fused, concatenations in place, buffers shared by lifetime, bind groups made.
 */
export class Plan {
  readonly device: Device;
  /** Write the inputs here before `run`. */
  readonly inputs: readonly Tensor[];
  /** Valid after `run`, until the next. */
  readonly outputs: readonly PlanOutput[];
  readonly stats: PlanStats;
  readonly #commands: readonly Command[];
  readonly #release: () => void;

  constructor(parts: {
    device: Device;
    inputs: readonly Tensor[];
    outputs: readonly PlanOutput[];
    stats: PlanStats;
    commands: readonly Command[];
    release: () => void;
  }) {
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

/**
 * Traces `forward` on inputs of the given shapes and prepares a plan.
 *
 * The weights are read once: compile again after changing them. Modules are traced in the mode they are
 * in; call `eval()` first, so that batch norm can be folded.
 *
 * @throws GpuOutOfMemoryError when a buffer exceeds the adapter's limits; the kernels' Conv2dSpecError for `f16`
 * without `shader-f16`
 */
export async function compile(
  device: Device,
  forward: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly TensorInfo[],
  options: CompileOptions = {},
): Promise<Plan> {
  const graph = fusedGraph(device, forward, inputs, options.precision);
  const owned = new Owned();
  try {
    return await assemble(device, graph, options, owned);
  } catch (error) {
    owned.release();
    throw error;
  }
}

/** What a plan has to give back, also where making it fails halfway. */
class Owned {
  readonly #frees: (() => void)[] = [];

  add(free: () => void): void {
    this.#frees.push(free);
  }

  release(): void {
    for (const free of this.#frees.splice(0)) free();
  }
}

async function assemble(
  device: Device,
  graph: Graph,
  options: CompileOptions,
  owned: Owned,
): Promise<Plan> {
  const weights = options.weights ?? new WeightStore(device);
  if (!options.weights) owned.add(() => weights.dispose());
  const { choose = () => undefined, warn = console.warn } = options;
  const [chosen, tested] = await Promise.all([
    prepare(device, graph, choose, weights),
    testedVariants(device, convSpecs(graph), choose, warn),
  ]);
  const { steps, compiled, packed } =
    tested === choose ? chosen : await prepare(device, graph, tested, weights);
  const memory = allocate(device, graph, steps, owned);
  const packedByNode = new Map([...packed].map(([conv, storage]) => [conv.node, storage]));
  const params = writeParams(device, steps, owned);
  const bindingOf = (operand: Operand): BufferBinding => {
    if (!("conv" in operand)) return memory.bindingOf(operand);
    const { buffer } = packedByNode.get(operand.conv)!.buffer;
    return { buffer, offset: operand.offset * 4, size: operand.size * 4 };
  };
  const commands = steps.map(({ kernel, operands }, i): Command => {
    const block = kernel.params && params.bindingOf(kernel.params.byteLength);
    const group = device.bind(compiled[i], operands.map(bindingOf), block);
    return { compiled: compiled[i], kernel, group, offsets: block ? [params.offsets[i]] : [] };
  });
  return new Plan({
    device,
    inputs: graph.inputs.map(memory.tensorOf),
    outputs: graph.outputs.map((value) => planOutput(value, memory.tensorOf)),
    stats: { ...memory.stats, dispatches: steps.length },
    commands,
    release: () => owned.release(),
  });
}

async function prepare(device: Device, graph: Graph, choose: VariantChooser, weights: WeightStore) {
  const { steps, convs } = lower(device, graph, choose);
  const [compiled, packed] = await Promise.all([
    Promise.all(steps.map(({ kernel }) => device.prepare(kernel))),
    weights.pack(convs),
  ]);
  return { steps, compiled, packed };
}

/** The convolutions of a forward pass as `compile` would run them, for a tuner to measure. */
export function convolutionSpecs(
  device: Device,
  forward: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly TensorInfo[],
  precision?: Precision,
): Conv2dSpec[] {
  return convSpecs(fusedGraph(device, forward, inputs, precision));
}

function convSpecs(graph: Graph): Conv2dSpec[] {
  return graph.nodes.filter((node) => node.kind === "conv").map(fusedSpec);
}

function fusedGraph(
  device: Device,
  forward: (...inputs: Tensor[]) => readonly Tensor[],
  inputs: readonly TensorInfo[],
  precision: Precision = "f32",
): Graph {
  const graph = traceGraph(device, forward, inputs);
  fuse(graph);
  if (precision === "f16") storeHalf(graph);
  return graph;
}

function traceGraph(
  device: Device,
  forward: (...inputs: Tensor[]) => readonly Tensor[],
  infos: readonly TensorInfo[],
): Graph {
  return tidy(() => {
    const inputs = infos.map((info) => new Tensor(device, info, { info }));
    const { trace, result } = noGrad(() => recordTrace(() => forward(...inputs)));
    return buildGraph(trace, inputs, result);
  });
}

function lower(
  device: Device,
  graph: Graph,
  choose: VariantChooser,
): { steps: Step[]; convs: PlannedConv[] } {
  const steps: Step[] = [];
  const convs: PlannedConv[] = [];
  tidy(() => {
    for (const node of graph.nodes) {
      if (node.kind === "op") steps.push(...opSteps(device, node));
      else {
        const conv = convSteps(device, node, choose);
        steps.push(...conv.steps);
        convs.push(conv.planned);
      }
    }
  });
  return { steps, convs };
}

function planOutput(value: Value, tensorOf: (root: Value) => Tensor): PlanOutput {
  const { shape } = value.info;
  const width = shape[shape.length - 1];
  if (!value.view?.sliced) return { tensor: tensorOf(value), shape, stride: width, offset: 0 };
  const { root, channel } = rootOf(value);
  const stride = root.info.shape[root.info.shape.length - 1];
  return { tensor: tensorOf(root), shape, stride, offset: channel };
}

interface Memory {
  bindingOf(operand: Value | Scratch): BufferBinding;
  tensorOf(value: Value): Tensor;
  readonly stats: { arenaBytes: number; activationBytes: number };
}

/** Places values and scratch buffers by lifetime. */
function allocate(device: Device, graph: Graph, steps: readonly Step[], owned: Owned): Memory {
  const lifetimes = new Map<Value | Scratch, { bytes: number; first: number; last: number }>();
  const touch = (operand: Value | Scratch, step: number) => {
    const key = "scratchBytes" in operand ? operand : rootOf(operand).root;
    if (!("scratchBytes" in key) && key.constant) return;
    const bytes = "scratchBytes" in key ? key.scratchBytes : bytesOf(key);
    const known = lifetimes.get(key);
    if (known) known.last = Math.max(known.last, step);
    else lifetimes.set(key, { bytes, first: step, last: step });
  };
  for (const value of graph.inputs) touch(value, -1);
  for (const [i, step] of steps.entries()) {
    for (const operand of step.operands) if (!("conv" in operand)) touch(operand, i);
  }
  // Inputs keep their memory too: a plan may run again on the same input.
  for (const value of [...graph.inputs, ...graph.outputs]) touch(value, steps.length);
  const keys = [...lifetimes.keys()];
  const spans: Lifetime[] = [...lifetimes.values()];
  const { slots, slotBytes } = assignBuffers(spans);
  const storages = slotBytes.map((bytes) => {
    const storage = new Storage(device, bytes, "activations of a plan");
    storage.retain();
    owned.add(() => storage.release());
    return storage;
  });
  const storageOf = new Map(keys.map((key, i) => [key, storages[slots[i]]]));
  return {
    bindingOf: (operand) => {
      if ("scratchBytes" in operand) return span(storageOf.get(operand)!, operand.scratchBytes);
      const { root } = rootOf(operand);
      return root.constant?.binding ?? span(storageOf.get(root)!, bytesOf(root));
    },
    tensorOf: (value) => {
      const tensor = keep(new Tensor(device, value.info, storageOf.get(rootOf(value).root)!));
      owned.add(() => tensor.dispose());
      return tensor;
    },
    stats: {
      arenaBytes: slotBytes.reduce((a, b) => a + b, 0),
      activationBytes: spans.reduce((total, { bytes }) => total + bytes, 0),
    },
  };
}

function span(storage: Storage, bytes: number): BufferBinding {
  const size = Math.ceil(bytes / 16) * 16;
  return { buffer: storage.buffer.buffer, offset: 0, size };
}

/** All kernels' params in one buffer, a 256-byte slot each. */
function writeParams(device: Device, steps: readonly Step[], owned: Owned) {
  const offsets: number[] = [];
  let total = 0;
  for (const { kernel } of steps) {
    offsets.push(total);
    total += Math.ceil((kernel.params?.byteLength ?? 0) / 256) * 256;
  }
  const bytes = new Uint8Array(Math.max(total, 16));
  for (const [i, { kernel }] of steps.entries()) {
    if (kernel.params) bytes.set(new Uint8Array(kernel.params), offsets[i]);
  }
  const buffer = device.allocate(bytes.length, "params of a plan");
  owned.add(() => device.free(buffer));
  device.write(buffer, bytes);
  return {
    offsets,
    bindingOf: (size: number): BufferBinding => ({ buffer: buffer.buffer, offset: 0, size }),
  };
}

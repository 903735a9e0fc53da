import type { Conv2dSpec } from "@retinaface-webgpu/kernels-wgsl";
import { tidy } from "../core/scope.js";
import type { Tensor, TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type Arena, makeArena } from "./arena.js";
import { type Graph, rootOf, type Value } from "./graph.js";
import { storeHalf } from "./half.js";
import type { PlanOutput, PlanOutputs } from "./outputs.js";
import { Owned } from "./owned.js";
import { type Command, Plan } from "./plan.js";
import { testedVariants } from "./self-test.js";
import {
  convSteps,
  fusedSpec,
  type Operand,
  opSteps,
  type PlannedConv,
  type Step,
  type VariantChooser,
} from "./steps.js";
import { type TracedForward, traceForward } from "./trace.js";
import { WeightStore } from "./weights.js";

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

/**
 * Traces `forward` on inputs of the given shapes and prepares a plan.
 *
 * `forward` may return a tensor, or arrays and objects of tensors: `plan.outputs` has the same form, with the place of
 * each tensor where the tensor was.
 *
 * The weights are read once: compile again after changing them. Modules are traced in the mode they are
 * in; call `eval()` first, so that batch norm can be folded.
 *
 * @throws GpuOutOfMemoryError when a buffer exceeds the adapter's limits; the kernels' Conv2dSpecError for `f16`
 * without `shader-f16`; TensorError `FORWARD_RESULT` when `forward` returns something other than tensors
 */
export async function compile<R extends object>(
  device: Device,
  forward: (...inputs: Tensor[]) => R,
  inputs: readonly TensorInfo[],
  options: CompileOptions = {},
): Promise<Plan<PlanOutputs<R>>> {
  const traced = fusedForward(device, forward, inputs, options.precision);
  const owned = new Owned();
  try {
    return await assemble<PlanOutputs<R>>(device, traced, options, owned);
  } catch (error) {
    owned.release();
    throw error;
  }
}

/** The convolutions of a forward pass as `compile` would run them, for a tuner to measure. */
export function convolutionSpecs(
  device: Device,
  forward: (...inputs: Tensor[]) => object,
  inputs: readonly TensorInfo[],
  precision?: Precision,
): Conv2dSpec[] {
  return convSpecs(fusedForward(device, forward, inputs, precision).graph);
}

function convSpecs(graph: Graph): Conv2dSpec[] {
  return graph.nodes.filter((node) => node.kind === "conv").map(fusedSpec);
}

function fusedForward(
  device: Device,
  forward: (...inputs: Tensor[]) => object,
  inputs: readonly TensorInfo[],
  precision: Precision = "f32",
): TracedForward {
  const traced = traceForward(device, forward, inputs);
  if (precision === "f16") storeHalf(traced.graph);
  return traced;
}

async function assemble<Outputs>(
  device: Device,
  { graph, tree }: TracedForward,
  options: CompileOptions,
  owned: Owned,
): Promise<Plan<Outputs>> {
  const weights = options.weights ?? new WeightStore(device);
  if (!options.weights) owned.add(() => weights.dispose());
  const { choose = () => undefined, warn = console.warn } = options;
  const [chosen, tested] = await Promise.all([
    prepare(device, graph, choose, weights),
    testedVariants(device, convSpecs(graph), choose, warn),
  ]);
  const { steps, compiled, packed } =
    tested === choose ? chosen : await prepare(device, graph, tested, weights);
  const arena = makeArena(device, graph, steps, owned);
  const packedByNode = new Map([...packed].map(([conv, storage]) => [conv.node, storage]));
  const params = writeParams(device, steps, owned);
  const bindingOf = (operand: Operand): BufferBinding => {
    if (!("conv" in operand)) return arena.bindingOf(operand);
    const { buffer } = packedByNode.get(operand.conv)!.buffer;
    return { buffer, offset: operand.offset * 4, size: operand.size * 4 };
  };
  const commands = steps.map(({ kernel, operands }, i): Command => {
    const block = kernel.params && params.bindingOf(kernel.params.byteLength);
    const group = device.bind(compiled[i], operands.map(bindingOf), block);
    return { compiled: compiled[i], kernel, group, offsets: block ? [params.offsets[i]] : [] };
  });
  const outputs = graph.outputs.map((value) => placeOf(value, arena));
  return new Plan({
    device,
    inputs: graph.inputs.map(arena.tensorOf),
    outputs: tree.rebuild(outputs) as Outputs,
    stats: { ...arena.stats, dispatches: steps.length },
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

function placeOf(value: Value, arena: Arena): PlanOutput {
  const { shape } = value.info;
  const width = shape[shape.length - 1];
  if (!value.view?.sliced)
    return { tensor: arena.tensorOf(value), shape, stride: width, offset: 0 };
  const { root, channel } = rootOf(value);
  const stride = root.info.shape[root.info.shape.length - 1];
  return { tensor: arena.tensorOf(root), shape, stride, offset: channel };
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

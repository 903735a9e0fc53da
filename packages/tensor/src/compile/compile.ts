import type { Conv2dSpec } from "@retinaface-webgpu/kernels-wgsl";
import { describe, requireOptions } from "../core/arguments.js";
import type { Tensor, TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type Arena, makeArena } from "./arena.js";
import { argumentError } from "./arguments.js";
import { Binder } from "./commands.js";
import { type Graph, rootOf, type Value } from "./graph.js";
import { storeHalf } from "./half.js";
import { fusedConvolutions, joinConvolutions } from "./join-convolutions.js";
import { lower, placeOf } from "./lower.js";
import type { CompileOptions, Precision } from "./options.js";
import type { PlanOutput, PlanOutputs } from "./outputs.js";
import { Owned } from "./owned.js";
import { type Bound, Plan } from "./plan.js";
import { planLoweringOf } from "./plan-lowerings.js";
import type { Kernels, testedKernels } from "./self-test-fused.js";
import { fusedSpec, type Operand } from "./steps.js";
import { type TracedForward, traceForward } from "./trace.js";
import { type TakenWeights, WeightStore } from "./weights.js";

/**
 * Traces `forward` on inputs of the given shapes and prepares a plan.
 *
 * `forward` may return a tensor, or arrays and objects of tensors: `plan.outputs` has the same form, with the place of
 * each tensor where the tensor was.
 *
 * The plan is frozen: of the weights and of all other constants it takes the values that they have when `compile` is
 * called, and later ones by `plan.update()`. Modules are traced in the mode they are in; call `eval()` first, so that
 * batch norm can be folded.
 *
 * @throws GpuOutOfMemoryError when a buffer exceeds the adapter's limits; the kernels' Conv2dSpecError for `f16`
 * without `shader-f16`; TensorError `FORWARD_RESULT` when `forward` returns something other than tensors, `ARGUMENT`
 */
export async function compile<R extends object>(
  device: Device,
  forward: (...inputs: Tensor[]) => R,
  inputs: readonly TensorInfo[],
  options: CompileOptions = {},
): Promise<Plan<PlanOutputs<R>>> {
  checkOptions(device, options);
  const traced = fusedForward(device, forward, inputs, options.precision);
  const owned = new Owned();
  const lowerElsewhere = planLoweringOf(device);
  try {
    if (lowerElsewhere) return await lowerElsewhere(device, traced, options, owned);
    return await assemble<PlanOutputs<R>>(device, traced, options, owned);
  } catch (error) {
    owned.release();
    throw error;
  }
}

function checkOptions(device: Device, options: CompileOptions): void {
  requireOptions("compile", options, ["weights", "choose", "precision", "warn"]);
  const { precision = "f32", weights } = options;
  if (precision !== "f32" && precision !== "f16") {
    throw argumentError(`the precision f32 or f16, not ${describe(precision)}`);
  }
  if (weights && !(weights instanceof WeightStore && weights.device === device)) {
    throw argumentError("a WeightStore of its own device: new WeightStore(device)");
  }
}

/** The convolutions of a forward pass as `compile` would run them, for a tuner to measure. */
export function convolutionSpecs(
  device: Device,
  forward: (...inputs: Tensor[]) => object,
  inputs: readonly TensorInfo[],
  precision?: Precision,
): Conv2dSpec[] {
  const { graph, made } = fusedForward(device, forward, inputs, precision);
  if (!planLoweringOf(device)) joinConvolutions(device, graph);
  for (const tensor of made) tensor.dispose();
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
  { graph, tree, made, effects }: TracedForward,
  options: CompileOptions,
  owned: Owned,
): Promise<Plan<Outputs>> {
  for (const tensor of made) owned.add(() => tensor.dispose());
  joinConvolutions(device, graph);
  const weights = options.weights ?? new WeightStore(device);
  if (!options.weights) owned.add(() => weights.dispose());
  const { lowered, kernels, taken } = await prepare(device, graph, options, weights, owned);
  const steps = [...lowered.settled, ...lowered.running];
  const arena = makeArena(device, graph, lowered, owned);
  const binder = new Binder(device, steps, kernels, owned);
  const bind = (weights: TakenWeights, before?: Bound): Bound => {
    const known = before && [...before.settled, ...before.running];
    const commands = binder.bind((operand) => locate(operand, arena, weights), known);
    const first = lowered.settled.length;
    const { release } = weights;
    return { settled: commands.slice(0, first), running: commands.slice(first), release };
  };
  const current = { bound: bind(taken) };
  owned.add(() => current.bound.release());
  const outputs = graph.outputs.map((value) => outputOf(value, arena));
  return new Plan({
    device,
    inputs: graph.inputs.map(arena.tensorOf),
    outputs: tree.rebuild(outputs) as Outputs,
    stats: { ...arena.stats, dispatches: lowered.running.length },
    written: [...outputs.map(({ tensor }) => tensor), ...lowered.state].map(
      ({ storage }) => storage.buffer.buffer,
    ),
    effects: [...effects, () => binder.refresh()],
    current,
    bind: async (before) => bind(await weights.take(lowered), before),
    owned,
  });
}

/** The self-test, whose code comes while the kernels are compiled that it is to test. */
async function testedLater(
  ...args: Parameters<typeof testedKernels>
): ReturnType<typeof testedKernels> {
  const selfTest = await import("./self-test-fused.js");
  return selfTest.testedKernels(...args);
}

/** Kernels that compute right on this adapter, compiled, and the weights that they read. */
async function prepare(
  device: Device,
  graph: Graph,
  { choose = () => undefined, warn = console.warn }: CompileOptions,
  weights: WeightStore,
  owned: Owned,
) {
  const chosenBy = async ({ choose: chooser, fused }: Kernels) => {
    const lowered = lower(device, graph, chooser, fused);
    const taking = weights.take(lowered);
    taking.then(
      (taken) => owned.add(taken.release),
      () => undefined,
    );
    const steps = [...lowered.settled, ...lowered.running];
    const kernels = await Promise.all(steps.map(({ kernel }) => device.prepare(kernel)));
    return { lowered, kernels, taken: await taking };
  };
  const wanted = { choose, fused: fusedConvolutions(device, graph) };
  const [first, tested] = await Promise.all([
    chosenBy(wanted),
    testedLater(device, graph, wanted, warn),
  ]);
  if (tested === wanted) return first;
  first.taken.release();
  return chosenBy(tested);
}

/** Where an operand lies, with these weights. */
function locate(
  operand: Operand,
  arena: Arena,
  { packed, constants }: TakenWeights,
): BufferBinding {
  if ("conv" in operand) {
    const { buffer } = packed.get(operand.conv)!.buffer;
    return { buffer, offset: operand.offset * 4, size: operand.size * 4 };
  }
  const place = placeOf(operand)!;
  const constant = "info" in place ? place.constant : undefined;
  if (!constant) return arena.bindingOf(operand);
  return constants.get(constant)!.binding;
}

function outputOf(value: Value, arena: Arena): PlanOutput {
  const { shape } = value.info;
  const width = shape[shape.length - 1];
  if (!value.view?.sliced)
    return { tensor: arena.tensorOf(value), shape, stride: width, offset: 0 };
  const { root, channel } = rootOf(value);
  const stride = root.info.shape[root.info.shape.length - 1];
  return { tensor: arena.tensorOf(root), shape, stride, offset: channel };
}

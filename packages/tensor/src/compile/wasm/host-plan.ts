/** `compile` on a device whose tensors lie in an engine's memory: the same plan, its steps the engine's kernels. */
import type { Kernel } from "@retinaface-webgpu/kernels-wasm";
import { TensorError } from "../../core/errors.js";
import { keep } from "../../core/scope.js";
import { Storage } from "../../core/storage.js";
import { Tensor } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import { type Host, type HostStep, hostOf } from "../../wasm/host.js";
import { type Graph, rootOf, type Value } from "../graph.js";
import type { PlanOutput } from "../outputs.js";
import type { Owned } from "../owned.js";
import { type Bound, Plan } from "../plan.js";
import type { PlanLowering } from "../plan-lowerings.js";
import type { WeightStore } from "../weights.js";
import { furtherSteps } from "./further.js";
import { arrange, bytesOf, prepareConstants } from "./layout.js";
import type { WasmOperand } from "./lowered.js";
import { lowerGraph } from "./steps.js";
import { WasmWeights } from "./weights.js";

/** Packed weights of plans that share a store, and how many plans use them. */
const shared = new WeakMap<WeightStore, { weights: WasmWeights; plans: number }>();

function takeWeights(host: Host, store: WeightStore | undefined): [WasmWeights, () => void] {
  const known = store && shared.get(store);
  const entry = known ?? { weights: new WasmWeights(host.engine), plans: 0 };
  if (store) shared.set(store, entry);
  entry.plans++;
  const release = () => {
    if (--entry.plans > 0) return;
    if (store) shared.delete(store);
    host.after(() => entry.weights.dispose());
  };
  return [entry.weights, release];
}

/** @throws WasmUnsupportedError, WasmOutOfMemoryError; TensorError `ARGUMENT` for f16 */
export const planOnHost: PlanLowering = async (device, traced, options, owned) => {
  if (options.precision === "f16") {
    throw new TensorError(
      "ARGUMENT",
      "compile: the WebAssembly engine computes in f32: leave the precision out.",
    );
  }
  const { graph, tree, made, effects } = traced;
  for (const tensor of made) owned.add(() => tensor.dispose());
  const host = hostOf(device)!;
  const steps = lowerGraph(graph, furtherSteps);
  const [weights, release] = takeWeights(host, options.weights);
  owned.add(release);
  const kept = keepEnds(device, graph, owned);
  const layout = arrange(graph, steps, new Set(kept.keys()));
  const prepare = async () => {
    const { blockOf, release } = await prepareConstants(device, graph, steps, weights);
    const bindingOf = (operand: WasmOperand): BufferBinding => {
      const block = blockOf(operand);
      if (block) return host.bindingOf(block);
      const { root } = rootOf(operand as Value);
      const own = kept.get(root)?.storage.binding;
      return own ?? host.roomOf(layout.offsetOf(root), bytesOf(root));
    };
    const bound = steps.map(({ kernel, operands, renewed }) => ({
      kernel,
      renewed,
      operands: Object.fromEntries(
        Object.entries(operands).map(([name, operand]) => [name, bindingOf(operand)]),
      ),
    }));
    return { steps: bound, release };
  };
  const prepared = new Map<Bound, PreparedStep[]>();
  const bind = async (): Promise<Bound> => {
    const taken = await prepare();
    const release = () => {
      if (prepared.delete(bound)) host.after(taken.release);
    };
    const bound: Bound = { settled: [], running: [], release };
    prepared.set(bound, taken.steps);
    return bound;
  };
  const current = { bound: await bind() };
  owned.add(() => current.bound.release());
  await host.reserve(prepared.get(current.bound)!, layout.bytes);
  const outputs = graph.outputs.map((value) => outputOf(value, kept));
  return new Plan({
    device,
    inputs: graph.inputs.map((value) => kept.get(rootOf(value).root)!),
    outputs: tree.rebuild(outputs) as never,
    stats: {
      dispatches: steps.length,
      arenaBytes: layout.bytes,
      activationBytes: layout.activationBytes,
    },
    written: outputs.map(({ tensor }) => tensor.storage.buffer.buffer),
    effects: [...effects, () => host.run(prepared.get(current.bound)!.map(asItIs), layout.bytes)],
    current,
    bind,
    owned,
  });
};

interface PreparedStep extends HostStep {
  readonly renewed: (() => Kernel) | undefined;
}

/** A step with the kernel that it has at this run. */
function asItIs({ renewed, ...step }: PreparedStep): HostStep {
  return renewed ? { ...step, kernel: renewed() } : step;
}

/** Memory of their own for inputs and outputs: it is written before a run, and read after it. */
function keepEnds(device: Device, graph: Graph, owned: Owned): Map<Value, Tensor> {
  const roots = new Set([...graph.inputs, ...graph.outputs].map((value) => rootOf(value).root));
  return new Map(
    [...roots].map((root) => {
      const storage =
        root.constant?.storage ?? new Storage(device, bytesOf(root), "ends of a plan");
      owned.retain(storage);
      return [root, owned.show(keep(new Tensor(device, root.info, storage)))];
    }),
  );
}

function outputOf(value: Value, kept: ReadonlyMap<Value, Tensor>): PlanOutput {
  const { shape } = value.info;
  const { root, channel } = rootOf(value);
  const tensor = kept.get(root)!;
  const width = shape[shape.length - 1];
  if (!value.view?.sliced) {
    const own = keep(new Tensor(tensor.device, value.info, tensor.storage));
    return { tensor: own, shape, stride: width, offset: 0 };
  }
  const stride = root.info.shape[root.info.shape.length - 1];
  return { tensor, shape, stride, offset: channel };
}

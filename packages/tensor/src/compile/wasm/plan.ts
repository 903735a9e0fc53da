import type { DType } from "../../core/dtype.js";
import { DisposedError, ShapeError, TensorError } from "../../core/errors.js";
import { showShape, sizeOf } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import type { Place, WasmEngine, WasmJob, WasmStep } from "../../wasm/engine.js";
import { type Graph, rootOf, type Value } from "../graph.js";
import type { OutputTree } from "../outputs.js";
import { type TracedForward, traceForward } from "../trace.js";
import { arrange, bytesOf, prepareConstants } from "./layout.js";
import type { LoweredStep, WasmOperand } from "./lowered.js";
import { resizedGraph } from "./resized-graph.js";
import { lowerConvolutional, lowerGraph } from "./steps.js";
import { WasmWeights } from "./weights.js";

/** Where an output lies: channels `offset …` of the `stride` channels of the pixels that a run returns for it. */
export interface WasmOutput {
  readonly shape: readonly number[];
  readonly stride: number;
  readonly offset: number;
  /** Which of a run's results holds it. */
  readonly result: number;
}

/** What a forward pass returns, with each tensor's place where the tensor was. */
export type WasmOutputs<R> = R extends Tensor
  ? WasmOutput
  : R extends undefined
    ? undefined
    : { readonly [K in keyof R]: WasmOutputs<R[K]> };

/** What a plan costs. */
export interface WasmPlanStats {
  readonly steps: number;
  /** Bytes of activations while it runs. */
  readonly arenaBytes: number;
  /** Bytes that all activations would take side by side. */
  readonly activationBytes: number;
  readonly flops: number;
}

/** Steps that run before a plan's own, for instance to make its inputs. */
export interface Prologue {
  readonly steps: readonly WasmStep[];
  /** Bytes that they need besides the plan's; their places begin at `plan.stats.arenaBytes`. */
  readonly bytes: number;
  readonly writes: WasmJob["writes"];
}

/** Options of `compileWasm`. */
export interface WasmCompileOptions {
  /** Share packed weights with other plans of the same network. */
  weights?: WasmWeights | undefined;
  /**
   * A plan of the same forward pass for another size, disposed of or not. The pass must do the same whatever the size of its
   * inputs: where it is made of convolutions alone, what does not depend on the size is taken over instead of traced.
   */
  like?: WasmPlan<unknown> | undefined;
}

/** What a plan does at each run. */
interface PlanJob extends Omit<WasmJob, "writes" | "steps"> {
  readonly steps: readonly (WasmStep & Pick<LoweredStep, "renewed">)[];
  /** What happens on the host before. */
  readonly effects: readonly (() => void)[];
}

/** A fused graph, and the pass that it was traced from. */
export interface PlanSkeleton {
  readonly graph: Graph;
  readonly tree: OutputTree;
}

/** What values of a type are given in. */
const ARRAYS: Partial<Record<DType, unknown & { readonly name: string }>> = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
};

/** A network's forward pass, prepared once for one input size, for the WebAssembly engine. */
export class WasmPlan<Outputs = unknown> {
  readonly engine: WasmEngine;
  /** Where the inputs lie. */
  readonly inputs: readonly Place[];
  /** What `forward` returned, a place for each tensor of it. */
  readonly outputs: Outputs;
  readonly stats: WasmPlanStats;
  readonly #inputs: readonly TensorInfo[];
  readonly #job: PlanJob;
  readonly #release: () => void;
  /** What plans for other sizes can be made of. */
  readonly skeleton: PlanSkeleton | undefined;
  #disposed = false;

  constructor(parts: {
    engine: WasmEngine;
    infos: readonly TensorInfo[];
    inputs: readonly Place[];
    outputs: Outputs;
    stats: WasmPlanStats;
    job: PlanJob;
    skeleton: PlanSkeleton | undefined;
    release: () => void;
  }) {
    this.engine = parts.engine;
    this.inputs = parts.inputs;
    this.outputs = parts.outputs;
    this.stats = parts.stats;
    this.#inputs = parts.infos;
    this.#job = parts.job;
    this.skeleton = parts.skeleton;
    this.#release = parts.release;
  }

  /**
   * Computes the outputs.
   *
   * @param inputs values of each input, row by row
   * @returns the results that `outputs` refer to
   * @throws ShapeError for another number of values, TensorError `DTYPE` for others; WasmOutOfMemoryError; DisposedError
   * after `dispose()`
   */
  async run(inputs: readonly (Float32Array | Int32Array | Uint32Array)[]): Promise<Float32Array[]> {
    for (const [i, { shape, dtype }] of this.#inputs.entries()) {
      if (inputs[i] && inputs[i].constructor !== ARRAYS[dtype]) {
        throw new TensorError(
          "DTYPE",
          `run: ${dtype} for input ${i} are given as ${ARRAYS[dtype]?.name}, not as ${inputs[i].constructor.name}.`,
        );
      }
      if (inputs[i]?.length === sizeOf(shape)) continue;
      const given = inputs[i] ? `${inputs[i].length} values` : "nothing";
      throw new ShapeError(`run: ${given} for input ${i}, which is ${showShape(shape)}`);
    }
    const writes = inputs.map((data, i) => ({ place: this.inputs[i], data }));
    return this.runAfter({ steps: [], bytes: 0, writes });
  }

  /** As `run`, with inputs that other steps make first. */
  async runAfter({ steps, bytes, writes }: Prologue): Promise<Float32Array[]> {
    if (this.#disposed) throw new DisposedError("A plan", "compile again");
    for (const effect of this.#job.effects) effect();
    const own = this.#job.steps.map(({ kernel, places, renewed }) => ({
      kernel: renewed?.() ?? kernel,
      places,
    }));
    const results = await this.engine.run({
      bytes: this.#job.bytes + bytes,
      steps: [...steps, ...own],
      writes,
      reads: this.#job.reads,
    });
    return results.map((result) => new Float32Array(result));
  }

  /** Gives its weights back; running it afterwards throws. */
  dispose(): void {
    this.#disposed = true;
    this.#release();
  }
}

/** The values of an output, dense, from what a run returned. */
export function outputValues(output: WasmOutput, results: readonly Float32Array[]): Float32Array {
  const { shape, stride, offset, result } = output;
  const values = new Float32Array(sizeOf(shape));
  const width = shape[shape.length - 1] ?? 1;
  if (width === stride) return results[result].slice(0, values.length);
  for (let row = 0; row < values.length / width; row++) {
    const from = row * stride + offset;
    values.set(results[result].subarray(from, from + width), row * width);
  }
  return values;
}

/** Steps by all kernels that there are. Pages that only detect go without the code of most. */
async function lowerByAll(graph: Graph): Promise<LoweredStep[]> {
  const { furtherSteps } = await import("./all-kernels.js");
  return lowerGraph(graph, furtherSteps);
}

/**
 * Traces `forward` on inputs of the given shapes and prepares a plan for WebAssembly: the same graph, fused by the same
 * rules, that `compile` makes for WebGPU.
 *
 * The plan is frozen, as those of `compile`: the weights are read before the promise resolves, so leave them alone until then.
 * One that follows them by `update()` is what `compile` makes on a device of `createHostDevice(engine)`. Call `eval()` on
 * modules first.
 *
 * @param device holds the network's parameters: a WebGPU one, or one of `createHostDevice`
 * @throws WasmUnsupportedError naming an operation without a kernel, WasmOutOfMemoryError
 */
export async function compileWasm<R extends object>(
  device: Device,
  engine: WasmEngine,
  forward: (...inputs: Tensor[]) => R,
  infos: readonly TensorInfo[],
  options: WasmCompileOptions = {},
): Promise<WasmPlan<WasmOutputs<R>>> {
  if (options.weights && options.weights.engine !== engine) {
    throw new TensorError("DEVICE_MISMATCH", "compileWasm: the weights belong to another engine.");
  }
  const { graph, tree, made, effects } =
    takenOver(options.like, infos) ?? traceForward(device, forward, infos);
  const steps = lowerConvolutional(graph) ?? (await lowerByAll(graph));
  const weights = options.weights ?? new WasmWeights(engine);
  let giveBack: (() => void) | undefined;
  const release = () => {
    giveBack?.();
    giveBack = undefined;
    if (!options.weights) weights.dispose();
  };
  try {
    const taken = await prepareConstants(device, graph, steps, weights);
    giveBack = taken.release;
    const { blockOf } = taken;
    const layout = arrange(graph, steps);
    const placeOf = (operand: WasmOperand): Place => {
      const block = blockOf(operand);
      return block ? { block, offset: 0 } : { offset: layout.offsetOf(operand as Value) };
    };
    const results = [...new Set(graph.outputs.map((value) => rootOf(value).root))];
    return new WasmPlan({
      engine,
      infos,
      inputs: graph.inputs.map(placeOf),
      outputs: tree.rebuild(
        graph.outputs.map((value) => outputOf(value, results)),
      ) as WasmOutputs<R>,
      stats: {
        steps: steps.length,
        arenaBytes: layout.bytes,
        activationBytes: layout.activationBytes,
        flops: steps.reduce((total, { kernel }) => total + kernel.flops, 0),
      },
      job: {
        bytes: layout.bytes,
        effects,
        steps: steps.map(({ kernel, operands, renewed }) => ({
          kernel,
          renewed,
          places: Object.fromEntries(
            Object.entries(operands).map(([name, operand]) => [name, placeOf(operand)]),
          ),
        })),
        reads: results.map((root) => ({ place: placeOf(root), bytes: bytesOf(root) })),
      },
      // Constants that the pass makes for itself are disposed of here, effects happen at its own runs.
      skeleton: made.length + effects.length === 0 ? { graph, tree } : undefined,
      release,
    });
  } catch (error) {
    release();
    throw error;
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** Another plan's graph for these inputs, where it can be taken over. */
function takenOver(
  like: WasmPlan<unknown> | undefined,
  infos: readonly TensorInfo[],
): TracedForward | undefined {
  if (!like?.skeleton) return undefined;
  const { graph: other, tree } = like.skeleton;
  const graph = resizedGraph(other, infos);
  return graph && { graph, tree, made: [], effects: [] };
}

function outputOf(value: Value, results: readonly Value[]): WasmOutput {
  const { shape } = value.info;
  const { root, channel } = rootOf(value);
  const width = shape[shape.length - 1] ?? 1;
  const sliced = value.view?.sliced === true;
  const stride = sliced ? (root.info.shape[root.info.shape.length - 1] ?? 1) : width;
  return { shape, stride, offset: sliced ? channel : 0, result: results.indexOf(root) };
}

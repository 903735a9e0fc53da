import { type Conv2dSpec, conv2dVariants } from "@retinaface-webgpu/kernels-wgsl";
import {
  type CompileOptions,
  compile,
  conv2dTraits,
  type Device,
  type Plan,
  type PlanOutput,
  type Tensor,
  tensor,
  tidy,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  outputValues,
  type WasmEngine,
  WasmWeights,
} from "@retinaface-webgpu/tensor/wasm";
import { type NdArray, sizeOf } from "../reference/array.js";
import { assertClose } from "./close.js";
import {
  type GraphKind,
  type RandomGraph,
  randomGraph,
  weightValues,
} from "./graphs/random-graph.js";
import { dense } from "./plans.js";
import { Random } from "./random.js";

/** Of the largest value of an output: what a dozen operations in f32 may lose. */
const TOLERANCE = 1e-4;

/**
 * Compiles a random network and holds it against float64: eagerly, as plans with and without a shared store, before and
 * after weights changed, updated, and with weights and other plans disposed of. All memory must be given back.
 *
 * @throws Error naming the seed and the network
 */
export async function fuzzPlans(
  device: Device,
  seed: number,
  kind: GraphKind = "images",
): Promise<void> {
  const random = new Random(seed);
  const graph = randomGraph(seed, random.integer(2, 12), kind);
  const start = device.memory().liveBuffers;
  try {
    await new Fuzz(device, graph, random).run();
    const left = device.memory().liveBuffers - start;
    if (left > 0) throw new Error(`${left} buffers are not given back`);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`seed ${seed}: ${message}\n${graph.text}`, { cause: error });
  }
}

/**
 * The same networks as plans of the engine for processors: with the weights that they were compiled with, and compiled
 * again after some changed.
 *
 * @param host holds the weights
 * @throws Error naming the seed and the network
 */
export async function fuzzWasm(
  host: Device,
  engine: WasmEngine,
  seed: number,
  kind: GraphKind = "images",
): Promise<void> {
  const random = new Random(seed);
  const graph = randomGraph(seed, random.integer(2, 12), kind);
  const store = new WasmWeights(engine);
  try {
    const first = graph.weights.map((weight) => weightValues(weight, random));
    const second = first.map((before, i) =>
      random.uniform() < 0.5 ? weightValues(graph.weights[i], random) : before,
    );
    const weights = first.map(({ data, shape }) => tensor(host, data, shape));
    const forward = (...inputs: Tensor[]) => graph.forward(inputs, weights);
    const infos = graph.inputs.map((shape) => ({ shape, dtype: "f32" as const }));
    const plans = [await compileWasm(host, engine, forward, infos, { weights: store })];
    for (const [i, weight] of weights.entries()) weight.write(second[i].data);
    plans.push(await compileWasm(host, engine, forward, infos, { weights: store }));
    for (const weight of weights) weight.dispose();
    for (const [k, values] of [first, second].entries()) {
      const inputs = inputsOf(graph, random);
      const results = await plans[k].run(inputs.map(({ data }) => Float32Array.from(data)));
      const actual = Object.fromEntries(
        Object.entries(plans[k].outputs).map(([name, out]) => [name, outputValues(out, results)]),
      );
      compareAll(actual, graph.expect(inputs, values), `WebAssembly plan ${k}`);
      plans[k].dispose();
    }
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`seed ${seed}: ${message}\n${graph.text}`, { cause: error });
  } finally {
    store.dispose();
  }
}

function inputsOf(graph: RandomGraph, random: Random): NdArray[] {
  return graph.inputs.map((shape) => ({
    shape,
    data: Float64Array.from(random.normals(sizeOf(shape))),
  }));
}

type Arrays = readonly NdArray[];
type NamedPlan = Plan<Readonly<Record<string, PlanOutput>>>;

class Fuzz {
  constructor(
    readonly device: Device,
    readonly graph: RandomGraph,
    readonly random: Random,
  ) {}

  async run(): Promise<void> {
    const { device, graph, random } = this;
    const first = graph.weights.map((weight) => weightValues(weight, random));
    const second = first.map((before, i) =>
      random.uniform() < 0.5 ? weightValues(graph.weights[i], random) : before,
    );
    const weights = first.map(({ data, shape }) => tensor(device, data, shape));
    const store = random.uniform() < 0.6 ? new WeightStore(device) : undefined;
    const options = this.#options(store);
    const forward = (...inputs: Tensor[]) => graph.forward(inputs, weights);
    const infos = graph.inputs.map((shape) => ({ shape, dtype: "f32" as const }));
    const make = (): Promise<NamedPlan> => compile(device, forward, infos, options);
    await this.#eager(weights, first);
    const plan = await make();
    const sibling = await make();
    await this.#holds(plan, first, "plan");
    for (const [i, weight] of weights.entries()) {
      if (second[i] !== first[i]) weight.write(second[i].data);
    }
    await this.#holds(plan, first, "frozen plan");
    const fresh = await make();
    await this.#holds(fresh, second, "plan compiled again");
    fresh.dispose();
    const updated = random.uniform() < 0.5;
    if (updated) await plan.update();
    await this.#holds(sibling, first, "sibling");
    if (random.uniform() < 0.5) sibling.dispose();
    for (const weight of weights) weight.dispose();
    const others = first.map(({ shape }) =>
      tensor(device, new Float32Array(sizeOf(shape)).fill(Number.NaN), shape),
    );
    const now = updated ? "updated plan without its weights" : "plan without its weights";
    await this.#holds(plan, updated ? second : first, now);
    for (const one of [plan, sibling, ...others]) one.dispose();
    store?.dispose();
  }

  #options(store: WeightStore | undefined): CompileOptions {
    const choose = this.random.uniform() < 0.5 ? this.#anyVariant() : undefined;
    return { ...(store && { weights: store }), ...(choose && { choose }) };
  }

  /** A chooser that takes any variant that can run a convolution, the same for the same. */
  #anyVariant() {
    const salt = this.random.integer(0, 1000);
    const traits = conv2dTraits(this.device);
    return (spec: Conv2dSpec): string => {
      const variants = conv2dVariants(spec, traits);
      return variants[(salt + spec.inChannels + spec.outChannels) % variants.length];
    };
  }

  #inputs(): Arrays {
    return inputsOf(this.graph, this.random);
  }

  async #eager(weights: readonly Tensor[], values: Arrays): Promise<void> {
    const inputs = this.#inputs();
    const results = tidy(() =>
      this.graph.forward(
        inputs.map(({ data, shape }) => tensor(this.device, data, shape)),
        weights,
      ),
    );
    const actual: Record<string, Float32Array> = {};
    for (const [name, result] of Object.entries(results)) {
      actual[name] = (await result.data()) as Float32Array;
      result.dispose();
    }
    compareAll(actual, this.graph.expect(inputs, values), "eager");
  }

  /** Runs a plan and compares all of its outputs with what the weights' values give. */
  async #holds(plan: NamedPlan, values: Arrays, what: string): Promise<void> {
    const inputs = this.#inputs();
    for (const [i, { data }] of inputs.entries()) plan.inputs[i].write(data);
    plan.run();
    const actual: Record<string, Float32Array> = {};
    for (const [name, output] of Object.entries(plan.outputs)) actual[name] = await dense(output);
    compareAll(actual, this.graph.expect(inputs, values), what);
  }
}

function compareAll(
  actual: Readonly<Record<string, Float32Array>>,
  expected: Readonly<Record<string, NdArray>>,
  what: string,
): void {
  for (const [name, { data }] of Object.entries(expected)) {
    const largest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    assertClose(actual[name], data, { atol: TOLERANCE * largest, what: `${what}, ${name}` });
  }
}

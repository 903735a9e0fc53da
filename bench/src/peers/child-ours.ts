import { readFileSync } from "node:fs";
import {
  compile,
  Device,
  type Plan,
  type PlanOutput,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { packageVersion, root } from "../environment.js";
import { compileNetwork, makeNetwork } from "../network.js";
import { graphForward } from "./forward.js";
import type { Graph } from "./graph.js";
import { headRunner } from "./head-training.js";
import { type Runner, serve } from "./serve.js";
import { graphOf, HEAD_TRAINING, inputOf, NETWORK } from "./tasks.js";

serve(async (weights) => {
  const device = await Device.create();
  return {
    version: packageVersion(`${root}packages/tensor`),
    prepare: (task) => prepare(device, task, weights),
    close: () => device.destroy(),
  };
});

async function prepare(device: Device, task: string, weights: string): Promise<Runner> {
  if (task === NETWORK) return networkRunner(device, weights);
  if (task === HEAD_TRAINING) return headRunner(device);
  const graph = graphOf(task, weights);
  if (!graph) throw new RangeError(`no task ${task}`);
  return planRunner(await compileGraph(device, graph), inputOf(graph));
}

/** The library's own network definition, not the graph that the peers are given. */
async function networkRunner(device: Device, weights: string): Promise<Runner> {
  const network = makeNetwork(device, readFileSync(weights));
  network.eval().requiresGrad(false);
  const store = new WeightStore(device);
  const plan = await compileNetwork(device, network, [1, 640, 640], store);
  const runner = planRunner(plan, inputOf(graphOf(NETWORK, weights)!));
  return {
    run: runner.run,
    release: () => {
      runner.release();
      store.dispose();
      network.dispose();
    },
  };
}

function planRunner(plan: Plan, input: Float32Array): Runner {
  return {
    run: async () => {
      plan.inputs[0].write(input);
      plan.run();
      const tensors = [...new Set(plan.outputs.map(({ tensor }) => tensor))];
      const values = await Promise.all(tensors.map((one) => one.data() as Promise<Float32Array>));
      return plan.outputs.map((output) => dense(output, values[tensors.indexOf(output.tensor)]));
    },
    release: () => plan.dispose(),
  };
}

/** The channels of an output, cut out of the pixels that hold them. */
function dense({ shape, stride, offset }: PlanOutput, values: Float32Array): Float32Array {
  const width = shape[shape.length - 1];
  if (width === stride) return values;
  const pixels = values.length / stride;
  const result = new Float32Array(pixels * width);
  for (let p = 0; p < pixels; p++) {
    const from = p * stride + offset;
    result.set(values.subarray(from, from + width), p * width);
  }
  return result;
}

async function compileGraph(device: Device, graph: Graph): Promise<Plan> {
  const { forward, dispose } = graphForward(device, graph);
  const plan = await compile(device, forward, [{ shape: graph.input, dtype: "f32" }]);
  dispose();
  return plan;
}

/** TensorFlow.js on its WebGPU backend, under Dawn: `child-tfjs.js BUNDLE`. */
import { createRequire } from "node:module";
import path from "node:path";
import { packageVersion, root } from "../environment.js";
import type { ConvNode, Graph, GraphNode } from "./graph.js";
import { provideNavigatorGpu } from "./navigator-gpu.js";
import { type Runner, serve } from "./serve.js";
import { firstSteps, graphOf, HEAD_TRAINING, headTraining, inputOf, toHwio } from "./tasks.js";

interface Value {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Pads = readonly (readonly [number, number])[];

interface Layer {
  x: Value;
  filter: Value;
  strides: number;
  pad: Pads;
  dataFormat: "NHWC";
  bias?: Value;
  activation?: "linear" | "relu" | "leakyrelu";
  leakyreluAlpha?: number;
}

/** What is used of TensorFlow.js: bench/ compiles without the peers. */
interface Tf {
  setBackend(name: string): Promise<boolean>;
  getBackend(): string;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): Value;
  variable(value: Value): Value;
  tidy<T>(fn: () => T): T;
  add(a: Value, b: Value): Value;
  sub(a: Value, b: Value): Value;
  square(a: Value): Value;
  mean(a: Value): Value;
  relu(a: Value): Value;
  concat(values: readonly Value[], axis: number): Value;
  slice(x: Value, begin: readonly number[], size: readonly number[]): Value;
  conv2d(x: Value, filter: Value, strides: number, pad: number): Value;
  fused: { conv2d(layer: Layer): Value; depthwiseConv2d(layer: Layer): Value };
  image: { resizeNearestNeighbor(x: Value, size: readonly [number, number]): Value };
  train: {
    sgd(rate: number): { minimize(loss: () => Value, returnCost: true, over: Value[]): Value };
  };
}

serve(async (weights) => {
  provideNavigatorGpu();
  const tf: Tf = createRequire(import.meta.url)(process.argv[2]);
  if (!(await tf.setBackend("webgpu"))) throw new Error("its WebGPU backend does not start");
  await tf.ready();
  return {
    version: packageVersion(path.join(root, "bench/node_modules/@tensorflow/tfjs-core")),
    prepare: async (task) => {
      if (task === HEAD_TRAINING) return headRunner(tf);
      const graph = graphOf(task, weights);
      if (!graph) throw new Error("has no such network to train");
      return graphRunner(tf, graph);
    },
    close: () => process.exit(0),
  };
});

interface Parameters {
  readonly filter: Value;
  readonly bias: Value;
}

function parametersOf(tf: Tf, { shape, groups, weight, bias }: ConvNode): Parameters {
  const [o, i, kh, kw] = shape;
  const hwio = toHwio(weight, shape);
  const filterShape = groups > 1 ? [kh, kw, o, 1] : [kh, kw, i, o];
  return { filter: tf.tensor(hwio, filterShape), bias: tf.tensor(bias, [o]) };
}

function graphRunner(tf: Tf, graph: Graph): Runner {
  const convs = graph.nodes.filter((node) => node.kind === "conv");
  const parameters = new Map(convs.map((node) => [node.output, parametersOf(tf, node)]));
  const input = inputOf(graph);
  return {
    run: async () => {
      const outputs = tf.tidy(() => {
        const values = new Map([["x", tf.tensor(input, graph.input)]]);
        const value = (name: string) => values.get(name)!;
        for (const node of graph.nodes) {
          values.set(node.output, apply(tf, node, value, parameters));
        }
        return graph.outputs.map(value);
      });
      const read = await Promise.all(outputs.map((output) => output.data()));
      for (const output of outputs) output.dispose();
      return read;
    },
    release: () => {
      for (const { filter, bias } of parameters.values()) {
        filter.dispose();
        bias.dispose();
      }
    },
  };
}

function apply(
  tf: Tf,
  node: GraphNode,
  value: (name: string) => Value,
  parameters: ReadonlyMap<string, Parameters>,
): Value {
  switch (node.kind) {
    case "conv": {
      const { stride, padding, groups, activation } = node;
      const p = [padding, padding] as const;
      const layer: Layer = {
        x: value(node.input),
        ...parameters.get(node.output)!,
        strides: stride,
        pad: [[0, 0], p, p, [0, 0]],
        dataFormat: "NHWC",
        activation: ({ none: "linear", relu: "relu", leaky: "leakyrelu" } as const)[
          activation.kind
        ],
        ...(activation.kind === "leaky" ? { leakyreluAlpha: activation.slope } : {}),
      };
      return groups > 1 ? tf.fused.depthwiseConv2d(layer) : tf.fused.conv2d(layer);
    }
    case "add":
      return tf.add(value(node.inputs[0]), value(node.inputs[1]));
    case "concatRelu":
      return tf.relu(tf.concat(node.inputs.map(value), 3));
    case "upsample": {
      const x = value(node.input);
      return tf.image.resizeNearestNeighbor(x, [x.shape[1] * 2, x.shape[2] * 2]);
    }
    case "rows": {
      const x = value(node.input);
      const [n, , w, c] = x.shape;
      return tf.slice(x, [0, 0, 0, 0], [n, node.count, w, c]);
    }
  }
}

function headRunner(tf: Tf): Runner {
  const { side, learningRate, ...data } = headTraining();
  const x = tf.tensor(data.x, [1, side, side, 64]);
  const target = tf.tensor(data.target, [1, side, side, 16]);
  const w1 = tf.variable(tf.tensor(toHwio(data.weight1, [64, 64, 3, 3]), [3, 3, 64, 64]));
  const b1 = tf.variable(tf.tensor(data.bias1, [64]));
  const w2 = tf.variable(tf.tensor(toHwio(data.weight2, [16, 64, 1, 1]), [1, 1, 64, 16]));
  const b2 = tf.variable(tf.tensor(data.bias2, [16]));
  const variables = [w1, b1, w2, b2];
  const optimizer = tf.train.sgd(learningRate);
  const error = () => {
    const hidden = tf.relu(tf.add(tf.conv2d(x, w1, 1, 1), b1));
    return tf.mean(tf.square(tf.sub(tf.add(tf.conv2d(hidden, w2, 1, 0), b2), target)));
  };
  const run = async () => {
    const cost = optimizer.minimize(error, true, variables);
    const value = await cost.data();
    cost.dispose();
    return [value];
  };
  return {
    run,
    check: () => firstSteps(run),
    release: () => {
      for (const one of [x, target, ...variables]) one.dispose();
    },
  };
}

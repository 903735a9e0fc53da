/** jax-js: `child-jax.js webgpu` (under Dawn) or `child-jax.js wasm`, the network as one `jit` function, NCHW. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { packageVersion, root } from "../environment.js";
import type { ConvNode, Graph, GraphNode } from "./graph.js";
import { provideNavigatorGpu } from "./navigator-gpu.js";
import { type Runner, serve } from "./serve.js";
import { graphOf, inputOf, swapLayout } from "./tasks.js";

/** An array of jax-js: whatever takes one uses it up, unless it is given its `ref`. */
interface Value {
  readonly shape: readonly number[];
  readonly ref: Value;
  add(other: Value): Value;
  slice(...index: (readonly [] | readonly [number, number])[]): Value;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Pads = readonly (readonly [number, number])[];

/** What is used of jax-js: bench/ compiles without the peers. */
interface Jax {
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): string;
  jit<A extends unknown[]>(f: (...args: A) => Value[]): (...args: A) => Value[];
  readonly numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): Value;
    concatenate(values: readonly Value[], axis: number): Value;
    repeat(x: Value, repeats: number, axis: number): Value;
  };
  readonly nn: { relu(x: Value): Value; leakyRelu(x: Value, slope: number): Value };
  readonly lax: {
    convGeneralDilated(
      x: Value,
      weight: Value,
      strides: readonly number[],
      padding: Pads,
      options: { featureGroupCount: number },
    ): Value;
  };
}

const folder = path.join(root, "bench/node_modules/@jax-js/jax");
const [device] = process.argv.slice(2);

serve(async (weights) => {
  if (device === "webgpu") provideNavigatorGpu();
  const jax: Jax = await import(pathToFileURL(path.join(folder, "dist/index.js")).href);
  const started = await jax.init(device);
  if (!started.includes(device)) throw new Error(`its ${device} does not start`);
  jax.defaultDevice(device);
  return {
    version: packageVersion(folder),
    prepare: async (task) => {
      const graph = graphOf(task, weights);
      if (!graph) throw new Error("has no such network to train");
      return graphRunner(jax, graph);
    },
    close: () => process.exit(0),
  };
});

type Parameters = Readonly<Record<string, { readonly weight: Value; readonly bias: Value }>>;

function parametersOf({ numpy }: Jax, graph: Graph): Parameters {
  const convs = graph.nodes.filter((node): node is ConvNode => node.kind === "conv");
  return Object.fromEntries(
    convs.map(({ output, weight, bias, shape }) => [
      output,
      {
        weight: numpy.array(weight, { shape }),
        bias: numpy.array(bias, { shape: [1, shape[0], 1, 1] }),
      },
    ]),
  );
}

function graphRunner(jax: Jax, graph: Graph): Runner {
  const parameters = parametersOf(jax, graph);
  const all = Object.values(parameters).flatMap(({ weight, bias }) => [weight, bias]);
  const [n, h, w, c] = graph.input;
  const pixels = swapLayout(inputOf(graph), graph.input, "nchw");
  const forward = jax.jit((x: Value, own: Parameters) => evaluate(jax, graph, x, own));
  const run = async () => {
    const x = jax.numpy.array(pixels, { shape: [n, c, h, w] });
    for (const value of all) void value.ref;
    const outputs = forward(x, parameters);
    const shapes = outputs.map(({ shape }) => shape);
    return { values: await Promise.all(outputs.map((output) => output.data())), shapes };
  };
  return {
    run: async () => (await run()).values,
    check: async () => {
      const { values, shapes } = await run();
      return values.map((each, i) => {
        const [batch, channels, height, width] = shapes[i];
        return swapLayout(each, [batch, height, width, channels], "nhwc");
      });
    },
    release: () => {
      for (const value of all) value.dispose();
    },
  };
}

function evaluate(jax: Jax, graph: Graph, x: Value, parameters: Parameters): Value[] {
  const values = new Map([["x", x]]);
  const value = (name: string) => values.get(name)!.ref;
  for (const node of graph.nodes) values.set(node.output, apply(jax, node, value, parameters));
  const outputs = graph.outputs.map(value);
  for (const each of values.values()) each.dispose();
  return outputs;
}

function apply(
  { lax, nn, numpy }: Jax,
  node: GraphNode,
  value: (name: string) => Value,
  parameters: Parameters,
): Value {
  switch (node.kind) {
    case "conv": {
      const { stride, padding, groups, activation, output } = node;
      const { weight, bias } = parameters[output];
      const pads = [0, 1].map(() => [padding, padding] as const);
      const options = { featureGroupCount: groups };
      const strides = [stride, stride];
      const y = lax.convGeneralDilated(value(node.input), weight, strides, pads, options).add(bias);
      if (activation.kind === "none") return y;
      return activation.kind === "relu" ? nn.relu(y) : nn.leakyRelu(y, activation.slope);
    }
    case "add":
      return value(node.inputs[0]).add(value(node.inputs[1]));
    case "concatRelu":
      return nn.relu(numpy.concatenate(node.inputs.map(value), 1));
    case "upsample":
      return numpy.repeat(numpy.repeat(value(node.input), 2, 2), 2, 3);
    case "rows":
      return value(node.input).slice([], [], [0, node.count]);
  }
}

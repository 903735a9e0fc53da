import { loadOnnx, type NodeMessage, type TensorMessage } from "@retinaface-webgpu/onnx";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { floats, integers, node, onnxFile, value } from "../support/onnx-models.js";
import { onnxRuntime, oracleAbsent } from "../support/oracle.node.js";
import { Random } from "../support/random.js";
import { skip } from "../support/skip.js";

/*
 * Graphs of the kinds of nodes that the exporters of SCRFD (opset 11, Guo et al. 2022) and of MobileFaceNet (Chen et al. 2018)
 * write, small and of random weights, as their files are not at hand: against onnxruntime, on both engines.
 */

const test = suite("exporters");
const device = useDevice(test);
const OPSET = 11;
const BOUND = 1e-4;

/** A graph that grows node by node. */
class Graph {
  readonly nodes: NodeMessage[] = [];
  readonly initializer: TensorMessage[] = [];
  readonly #random = new Random(5);
  #count = 0;

  add(op: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}): string {
    const output = `${op}_${this.#count++}`;
    this.nodes.push(node(op, inputs, [output], attributes));
    return output;
  }

  numbers(dims: readonly number[], deviation = 1, mean = 0): string {
    const name = `weight_${this.#count++}`;
    const size = dims.reduce((product, side) => product * side, 1);
    const values = this.#random.normals(size).map((x) => mean + deviation * x);
    this.initializer.push(floats(name, dims, values));
    return name;
  }

  constant(values: readonly number[], scalar = false): string {
    const name = `constant_${this.#count++}`;
    const tensor = integers(name, values);
    this.initializer.push(scalar ? { ...tensor, dims: [] } : tensor);
    return name;
  }

  /** With padding that keeps the size at stride 1. */
  conv(
    x: string,
    inputs: number,
    outputs: number,
    size: number,
    options: ConvOptions = {},
  ): string {
    const { stride = 1, group = 1, bias = true, pad = (size - 1) / 2 } = options;
    const fan = (inputs / group) * size * size;
    const weight = this.numbers([outputs, inputs / group, size, size], Math.sqrt(2 / fan));
    return this.add("Conv", [x, weight, ...(bias ? [this.numbers([outputs], 0.1)] : [])], {
      dilations: [1, 1],
      group,
      kernel_shape: [size, size],
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    });
  }

  norm(x: string, channels: number): string {
    const [scale, shift, mean] = [1, 0, 0].map((m) => this.numbers([channels], 0.2, m));
    const variance = `variance_${this.#count++}`;
    this.initializer.push(floats(variance, [channels], new Array(channels).fill(0.8)));
    const attributes = { epsilon: 1e-5, momentum: 0.9 };
    return this.add("BatchNormalization", [x, scale, shift, mean, variance], attributes);
  }

  /** Sides from one on, as traced from `x.shape[from:to]`. */
  sides(x: string, from: number, to: number): string {
    const shape = this.add("Shape", [x]);
    return this.add("Slice", [shape, ...[[from], [to], [0]].map((v) => this.constant(v))]);
  }
}

interface ConvOptions {
  readonly stride?: number;
  readonly group?: number;
  readonly bias?: boolean;
  readonly pad?: number;
}

const WIDTH = 8;

/** Group norm before opset 18: by instance norm of reshaped groups, whose result takes the shape that it had. */
function groupNorm(g: Graph, x: string, channels: number, groups: number): string {
  const grouped = g.add("Reshape", [x, g.constant([0, groups, -1])]);
  const ones = `ones_${x}`;
  const zeros = `zeros_${x}`;
  g.initializer.push(floats(ones, [groups], new Array(groups).fill(1)));
  g.initializer.push(floats(zeros, [groups], new Array(groups).fill(0)));
  const normed = g.add("InstanceNormalization", [grouped, ones, zeros], { epsilon: 1e-5 });
  const back = g.add("Reshape", [normed, g.add("Shape", [x])]);
  const scaled = g.add("Mul", [back, g.numbers([channels, 1, 1], 0.2, 1)]);
  return g.add("Add", [scaled, g.numbers([channels, 1, 1], 0.2)]);
}

/** Half the size: averaged with a last window that is cut off, then a 1×1 convolution, beside two convolutions. */
function residual(g: Graph, x: string, inputs: number): string {
  const first = g.add("Relu", [g.conv(x, inputs, WIDTH, 3, { stride: 2 })]);
  const second = g.conv(first, WIDTH, WIDTH, 3);
  const pooled = g.add("AveragePool", [x], {
    ceil_mode: 1,
    kernel_shape: [2, 2],
    pads: [0, 0, 0, 0],
    strides: [2, 2],
  });
  return g.add("Relu", [g.add("Add", [second, g.conv(pooled, inputs, WIDTH, 1)])]);
}

/** As large as another map, by nearest neighbours; the exporter leaves region and scales as empty constants. */
function asLargeAs(g: Graph, x: string, other: string): string {
  const sizes = g.add("Concat", [g.sides(x, 0, 2), g.sides(other, 2, 4)], { axis: 0 });
  const empty = `empty_${x}`;
  g.initializer.push(floats(empty, [0], []));
  return g.add("Resize", [x, empty, empty, sizes], {
    coordinate_transformation_mode: "asymmetric",
    cubic_coeff_a: -0.75,
    mode: "nearest",
    nearest_mode: "floor",
  });
}

/** Separable stem, three stages, a pyramid up and down, and heads shared by its levels, of which each scales its boxes. */
function scrfd(): { file: Uint8Array; outputs: string[] } {
  const g = new Graph();
  let x = g.add("Relu", [
    g.norm(g.conv("input.1", 3, WIDTH, 3, { stride: 2, bias: false }), WIDTH),
  ]);
  x = g.add("Relu", [g.conv(x, WIDTH, WIDTH, 3, { group: WIDTH })]);
  x = g.add("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] });
  const stages: string[] = [];
  for (let n = 0; n < 3; n++) {
    x = residual(g, x, WIDTH);
    stages.push(x);
  }
  const maps = stages.map((stage) => g.conv(stage, WIDTH, WIDTH, 1));
  for (const n of [1, 0]) maps[n] = g.add("Add", [maps[n], asLargeAs(g, maps[n + 1], maps[n])]);
  const levels = maps.map((map) => g.conv(map, WIDTH, WIDTH, 3));
  for (const n of [1, 2]) {
    const down = g.conv(levels[n - 1], WIDTH, WIDTH, 3, { stride: 2 });
    levels[n] = g.add("Add", [levels[n], down]);
  }
  const found = levels.map((level) => {
    const separable = g.conv(g.conv(level, WIDTH, WIDTH, 3, { group: WIDTH }), WIDTH, WIDTH, 1);
    const shared = g.add("Relu", [groupNorm(g, separable, WIDTH, 2)]);
    return [1, 4, 10].map((width) => {
      let y = g.conv(shared, WIDTH, 2 * width, 3);
      if (width === 4) y = g.add("Mul", [y, g.numbers([], 0.1, 1)]);
      const rows = g.add("Transpose", [y], { perm: [2, 3, 0, 1] });
      const flat = g.add("Reshape", [rows, g.constant([-1, width])]);
      return width === 1 ? g.add("Sigmoid", [flat]) : flat;
    });
  });
  const outputs = [0, 1, 2].flatMap((head) => found.map((level) => level[head]));
  const file = onnxFile(
    {
      node: g.nodes,
      initializer: g.initializer,
      input: [value("input.1", [1, 3, "?", "?"])],
      output: outputs.map((name) => value(name, [`rows of ${name}`, `width of ${name}`])),
    },
    OPSET,
  );
  return { file, outputs };
}

/** Expanded, filtered depth by depth, and narrowed; added to what came in where sizes allow. */
function bottleneck(g: Graph, x: string, stride: number): string {
  const prelu = (y: string, channels: number) =>
    g.add("PRelu", [y, g.numbers([channels, 1, 1], 0.1, 0.25)]);
  const wide = 2 * WIDTH;
  const expanded = prelu(g.conv(x, WIDTH, wide, 1), wide);
  const filtered = prelu(g.conv(expanded, wide, wide, 3, { stride, group: wide }), wide);
  const narrow = g.norm(g.conv(filtered, wide, WIDTH, 1, { bias: false }), WIDTH);
  return stride === 1 ? g.add("Add", [x, narrow]) : narrow;
}

/** Input that is scaled in the graph, bottlenecks, a global depthwise convolution, and an embedding of length 1. */
function mobileFaceNet(): { file: Uint8Array; outputs: string[] } {
  const g = new Graph();
  const centred = g.add("Sub", ["data", g.numbers([1], 0, 127.5)]);
  let x = g.add("Mul", [centred, g.numbers([1], 0, 0.0078125)]);
  x = g.add("PRelu", [
    g.norm(g.conv(x, 3, WIDTH, 3, { stride: 2, bias: false }), WIDTH),
    g.numbers([WIDTH, 1, 1], 0.1, 0.25),
  ]);
  for (const stride of [1, 2, 1, 2, 1]) x = bottleneck(g, x, stride);
  x = g.norm(g.conv(x, WIDTH, WIDTH, 5, { group: WIDTH, bias: false, pad: 0 }), WIDTH);
  const count = g.add("Gather", [g.add("Shape", [x]), g.constant([0], true)], { axis: 0 });
  const [rows, rest] = [count, g.constant([-1], true)].map((side) =>
    g.add("Unsqueeze", [side], { axes: [0] }),
  );
  const flat = g.add("Reshape", [x, g.add("Concat", [rows, rest], { axis: 0 })]);
  const product = g.add("Gemm", [flat, g.numbers([16, WIDTH])], { transB: 1 });
  const embedding = g.norm(g.add("Dropout", [product], { ratio: 0.4 }), 16);
  const length = g.add("ReduceL2", [embedding], { axes: [1], keepdims: 1 });
  const least = "least";
  g.initializer.push(floats(least, [], [1e-12]));
  const wide = g.add("Expand", [g.add("Clip", [length, least]), g.add("Shape", [embedding])]);
  const output = g.add("Div", [embedding, wide]);
  const file = onnxFile(
    {
      node: g.nodes,
      initializer: g.initializer,
      input: [value("data", ["batch", 3, 40, 40])],
      output: [value(output, ["batch", 16])],
    },
    OPSET,
  );
  return { file, outputs: [output] };
}

const GRAPHS = [
  // Sides that no stride divides, so that windows are cut off and maps do not double.
  {
    name: "SCRFD",
    make: scrfd,
    shapes: [
      [1, 3, 88, 120],
      [1, 3, 64, 96],
    ],
    range: [-1, 1],
  },
  { name: "MobileFaceNet", make: mobileFaceNet, shapes: [[3, 3, 40, 40]], range: [0, 255] },
] as const;

for (const { name, make, shapes, range } of GRAPHS) {
  const what = `a graph as ${name}'s exporter writes it gives onnxruntime's numbers within ${BOUND}`;
  const why = oracleAbsent();
  if (why !== undefined) {
    skip(test, what, why);
    continue;
  }
  test(what, async () => {
    const { file, outputs } = make();
    const ort = onnxRuntime();
    const oracle = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
    const random = new Random(9);
    const cases = [];
    for (const shape of shapes as readonly (readonly number[])[]) {
      const size = shape.reduce((product, side) => product * side, 1);
      const data = Float32Array.from({ length: size }, () => random.uniform(...range));
      const [input] = oracle.inputNames;
      const expected = await oracle.run({ [input]: new ort.Tensor("float32", data, shape) });
      cases.push({ feeds: { [input]: { data, shape } }, expected });
    }
    await oracle.release();
    for (const backend of ["webgpu", "wasm"] as const) {
      const own = backend === "webgpu" ? { device: device() } : {};
      const session = await loadOnnx(file, { backend, ...own });
      assert.is(session.backend, backend);
      for (const { feeds, expected } of cases) {
        const given = await session.run(feeds);
        assert.equal(Object.keys(given).sort(), [...outputs].sort());
        for (const output of outputs)
          compare(`${output}, ${backend}`, given[output].data, expected[output].data);
      }
      session.dispose();
    }
  });
}

/** Also that there is something to compare. */
function compare(what: string, given: ArrayLike<number>, expected: Float32Array): void {
  assert.is(given.length, expected.length, what);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert.ok(largest > 0.05 && expected.some((x) => Math.abs(x - expected[0]) > 0.01), what);
  const off = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - given[i])), 0);
  assert.ok(off <= BOUND * Math.max(1, largest), `${what} is off by ${off} of ${largest}`);
}

test.run();

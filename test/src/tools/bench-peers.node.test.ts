/** What the comparison with other libraries rests on: the graphs they are given, and how answers are compared. */

import { type OnnxValueInfo, readOnnx } from "@retinaface-webgpu/onnx";
import {
  type Device,
  readSafetensors,
  Tensor,
  tensor,
  tidy,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeNetwork, seededWeights } from "../../../bench/dist/network.js";
import { difference } from "../../../bench/dist/peers/compare.js";
import { chainGraph, type Graph, retinaFaceGraph } from "../../../bench/dist/peers/graph.js";
import { encodeOnnx } from "../../../bench/dist/peers/onnx.js";
import { goalsOf } from "../../../bench/dist/peers/report.js";
import { swapLayout, type Task, toHwio } from "../../../bench/dist/peers/tasks.js";
import { summarize } from "../../../bench/dist/statistics.js";
import { evaluate } from "../onnx/run.node.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

/** The graph as an ONNX model, evaluated by the package that reads them; NCHW in and out. */
async function evaluateOnnx(
  gpu: Device,
  graph: Graph,
  nhwc: Float32Array,
): Promise<Float32Array[]> {
  const [n, h, w, c] = graph.input;
  const data = swapLayout(nhwc, graph.input, "nchw");
  const model = readOnnx(encodeOnnx(graph));
  assert.is(model.opset, 17);
  const names = (values: readonly OnnxValueInfo[]) => values.map(({ name }) => name);
  assert.equal(names(model.inputs), ["x"]);
  assert.equal(names(model.outputs), graph.outputs);
  const x = { shape: [n, c, h, w], type: "float" as const, data };
  const outputs = tidy(() => evaluate(gpu, model, [x]));
  const results: Float32Array[] = [];
  for (const output of outputs) {
    const values = output instanceof Tensor ? await output.data() : output.data;
    const [batch, channels, height, width] = output.shape;
    const shape = [batch, height, width, channels] as const;
    results.push(swapLayout(Float32Array.from(values), shape, "nhwc"));
    if (output instanceof Tensor) output.dispose();
  }
  return results;
}

test("the graph that peers are given is the network, batch norm folded", async () => {
  const random = new Random(3);
  const state = readSafetensors(await seededWeights(device())).tensors;
  for (const [name, { shape, data }] of state) {
    if (shape.length !== 1 || name.includes("Head")) continue;
    const [low, high] = /running_var|weight/.test(name) ? [0.5, 2] : [-0.5, 0.5];
    for (let i = 0; i < data.length; i++) data[i] = random.uniform(low, high);
  }
  const network = makeNetwork(device(), writeSafetensors(state)).eval();
  const side = 64;
  const image = Float32Array.from({ length: side * side * 3 }, () => random.uniform(-128, 128));
  const graph = retinaFaceGraph(state, side);
  const given = await evaluateOnnx(device(), graph, image);
  const x = tensor(device(), image, [1, side, side, 3]);
  const { conf, loc, landms } = tidy(() => network.heads(x));
  const expected = [...conf, ...loc, ...landms];
  assert.is(given.length, 9);
  for (const [i, head] of expected.entries()) {
    assertClose(given[i], await head.data(), { atol: 1e-4, rtol: 1e-4 });
    head.dispose();
  }
  x.dispose();
  network.dispose();
});

test("a chain reads back its first rows only, borders included", async () => {
  const graph = chainGraph({ side: 6, channels: 4, kernel: 3, depthwise: true, length: 2 });
  const convs = graph.nodes.filter((node) => node.kind === "conv");
  assert.is(convs.length, 2);
  assert.not.equal(convs[0].weight, convs[1].weight);
  const random = new Random(5);
  const x = Float32Array.from({ length: 6 * 6 * 4 }, () => random.uniform(-1, 1));
  const [rows] = await evaluateOnnx(device(), graph, x);
  let image = Float64Array.from(x);
  for (const { weight, bias } of convs) {
    image = image.map((_, at) => {
      const [row, column, channel] = [Math.floor(at / 24), Math.floor(at / 4) % 6, at % 4];
      let sum = bias[channel];
      for (let k = 0; k < 9; k++) {
        const [y, z] = [row + Math.floor(k / 3) - 1, column + (k % 3) - 1];
        if (y < 0 || y > 5 || z < 0 || z > 5) continue;
        sum += image[(y * 6 + z) * 4 + channel] * weight[channel * 9 + k];
      }
      return sum;
    });
  }
  assertClose(rows, Float32Array.from(image.subarray(0, 4 * 6 * 4)), { atol: 1e-5, rtol: 1e-5 });
});

test("layouts: there and back, and TensorFlow's order of weights", () => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const planar = swapLayout(values, [1, 2, 3, 4], "nchw");
  assert.equal([...planar.subarray(0, 6)], [0, 4, 8, 12, 16, 20]);
  assert.equal(swapLayout(planar, [1, 2, 3, 4], "nhwc"), values);
  assert.equal(
    [...toHwio(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7), [2, 2, 1, 2])],
    [0, 4, 2, 6, 1, 5, 3, 7],
  );
});

test("answers: a difference counts relative to the largest value; NaN and other lengths never agree", () => {
  const expected = [Float32Array.of(1, -8), Float32Array.of(2)];
  assert.is(difference(expected, expected), 0);
  assert.is(difference([Float32Array.of(1, -8), Float32Array.of(4)], expected), 0.25);
  assert.is(difference([Float32Array.of(Number.NaN, -8), Float32Array.of(2)], expected), Infinity);
  assert.is(difference([Float32Array.of(1), Float32Array.of(2)], expected), Infinity);
  assert.is(difference([expected[0]], expected), Infinity);
});

test("goals: the fastest peer counts, not who computes elsewhere", () => {
  const task: Task = {
    name: "t",
    divisor: 1,
    flops: 1,
    goal: { "fastest peer": 2, "tfjs WebGPU": 3 },
  };
  const result = (peer: string, ratio?: number) => ({ peer, ratio, time: summarize([1]) });
  const results = [
    result("retinaface-webgpu"),
    result("onnxruntime-node WebGPU", 4),
    result("onnxruntime-node CPU", 0.1),
  ];
  assert.equal(goalsOf([{ task, results }]), [
    { task: "t", against: "fastest peer", wanted: 2, reached: 4 },
    { task: "t", against: "tfjs WebGPU", wanted: 3, reached: undefined },
  ]);
});

test.run();

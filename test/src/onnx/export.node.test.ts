import { readFileSync } from "node:fs";
import path from "node:path";
import {
  exportOnnx,
  loadOnnx,
  OnnxError,
  type OnnxSession,
  readOnnx,
} from "@retinaface-webgpu/onnx";
import {
  argsort,
  avgPool,
  batchNorm,
  compile,
  contiguous,
  type Device,
  mean,
  nn,
  permute,
  slice,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
} from "@retinaface-webgpu/tensor/wasm";
import {
  type DetectorConfig,
  type Face,
  type NetworkConfig,
  OBJECTNESS_HEAD,
  publishedConfig,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceNetwork,
  readWeights,
  toRawImage,
} from "retinaface-webgpu";
import { exportDetector } from "retinaface-webgpu/onnx";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { onnxRuntime, oracleAbsent } from "../support/oracle.node.js";
import { Random } from "../support/random.js";
import { repository } from "../support/repository.node.js";
import { skip } from "../support/skip.js";

/* Networks written as ONNX: onnxruntime gives what the networks give, and so do they when they are read again. */

const device = useDevice(test);
const host = await createHostDevice();
const engine = await WasmEngine.create({ threads: 2 });
test.after(() => {
  engine.dispose();
  host.destroy();
});
const BOUND = 1e-5;
const [HEIGHT, WIDTH] = [32, 64];
const absent = oracleAbsent();

type Outputs = Readonly<Record<string, ArrayLike<number>>>;

async function runOrt(model: Uint8Array, inputs: Record<string, [Float32Array, number[]]>) {
  const ort = onnxRuntime();
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, [data, dims]]) => [
    name,
    new ort.Tensor("float32", data, dims),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data]));
}

/** As far as the largest number of an output, at most. */
function assertNear(given: Outputs, expected: Outputs, bound: number, what: string): void {
  assert.equal(Object.keys(given).sort(), Object.keys(expected).sort(), what);
  for (const [name, wanted] of Object.entries(expected)) {
    assert.is(given[name].length, wanted.length, `${what} ${name}`);
    let [largest, off] = [0, 0];
    for (let i = 0; i < wanted.length; i++) {
      largest = Math.max(largest, Math.abs(wanted[i]));
      off = Math.max(off, Math.abs(wanted[i] - given[name][i]));
    }
    assert.ok(off <= bound * largest, `${what} ${name} is off by ${off} of ${largest}`);
  }
}

/** Batch statistics other than 0 and 1, so that folding them does something. */
async function stateOf(network: RetinaFaceNetwork, random: Random) {
  const state = await network.stateDict();
  for (const [name, { shape, data }] of state) {
    if (shape.length !== 1) continue;
    const [low, high] = /running_var/.test(name) ? [0.5, 2] : [-0.2, 0.2];
    const add = /running_mean|bias/.test(name) ? 0 : 1;
    for (let i = 0; i < data.length; i++) {
      data[i] = /running_var/.test(name)
        ? random.uniform(low, high)
        : add + random.uniform(low, high);
    }
  }
  network.loadStateDict(state);
  return state;
}

/** The network's own outputs, classes as probabilities where the model has them so. */
async function ownOutputs(network: RetinaFaceNetwork, image: Float32Array): Promise<Outputs> {
  const info = { shape: [1, HEIGHT, WIDTH, 3], dtype: "f32" as const };
  const forward = (x: Tensor) => network.join(network.heads(x));
  const plan = await compileWasm(host, engine, forward, [info]);
  const results = await plan.run([image]);
  const outputs: Record<string, Float32Array> = {};
  for (const [name, output] of Object.entries(plan.outputs)) {
    const values = outputValues(output, results);
    const head = network.headSpecs.find((each) => each.name === name)!;
    outputs[name] =
      head.meaning === "class" && !network.config.retinanet
        ? softmaxed(values, head.width)
        : values;
  }
  plan.dispose();
  return outputs;
}

function softmaxed(logits: Float32Array, width: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += width) {
    const own = [...logits.subarray(row, row + width)].map(Math.exp);
    const total = own.reduce((a, b) => a + b);
    for (const [i, e] of own.entries()) result[row + i] = e / total;
  }
  return result;
}

/** H, W, C as C, H, W. */
function planar(image: Float32Array): Float32Array {
  const result = new Float32Array(image.length);
  const area = image.length / 3;
  for (let i = 0; i < image.length; i++) result[(i % 3) * area + Math.floor(i / 3)] = image[i];
  return result;
}

const classes = RETINAFACE_HEADS.map((h) => (h.meaning === "class" ? { ...h, width: 4 } : h));
const OBJECTNESS = {
  backbone: "mobilenet0.25",
  heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD],
} as const;
const five: DetectorConfig["anchors"] = {
  minSizes: [[8], [16], [32, 64], [128], [256]],
  steps: [4, 8, 16, 32, 64],
  clip: false,
};

const NETWORKS: readonly [string, NetworkConfig, Partial<DetectorConfig>?][] = [
  ["MobileNet-0.25", { backbone: "mobilenet0.25" }],
  [
    "MobileNet of another width, five levels and three classes",
    {
      backbone: "mobilenet0.25",
      width: 0.125,
      channels: 16,
      anchorsPerCell: [1, 1, 2, 1, 1],
      extraLevels: 1,
      heads: classes,
    },
    { anchors: five, heads: classes },
  ],
  [
    "objectness with a cascade, separable",
    { ...OBJECTNESS, cascade: true, separable: true },
    { heads: OBJECTNESS.heads },
  ],
  ["light", { backbone: "light" }],
  ["slim", { backbone: "slim" }],
  ["RFB", { backbone: "rfb" }],
  ["ResNet-50", { backbone: "resnet50" }],
];

for (const [name, shape, more] of NETWORKS) {
  test(`${name}: onnxruntime and our own engine give what the network gives`, async () => {
    const random = new Random(11);
    const network = new RetinaFaceNetwork(nn.Init.seeded(host, 5), shape);
    network.eval().requiresGrad(false);
    const state = await stateOf(network, random);
    const config = { ...publishedConfig(shape.backbone), ...more };
    const image = Float32Array.from({ length: HEIGHT * WIDTH * 3 }, () => random.uniform(-2, 2));
    const expected = await ownOutputs(network, image);
    network.dispose();
    const size = { height: HEIGHT, width: WIDTH };
    const model = await exportDetector({ state, config }, size);
    const input = planar(image);
    const shown = [1, 3, HEIGHT, WIDTH];
    if (!absent) {
      assertNear(await runOrt(model, { image: [input, shown] }), expected, BOUND, "onnxruntime");
    }
    const session = await loadOnnx(model, { backend: "wasm" });
    const outputs = await session.run({ image: input });
    session.dispose();
    const own = Object.entries(outputs).map(([output, { data }]) => [output, data]);
    assertNear(Object.fromEntries(own), expected, 3e-5, "read again");
  });
}

const photo = path.join(repository, "packages/retinaface/assets/sample.png");
const bundled = path.join(repository, "packages/retinaface/weights/default.safetensors");

/** The sample's faces by a detector. */
async function facesBy(weights: Uint8Array): Promise<Face[]> {
  const detector = await RetinaFace.load({ weights, backend: "wasm" });
  const faces = await detector.detect(photo, {
    visThreshold: detector.thresholds.confidenceThreshold,
  });
  detector.dispose();
  return faces;
}

function networkInput({ data, width, height }: Awaited<ReturnType<typeof toRawImage>>) {
  const [area, mean] = [width * height, [104, 117, 123]];
  const input = new Float32Array(area * 3);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) input[c * area + i] = data[i * 4 + 2 - c] - mean[c];
  }
  return input;
}

const both = (what: string, run: () => Promise<void>) =>
  absent ? skip(test, what, absent) : test(what, run);

both("a model with suppression finds the detector's faces, a decoded one its boxes", async () => {
  const bytes = readFileSync(bundled);
  const image = await toRawImage(photo);
  const { width, height } = image;
  const faces = await facesBy(bytes);
  const weights = readWeights(bytes);
  const input: [Float32Array, number[]] = [networkInput(image), [1, 3, height, width]];
  const whole = await exportDetector(weights, { width, height, outputs: "faces" });
  const found = await runOrt(whole, { image: input });
  assert.ok(faces.length >= 3);
  assert.is(found.face_scores.length, faces.length);
  for (const [i, { box, score, landmarks }] of faces.entries()) {
    assert.ok(Math.abs(found.face_scores[i] - score) < 1e-5, `score ${i}`);
    for (const [k, x] of box.entries()) assert.ok(Math.abs(found.face_boxes[i * 4 + k] - x) < 5e-3);
    for (const [k, x] of landmarks.nose.entries()) {
      assert.ok(Math.abs(found.face_landmarks[i * 10 + 4 + k] - x) < 5e-3);
    }
  }
  const decoded = await exportDetector(weights, { width, height, outputs: "boxes" });
  const { boxes, probabilities } = await runOrt(decoded, { image: input });
  const best = [...probabilities].reduce(
    (at, p, i) => (i % 2 && p > probabilities[at] ? i : at),
    1,
  );
  const corners = boxes.subarray(((best - 1) / 2) * 4, ((best - 1) / 2) * 4 + 4);
  for (const [k, x] of faces[0].box.entries()) assert.ok(Math.abs(corners[k] - x) < 5e-3);
});

test("a written model is a detector's weights; in f16 it is half as large and nearly the same", async () => {
  const bytes = readFileSync(bundled);
  const { width, height } = await toRawImage(photo);
  const weights = readWeights(bytes);
  const [full, half] = [
    await exportDetector(weights, { width, height }),
    await exportDetector(weights, { width, height, half: true }),
  ];
  const [faces, own, halved] = [await facesBy(bytes), await facesBy(full), await facesBy(half)];
  const near = (a: Face[], b: Face[], bound: number) => {
    for (const [i, { box }] of a.slice(0, 3).entries()) {
      for (const [k, x] of box.entries()) assert.ok(Math.abs(x - b[i].box[k]) < bound);
    }
  };
  assert.is(own.length, faces.length);
  near(own, faces, 0.01);
  near(halved, faces, 1);
  assert.ok(half.length < full.length * 0.62, `${half.length} of ${full.length} bytes`);
  assert.is(readOnnx(full).opset, 17);
  const names = [...readOnnx(full).constants.keys()];
  assert.ok(names.includes("body.stage1.0.0.weight"), "constants bear the checkpoint's names");
});

/** Any forward pass, and its outputs. */
async function written(
  forward: (x: Tensor) => Record<string, Tensor>,
  shape: number[],
  values: Float32Array,
) {
  const info = { shape, dtype: "f32" as const };
  const model = await exportOnnx(device(), forward, [info], { inputNames: ["x"] });
  const plan = await compile(device(), forward, [info]);
  plan.inputs[0].write(values);
  plan.run();
  const expected: Record<string, ArrayLike<number>> = {};
  for (const [name, output] of Object.entries(plan.outputs)) {
    expected[name] = await contiguous(output).data();
  }
  plan.dispose();
  return { model, expected };
}

test("other operations are written too, and all that cannot be are named", async () => {
  const gpu: Device = device();
  const random = new Random(2);
  const vector = (n: number, low: number) =>
    tensor(
      gpu,
      Float32Array.from({ length: n }, () => random.uniform(low, 1)),
      [n],
    );
  const [gamma, beta, mu, variance] = [vector(3, -1), vector(3, -1), vector(3, -1), vector(3, 0.5)];
  const forward = (x: Tensor) => {
    const normed = batchNorm(x, { mean: mu, variance, gamma, beta });
    const pooled = avgPool(normed, { kernelSize: 2, padding: 1, countIncludePad: false });
    return {
      turned: permute(slice(pooled, [{}, { step: -1 }, { start: 1, end: 3 }]), [0, 3, 1, 2]),
      mean: mean(normed, { axes: [1, 2] }),
    };
  };
  const values = random.normals(4 * 6 * 3);
  const { model, expected } = await written(forward, [1, 4, 6, 3], values);
  const session: OnnxSession = await loadOnnx(model, { device: gpu });
  const planes = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) planes[(i % 3) * 24 + Math.floor(i / 3)] = values[i];
  const outputs = await session.run({ x: planes });
  session.dispose();
  const own = Object.entries(outputs).map(([name, { data }]) => [name, data]);
  assertNear(Object.fromEntries(own), expected, 1e-6, "read again");
  if (!absent)
    assertNear(await runOrt(model, { x: [planes, [1, 3, 4, 6]] }), expected, 1e-6, "ort");
  try {
    await written((x) => ({ order: argsort(x) }), [2, 3], new Float32Array(6));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, OnnxError);
    assert.match((error as Error).message, /cannot be written as ONNX: .*sort/);
  }
});

test.run();

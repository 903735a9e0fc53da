/** An objectness head: its margins, its faces on both engines, its place in tables and checkpoints. */
import {
  compile,
  contiguous,
  type Device,
  nn,
  type StateDict,
  type Tensor,
  tensor,
  tidy,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
} from "@retinaface-webgpu/tensor/wasm";
import { type Sample, writeModel } from "@retinaface-webgpu/train";
import {
  anchorHeads,
  DEFAULT_CONFIG,
  type DetectorConfig,
  decodedHeads,
  type Face,
  type HeadSpec,
  headsOfClasses,
  inferNetwork,
  type NetworkConfig,
  OBJECTNESS_HEAD,
  OptionError,
  objectnessHead,
  oddsOfBoth,
  postprocess,
  priorBoxes,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceNetwork,
  registerRetinaNet,
  regressionHeads,
  resolveThresholds,
  withObjectness,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { noiseImage } from "../support/tiny-detector.js";
import { batchInput, makeSample } from "../support/train-samples.js";

const device = useDevice(test);
let host: Device;
let engine: WasmEngine;
test.before(async () => {
  host = await createHostDevice();
  engine = await WasmEngine.create({ threads: 2 });
});
test.after(() => {
  engine.dispose();
  host.destroy();
});

/** Log odds of σ(a)·σ(b): one over them is e⁻ᵃ + e⁻ᵇ + e⁻ᵃ⁻ᵇ. */
const oddsInDouble = (a: number, b: number) =>
  -Math.log(Math.exp(-a) + Math.exp(-b) + Math.exp(-a - b));

/** What a function makes of tensors: eagerly, in a plan on WebGPU, and in one on the engine for processors. */
async function byAll(
  of: (...inputs: Tensor[]) => Tensor,
  inputs: readonly { readonly values: Float32Array; readonly shape: readonly number[] }[],
): Promise<Record<string, Float32Array>> {
  const infos = inputs.map(({ shape }) => ({ shape, dtype: "f32" as const }));
  const eager = tidy(() =>
    of(...inputs.map(({ values, shape }) => tensor(device(), values, [...shape]))),
  );
  const plan = await compile(device(), (...given) => [of(...given)], infos);
  for (const [i, { values }] of inputs.entries()) plan.inputs[i].write(values);
  plan.run();
  const wasm = await compileWasm(host, engine, (...given: Tensor[]) => [of(...given)], infos);
  const results = await wasm.run(inputs.map(({ values }) => values));
  const said = {
    eager: (await eager.data()) as Float32Array,
    plan: (await contiguous(plan.outputs[0]).data()) as Float32Array,
    wasm: outputValues(wasm.outputs[0], results).slice(),
  };
  for (const owner of [eager, plan, wasm]) owner.dispose();
  return said;
}

test("log odds of both against float64, from −80 to 80, on all engines", async () => {
  const random = new Random(3);
  const some = [-80, -79.5, -40, -17, -5, -1, -1e-3, 0, 1e-6, 0.5, 3, 16, 33, 79.5, 80];
  const pairs = some.flatMap((a) => some.map((b) => [a, b]));
  for (let i = 0; i < 200; i++) pairs.push([random.normal() * 6, random.normal() * 6]);
  const values = [0, 1].map((k) => Float32Array.from(pairs, (pair) => pair[k]));
  const expected = pairs.map((_, i) => oddsInDouble(values[0][i], values[1][i]));
  const inputs = values.map((each) => ({ values: each, shape: [pairs.length] }));
  const all = await byAll(oddsOfBoth, inputs);
  for (const [what, given] of Object.entries(all)) {
    assert.ok(given.every(Number.isFinite), what);
    // Half a unit of the last place of 160, which the logits' sum may reach, and what the engines' logarithms are off by.
    assertClose(given, expected, { atol: 2e-5, rtol: 1e-6, what });
    const near = (x: number) => 1 / (1 + Math.exp(-x));
    assertClose(
      [...given].map(near),
      pairs.map((_, i) => near(values[0][i]) * near(values[1][i])),
      { atol: 2e-6, what },
    );
  }
});

test("class logits against float64: several anchors and classes, odd maps, a batch", async () => {
  const random = new Random(5);
  for (const { width, anchors, spread } of [
    { width: 2, anchors: 2, spread: 3 },
    { width: 4, anchors: 3, spread: 30 },
  ]) {
    const map = [2, 3, 5];
    const priors = 2 * 3 * 5 * anchors;
    const logits = random.normals(priors * width, 0, spread);
    const objectness = random.normals(priors, 0, spread);
    const expected = Array.from(logits, (logit, i) => {
      const prior = Math.floor(i / width);
      const odds = logit - logits[prior * width];
      return i % width === 0 ? 0 : oddsInDouble(odds, objectness[prior]);
    });
    const all = await byAll(
      (conf, obj) => withObjectness(conf, obj, width),
      [
        { values: logits, shape: [...map, anchors * width] },
        { values: objectness, shape: [...map, anchors] },
      ],
    );
    for (const [what, given] of Object.entries(all))
      assertClose(given, expected, { atol: 3e-5, rtol: 1e-6, what: `${what}, ${width} logits` });
  }
});

test("what is not finite in either shows in the result", async () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const conf = Float32Array.from(bad.flatMap((x) => [0, x, x, 0, 0, 1, 0, 1]));
  const obj = Float32Array.from(bad.flatMap((x) => [1, 1, x, 1]));
  const all = await byAll(
    (c, o) => withObjectness(c, o, 2),
    [
      { values: conf, shape: [1, 3, 4, 2] },
      { values: obj, shape: [1, 3, 4, 1] },
    ],
  );
  for (const [what, given] of Object.entries(all)) {
    for (let prior = 0; prior < 12; prior++) {
      const [background, face] = given.subarray(prior * 2, prior * 2 + 2);
      const isSound = prior % 4 === 3;
      assert.is(Number.isFinite(face - background), isSound, `${what}, prior ${prior}`);
    }
  }
});

const TINY = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;
const HEADS: readonly HeadSpec[] = [...RETINAFACE_HEADS, OBJECTNESS_HEAD];

const NETWORKS: Readonly<Record<string, Omit<NetworkConfig, "backbone">>> = {
  "one class": { heads: HEADS },
  "three classes, objectness first": {
    heads: [OBJECTNESS_HEAD, ...headsOfClasses(RETINAFACE_HEADS, 3)],
  },
  "separable, with a cascade": { heads: HEADS, separable: true, cascade: true },
};

/** A state whose heads say of cells what is far apart: their weights are larger, biases random. */
function livelier(state: StateDict): StateDict {
  const random = new Random(8);
  for (const [name, { data }] of state) {
    if (!/Head\./.test(name)) continue;
    const values = data as Float32Array;
    for (let i = 0; i < values.length; i++)
      values[i] = /bias$/.test(name) ? random.normal() : values[i] * 40;
  }
  return state;
}

/** Nothing is suppressed: where boxes overlap by just the threshold, engines may differ by rounding. */
const KEEP_ALL = { nmsThreshold: 1 };

/** Everything that the network said of an image, as the postprocessing in double precision makes faces of it. */
async function expectedFaces(
  network: RetinaFaceNetwork,
  sample: Sample,
  config: DetectorConfig,
): Promise<Face[]> {
  const { width, height } = sample.image;
  const said = tidy(() => {
    const image = tensor(device(), batchInput([sample]), [1, height, width, 3]);
    return network.forward(image);
  });
  const raw: Record<string, Float32Array> = {};
  for (const [name, value] of Object.entries(said)) {
    raw[name] = (await value.data()) as Float32Array;
    value.dispose();
  }
  const { conf, obj, loc, landms } = raw;
  const logits = conf.length / obj.length;
  const σ = (x: number) => 1 / (1 + Math.exp(-x));
  const best = Array.from(obj, (o, i) => {
    const own = [...conf.subarray(i * logits, (i + 1) * logits)];
    const odds = own.slice(1).map((x) => x - own[0]);
    const top = Math.max(...odds);
    return { label: odds.indexOf(top) + 1, score: σ(top) * σ(o) };
  });
  return postprocess({
    loc,
    landms,
    scores: Float32Array.from(best, ({ score }) => score),
    ...(logits > 2 && { labels: best.map(({ label }) => label) }),
    priors: priorBoxes(height, width, config.anchors),
    variances: config.variances,
    frame: { width, height, scaleX: 1, scaleY: 1 },
    heads: network.headSpecs,
    thresholds: resolveThresholds(KEEP_ALL),
  });
}

/** The faces before the widest gap between two scores, which no rounding moves a face across. At least five. */
function beforeGap(faces: readonly Face[]): { faces: readonly Face[]; visThreshold: number } {
  const gapAfter = (n: number) => faces[n - 1].score - faces[n].score;
  let count = 5;
  for (let n = count; n < faces.length; n++) if (gapAfter(n) > gapAfter(count)) count = n;
  const visThreshold = (faces[count - 1].score + faces[count].score) / 2;
  return { faces: faces.slice(0, count), visThreshold };
}

/** The face whose box is most like another's. */
function nearest(faces: readonly Face[], { box }: Face): Face {
  const far = (face: Face) => Math.max(...face.box.map((x, k) => Math.abs(x - box[k])));
  return faces.reduce((best, face) => (far(face) < far(best) ? face : best));
}

async function madeOf(shape: Omit<NetworkConfig, "backbone">) {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 6), { ...TINY, ...shape });
  network.eval().requiresGrad(false);
  const state = livelier(await network.stateDict());
  network.loadStateDict(state);
  return { network, state };
}

for (const [name, shape] of Object.entries(NETWORKS)) {
  test(`both engines find the faces of scores in float64: ${name}`, async () => {
    const { network, state } = await madeOf(shape);
    const config = { ...DEFAULT_CONFIG, heads: shape.heads };
    const weights = writeModel(state, config);
    // Noise all over: no two cells see the same.
    const samples = [64, 96].map((size) => ({
      ...makeSample(new Random(1), size, 0),
      image: noiseImage(size, size, size),
    }));
    for (const where of [{ device: device() }, { backend: "wasm" as const }]) {
      const detector = await RetinaFace.load({ weights, ...where });
      assert.equal(detector.network, network.config);
      for (const sample of samples) {
        const all = await expectedFaces(network, sample, config);
        const { faces: expected, visThreshold } = beforeGap(all);
        const found = await detector.detect(sample.image, { ...KEEP_ALL, visThreshold });
        assert.is(found.length, expected.length);
        // Scores that differ by rounding may change places.
        for (const [i, { score }] of found.entries())
          assertClose([score], [expected[i].score], { atol: 1e-5, what: `score ${i}` });
        for (const [i, wanted] of expected.entries()) {
          const own = nearest(found, wanted);
          assertClose(own.box, wanted.box, { atol: 2e-2, what: `box ${i}` });
          assertClose([own.score], [wanted.score], { atol: 1e-5, what: `score of box ${i}` });
          assertClose(own.landmarks.nose, wanted.landmarks.nose, { atol: 2e-2 });
          assert.is(own.label, wanted.label);
          assert.is(own.values, undefined);
        }
      }
      detector.dispose();
    }
    network.dispose();
  });
}

test("a checkpoint's names say that there is objectness, with a stored table and without", async () => {
  for (const shape of [
    { ...TINY, anchorsPerCell: [2, 2, 2], heads: HEADS },
    { backbone: "slim", anchorsPerCell: [3, 2, 2, 3], heads: HEADS },
  ]) {
    const network = new RetinaFaceNetwork(nn.Init.seeded(host, 6), shape);
    assert.equal(network.config.heads, HEADS);
    const state = await network.stateDict();
    assert.ok([...state.keys()].some((name) => name.startsWith("ObjectnessHead.2.conv1x1")));
    network.dispose();
    assert.equal(inferNetwork(state).heads, HEADS);
    assert.equal(inferNetwork(state, HEADS).heads, HEADS);
    const detector = await RetinaFace.load({ weights: writeSafetensors(state), backend: "wasm" });
    assert.equal(detector.network.heads, HEADS);
    detector.dispose();
    const cut = new Map([...state].filter(([name]) => !name.startsWith("ObjectnessHead.1")));
    assert.throws(() => inferNetwork(cut), /Expected and not found: "?ObjectnessHead.1/);
    const lost = new Map([...state].filter(([name]) => !name.startsWith("ObjectnessHead")));
    assert.is(inferNetwork(lost, HEADS).heads, undefined);
  }
});

test("it is a head of anchors, and no head that faces are made of", () => {
  assert.equal(anchorHeads(HEADS), HEADS);
  assert.equal(decodedHeads(HEADS), RETINAFACE_HEADS);
  assert.equal(regressionHeads(HEADS), RETINAFACE_HEADS.slice(1));
  assert.is(objectnessHead(HEADS), OBJECTNESS_HEAD);
  assert.is(objectnessHead(RETINAFACE_HEADS), undefined);
});

test("tables that cannot be are refused, and RetinaNet with objectness", () => {
  registerRetinaNet();
  const refused = (shape: NetworkConfig, reason: RegExp) =>
    assert.throws(
      () => new RetinaFaceNetwork(nn.Init.empty(host), shape),
      (error: Error) => error instanceof OptionError && reason.test(error.message),
    );
  const second = { ...OBJECTNESS_HEAD, name: "o", module: "OHead", loss: "o" } as const;
  const wide = { ...OBJECTNESS_HEAD, width: 2 };
  refused({ ...TINY, heads: [...HEADS, second] }, /at most one of meaning "objectness"/);
  refused({ ...TINY, heads: [...RETINAFACE_HEADS, wide] }, /one logit/);
  refused({ ...TINY, heads: HEADS, retinanet: {} }, /leave the objectness head out/);
});

test.run();

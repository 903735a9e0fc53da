/** The branch for meshes beside the other tasks: what it learns from, its losses and gradients, on both engines. */

import { hintOf } from "@retinaface-webgpu/mesh";
import { type Device, noGrad, optim, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  applyFreeze,
  BatchImages,
  checkSettings,
  createSampler,
  initialiseNetwork,
  MESH_LOSSES,
  meshTargets,
  objectiveOf,
  type Sample,
  Trainer,
  type TrainerOptions,
  trainerOptions,
} from "@retinaface-webgpu/train";
import {
  DEFAULT_CONFIG,
  inferNetwork,
  MESH_HEAD,
  OptionError,
  priorBoxes,
  RETINAFACE_HEADS,
  type RetinaFaceNetwork,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertAlike, largestOf, numbersOf } from "../support/alike.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";
import { useWasmHost } from "../support/wasm-host.js";

const gpu = useDevice(test);
const host = useWasmHost(test);

const SIDE = 96;
const CONFIG = { ...DEFAULT_CONFIG, heads: [...RETINAFACE_HEADS, MESH_HEAD] };
const SHAPE = { backbone: "mobilenet0.25", width: 1 / 16, channels: 8 } as const;
/** Fewer faces than the batch has, drawn small. */
const MESH = { faces: 3, pixels: 16 };

const networkOn = (device: Device) =>
  initialiseNetwork(device, { config: CONFIG, network: SHAPE, seed: 5 });

/** Two images, each with one labelled face of half the side and a made-up head. */
async function samples(): Promise<Sample[]> {
  const { image } = makeSample(new Random(4), SIDE, 1);
  const box = [2, 2, 30, 30];
  const marks = [10, 10, 22, 10, 16, 17, 11, 23, 21, 23];
  const record = {
    id: "one",
    image: async () => ({ ...image, data: image.data.slice() }),
    boxes: Float32Array.from(box),
    landmarks: Float32Array.from(marks),
    labels: ["face"],
    ignored: new Uint8Array(1),
  };
  const augment = {
    ...{ size: SIDE, crop: null, mirror: 0, distort: false, resample: ["linear"] as const },
    heads: 2,
  };
  const sampler = createSampler({ records: [record, record], augment, seed: 4 });
  return Promise.all(
    [0, 1].map(async (index) => {
      const loaded = await sampler.load({ epoch: 0, index });
      assert.ok("sample" in loaded, JSON.stringify(loaded));
      return (loaded as { sample: Sample }).sample;
    }),
  );
}

test("made-up heads lie where no face is, are known whole, and are the same of the same seed", async () => {
  const [first, second] = await samples();
  const [again] = await samples();
  assert.equal(again, first);
  assert.not.equal(first.meshes![0].vertices, second.meshes![0].vertices);
  assert.equal([...first.ignored], [0, ...first.meshes!.map(() => 1)]);
  assert.equal(first.landmarks.length, first.ignored.length * 10);
  const boxOf = (f: number) => [...first.boxes.subarray(4 * f, 4 * f + 4)];
  for (const { face, places, vertices } of first.meshes!) {
    assert.is(vertices.length, 468 * 3);
    const [x1, y1, x2, y2] = boxOf(face);
    const [a, b, c, d] = boxOf(0);
    assert.ok(x1 >= c || y1 >= d || x2 <= a || y2 <= b, "it hides a face");
    const xs = places.filter((_, i) => i % 2 === 0);
    assert.is(Math.min(...xs), x1);
    assert.is(Math.max(...xs), x2);
    assert.ok(Math.min(x1, y1) >= 0 && Math.max(x2, y2) <= 1);
  }
});

test("targets: large faces in turn, photographs in their squares, places relative to these", async () => {
  const all = await samples();
  const map = { rows: 12, columns: 12, stride: 8 };
  const targets = meshTargets(all, map, MESH);
  assertClose(targets.knownWeights, [1.5, 0, 1.5], {});
  assertClose(targets.landmarkWeights, [1, 1, 1], {});
  // The labelled face, which has no area to spare: its box is [2, 2, 30, 30], the square [−1.5, −1.5] of 35.
  const expected = [10, 10, 22, 10, 16, 17, 11, 23, 21, 23].map((v) => (v + 1.5) / 35);
  assertClose(targets.landmarks.subarray(10, 20), expected, { atol: 1e-5 });
  assertClose(targets.hints.subarray(10, 20), hintOf(expected), { atol: 1e-4 });
  const perFace = MESH.pixels ** 2;
  const seen = targets.seen.subarray(perFace, 2 * perFace);
  assert.is(seen[0], 0);
  assert.is(seen[perFace - 1], 1);
  const middle = (8 * MESH.pixels + 8) * 3;
  assert.ok(targets.photo[perFace * 3 + middle] > 0.05);
  const { rows, columns } = map;
  const [least, most] = [Math.min, Math.max].map((f) => f(...targets.cells.subarray(512, 768)));
  assert.ok(least >= rows * columns && most < 2 * rows * columns, "cells of the second image");
  const jitter = { ...MESH, jitter: 0.05 };
  const [moved, again] = [0, 1].map(() => meshTargets(all, map, jitter));
  assert.equal(moved, again);
  const away = moved.landmarks.map((v, i) => Math.abs(v - targets.landmarks[i]));
  assert.ok(away.some((v) => v > 1e-3) && away.every((v) => v < 0.1));
  const none = meshTargets(
    all.map((sample) => ({ ...sample, meshes: [], landmarks: sample.landmarks.map(() => NaN) })),
    map,
    MESH,
  );
  for (const weights of [none.seen, none.landmarkWeights, none.knownWeights, none.shares]) {
    assert.ok(weights.every((v) => v === 0));
  }
  const small = all.map((sample) => ({ ...sample, boxes: sample.boxes.map((v) => v / 4) }));
  assert.ok(meshTargets(small, map, MESH).seen.every((v) => v === 0));
});

/** Losses of a batch eagerly, as numbers, with the network as in inference. */
async function lossesOf(network: RetinaFaceNetwork, batch: readonly Sample[], backward: boolean) {
  const device = gpu();
  const objective = objectiveOf(device, network, optionsOf({}).match, optionsOf({}).loss);
  const images = new BatchImages(device);
  images.upload(batch);
  const priors = priorBoxes(SIDE, SIDE, CONFIG.anchors);
  const run = () =>
    tidy(() => {
      const input = tensor(device, new Float32Array(batch.length * SIDE * SIDE * 3), images.shape);
      images.fill(input);
      const parts = objective.loss(network.forward(input), { samples: batch, images, priors });
      if (backward) parts.total.backward();
      return parts;
    });
  const parts = backward ? run() : noGrad(run);
  const read: Record<string, number> = {};
  for (const [name, value] of Object.entries(parts)) read[name] = await value.item();
  objective.dispose?.();
  images.dispose();
  return read;
}

function optionsOf(options: Partial<TrainerOptions>, weights = {}): TrainerOptions {
  const settings = { ...plainSettings(SIDE, 0), config: CONFIG, weightDecay: 0, fixedNorm: true };
  const own = trainerOptions(settings, 10);
  const loss = { ...own.loss, mesh: MESH, weights: { ...own.loss.weights, ...weights } };
  return { ...own, loss, ...options };
}

test("gradients of the branch's losses are their finite differences", async () => {
  const network = networkOn(gpu()).eval();
  const batch = await samples();
  const named = new Map(network.namedParameters());
  const random = new Random(9);
  // The light moves no triangle: only there has L_pixel no steps. Its rows are the last of the branch's numbers.
  const cases: [loss: string, path: string, first: number, step: number][] = [
    ["pixel", "MeshHead.numbers.bias", MESH_HEAD.width - 6, 3e-2],
    ["vertices", "MeshHead.decoder.head.weight", 0, 1e-3],
    ["edges", "MeshHead.decoder.head.weight", 0, 1e-3],
    ["places", "MeshHead.hidden.weight", 0, 1e-3],
    ["meshLandmarks", "MeshHead.hidden.bias", 0, 1e-3],
  ];
  assert.equal(cases.map(([name]) => name).sort(), [...MESH_LOSSES].sort());
  const off = { classes: 0, boxes: 0, landmarks: 0 };
  for (const [name, path, first, step] of cases) {
    const parameter = named.get(path)!;
    const values = Float32Array.from((await parameter.data()) as Float32Array);
    const direction = values.map((_, i) => (i < first ? 0 : random.normals(1)[0]));
    const length = Math.sqrt(direction.reduce((sum, d) => sum + d * d, 0));
    const zeros = Object.fromEntries(MESH_LOSSES.map((each) => [each, each === name ? 1 : 0]));
    const own = { ...off, ...zeros };
    const analytic = await gradientAlong(network, batch, own, path, direction);
    const moved = async (by: number) => {
      parameter.write(values.map((v, i) => v + (by * direction[i]) / length));
      return (await lossesOf(network, batch, false))[name];
    };
    const numeric = (((await moved(step)) - (await moved(-step))) / (2 * step)) * length;
    parameter.write(values);
    assert.ok(Math.abs(analytic) > 1e-4, `${name} does not depend on ${path}: ${analytic}`);
    assertClose([analytic], [numeric], { rtol: 0.03, atol: 1e-3, what: `${name} along ${path}` });
  }
  network.dispose();
});

/** The derivative of a weighed total along a direction of one parameter. */
async function gradientAlong(
  network: RetinaFaceNetwork,
  batch: readonly Sample[],
  weights: Record<string, number>,
  path: string,
  direction: Float32Array,
): Promise<number> {
  const parameter = new Map(network.namedParameters()).get(path)!;
  const optimizer = new optim.SGD([...network.parameters()], { lr: 1 });
  const device = gpu();
  const options = optionsOf({}, weights);
  const objective = objectiveOf(device, network, options.match, options.loss);
  const images = new BatchImages(device);
  images.upload(batch);
  tidy(() => {
    const input = tensor(device, new Float32Array(batch.length * SIDE * SIDE * 3), images.shape);
    images.fill(input);
    const priors = priorBoxes(SIDE, SIDE, CONFIG.anchors);
    objective.loss(network.forward(input), { samples: batch, images, priors }).total.backward();
  });
  const gradient = await parameter.grad!.data();
  optimizer.zeroGrad();
  objective.dispose?.();
  images.dispose();
  optimizer.dispose();
  return direction.reduce((sum, d, i) => sum + d * gradient[i], 0);
}

test("a step is the same eagerly, compiled, and by WebAssembly; others' losses are as without the branch", async () => {
  const batch = await samples();
  const made = [
    { device: gpu(), compiled: false },
    { device: gpu(), compiled: true },
    { device: host()!, compiled: true },
  ].map(({ device, compiled }) => {
    const network = networkOn(device);
    return { network, trainer: new Trainer(device, network, optionsOf({ compiled })) };
  });
  const results = [];
  for (const { trainer } of made) {
    await trainer.step([batch]);
    const [losses] = await trainer.losses();
    results.push({ losses, state: await trainer.state() });
  }
  const [expected, ...others] = results;
  for (const name of MESH_LOSSES) assert.ok(expected.losses[name] > 0, name);
  const gradients = expected.state.optimizer.tensors;
  const most = Math.max(...[...gradients.values()].map(({ data }) => largestOf(numbersOf(data))));
  for (const [i, { losses, state }] of others.entries()) {
    const what = ["compiled", "WebAssembly"][i];
    // Of few pixels one at an edge may show another triangle.
    const { pixel, ...rest } = losses;
    const { pixel: drawn, ...known } = expected.losses;
    assertClose(Object.values(rest), Object.values(known), { rtol: 2e-4, what });
    assertClose([pixel], [drawn], { rtol: 0.02, what: `${what}: pixel` });
    assertAlike(state.optimizer.tensors, gradients, { part: 1e-2, floor: 1e-4 * most, what });
  }
  const plain = initialiseNetwork(gpu(), { config: DEFAULT_CONFIG, network: SHAPE, seed: 5 });
  const state = await made[0].network.stateDict();
  assert.ok(plain.mesh === undefined && [...state.keys()].some((name) => /^MeshHead/.test(name)));
  plain.dispose();
  for (const { network, trainer } of made) {
    trainer.dispose();
    network.dispose();
  }
});

test("the branch trains a mesh towards what is known", async () => {
  const batch = await samples();
  const network = networkOn(host()!);
  const options = optionsOf({
    frozen: [...network.parts().map(({ name }) => name), "heads"],
    optimizer: (parameters) => new optim.AdamW([...parameters], { lr: 2e-3 }),
  });
  const trainer = new Trainer(host()!, network, options);
  const before = await network.stateDict();
  const seen: Record<string, number>[] = [];
  for (let step = 0; step < 12; step++) {
    await trainer.step([batch]);
    if (trainer.mustRead || step === 11) seen.push(...(await trainer.losses()));
  }
  const [first, last] = [seen[0], seen[seen.length - 1]];
  for (const name of ["places", "meshLandmarks"]) {
    assert.ok(last[name] < 0.9 * first[name], `${name}: ${first[name]}, then ${last[name]}`);
  }
  const after = await network.stateDict();
  const changed = [...after].filter(
    ([name, { data }]) => `${data}` !== `${before.get(name)!.data}`,
  );
  assert.ok(changed.length > 10 && changed.every(([name]) => name.startsWith("MeshHead.")));
  trainer.dispose();
  network.dispose();
});

test("weights tell that they have the branch; fine-tuning may add it; wrong use is an error", async () => {
  const network = networkOn(gpu());
  const state = await network.stateDict();
  assert.equal(inferNetwork(state).heads, CONFIG.heads);
  const without = new Map([...state].filter(([name]) => !name.startsWith("MeshHead.")));
  assert.is(inferNetwork(without).heads, undefined);
  const tuned = initialiseNetwork(gpu(), {
    config: CONFIG,
    pretrained: { state: without, config: DEFAULT_CONFIG },
    seed: 5,
  });
  assertAlike(await tuned.stateDict(), without, { part: 0 });
  assert.ok(tuned.mesh);
  const plain = initialiseNetwork(gpu(), { config: DEFAULT_CONFIG, network: SHAPE, seed: 5 });
  assert.throws(
    () => applyFreeze(plain, ["heads"], true),
    (e: unknown) => e instanceof OptionError && /--mesh/.test(e.message),
  );
  for (const each of [network, tuned, plain]) each.dispose();
  const settings = plainSettings(SIDE, 0);
  const fails = (more: object, message: RegExp) =>
    assert.throws(
      () => checkSettings({ ...settings, ...more }),
      (e: unknown) => e instanceof OptionError && message.test(e.message),
    );
  fails({ meshHeads: 1 }, /the network has none/);
  fails({ meshHeads: -1, config: CONFIG }, /whole number/);
  fails({ meshHeads: 1, config: CONFIG, imageSize: 32 }, /at least 64 pixels/);
  fails({ lossWeights: { pixel: 1 } }, /no loss "pixel"/);
  checkSettings({ ...settings, lossWeights: { pixel: 1 }, meshHeads: 1, config: CONFIG });
});

test.run();

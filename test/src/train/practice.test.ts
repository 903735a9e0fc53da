/** Learning rates by part, weights of losses, switches of the augmentation, losses in validation. */
import { nn } from "@retinaface-webgpu/tensor";
import {
  augmentOf,
  checkSettings,
  parseLrFactors,
  parseNamedNumbers,
  type Sample,
  type Sampler,
  Trainer,
  type TrainSettings,
  trainerOptions,
  trainingAugment,
  validationLoss,
} from "@retinaface-webgpu/train";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);
const SIZE = 64;
const SHAPE = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;
const plain: TrainSettings = { ...plainSettings(SIZE, 0), momentum: 0, weightDecay: 0, clip: 0 };
const isOption = (pattern: RegExp) => (e: unknown) =>
  (e as { code?: string }).code === "OPTION_INVALID" && pattern.test((e as Error).message);

function samplesOf(count: number): Sample[] {
  const random = new Random(8);
  return Array.from({ length: count }, () => makeSample(random, SIZE, 2));
}

/** Runs one step and gives losses and by how much each parameter moved. */
async function stepWith(changes: Partial<TrainSettings>) {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 5), SHAPE);
  const trainer = new Trainer(device(), network, trainerOptions({ ...plain, ...changes }, 10));
  const before = await network.stateDict();
  await trainer.step([samplesOf(2)]);
  const [losses] = await trainer.losses();
  const moved = new Map<string, Float64Array>();
  const after = await network.stateDict();
  for (const [name] of network.namedParameters()) {
    const [a, b] = [before, after].map((state) => state.get(name)!.data as Float32Array);
    moved.set(
      name,
      Float64Array.from(a, (value, i) => b[i] - value),
    );
  }
  trainer.dispose();
  network.dispose();
  return { losses, moved };
}

const size = (values: Float64Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

test("parts move by their factor of the learning rate; the log shows the run's", async () => {
  const fixed = { fixedNorm: true, lr: 1e-2, warmup: 0, schedule: "constant" } as const;
  const same = await stepWith(fixed);
  const lrFactors = parseLrFactors("backbone=0.25,stage2=0.5,heads=2");
  const rated = await stepWith({ ...fixed, lrFactors });
  assert.is(rated.losses.total, same.losses.total);
  assert.is(rated.losses.learningRate, same.losses.learningRate);
  const expected: Record<string, number> = { body: 0.25, fpn: 1, ssh: 1 };
  let checked = 0;
  for (const [name, values] of same.moved) {
    const unit = name.split(".")[0].replace(/\d+$/, "");
    const isStage2 = name.startsWith("body.stage2");
    const factor = isStage2 ? 0.5 : (expected[unit] ?? 2);
    if (size(values) < 1e-5) continue;
    const ratio = size(rated.moved.get(name)!) / size(values);
    assert.ok(Math.abs(ratio - factor) < 0.02 * factor, `${name}: ${ratio}, not ${factor}`);
    checked++;
  }
  assert.ok(checked > 30, `${checked} parameters moved`);
});

test("weights of losses make the total, and one without a loss is refused", async () => {
  const { losses } = await stepWith({ lossWeights: { boxes: 5, landmarks: 0 } });
  assertClose([losses.total], [losses.classes + 5 * losses.boxes], { rtol: 1e-6 });
  assert.throws(
    () => checkSettings({ ...plain, lossWeights: { box: 1 } }),
    isOption(/no loss "box".*classes, boxes, landmarks/),
  );
});

test("lists of numbers and factors are read, or refused with what is wrong", () => {
  assert.equal(parseNamedNumbers("a=1, b=0.5", "weights"), { a: 1, b: 0.5 });
  for (const text of ["", "a", "a=", "a=x", "a=-1", "a=1=2", "=1"])
    assert.throws(() => parseNamedNumbers(text, "weights"), isOption(/write NAME=NUMBER/));
  assert.throws(() => parseNamedNumbers("a=1,a=2", "weights"), isOption(/name a twice/));
  assert.equal(parseLrFactors("stem=1,backbone=0.1", ["stem", "stage1", "fpn", "ssh"]), {
    stem: 1,
    stage1: 0.1,
  });
  assert.throws(() => parseLrFactors("neck=1"), isOption(/no part "neck".*stem, .*heads/));
  assert.throws(() => parseLrFactors("fpn=0"), isOption(/does not train is frozen/));
});

test("switches of the augmentation leave the rest as published", () => {
  const published = trainingAugment(SIZE);
  assert.equal(augmentOf({ ...plain, augment: true }), published);
  const of = (augmentation: TrainSettings["augmentation"]) =>
    augmentOf({ ...plain, augment: true, augmentation });
  assert.equal(of({ crop: null }), { ...published, crop: null });
  assert.equal(of({ crop: [0.5, 0.75] }).crop, { minScale: 0.5, maxScale: 0.75, whole: 0 });
  assert.equal(of({ mirror: 0, distort: false }), { ...published, mirror: 0, distort: false });
});

test("losses in validation are those of a step before it changed anything", async () => {
  const samples = samplesOf(3);
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 5), SHAPE);
  const weights = await network.stateDict();
  const settings = { ...plain, fixedNorm: true };
  const options = trainerOptions(settings, 10);
  const sampler: Sampler = {
    concurrency: 1,
    load: async (job) =>
      job.index === 1
        ? { job, problem: { file: "broken", message: "" } }
        : { job, sample: samples[job.index > 1 ? job.index - 1 : 0] },
    close: async () => {},
  };
  const input = { network: network.config, weights, options, sampler, count: 4, batchSize: 2 };
  const found = await validationLoss(device(), input);
  const trainer = new Trainer(device(), network, options);
  const losses: Record<string, number>[] = [];
  for (const batch of [samples.slice(0, 2), samples.slice(2)]) {
    trainer.load({ ...(await trainer.state()), step: 0, network: weights });
    await trainer.step([batch]);
    losses.push(...(await trainer.losses()));
  }
  for (const name of ["total", "classes", "boxes", "landmarks"]) {
    const mean = (losses[0][name] * 2 + losses[1][name]) / 3;
    assertClose([found[name]], [mean], { rtol: 1e-5, what: name });
  }
  assert.equal(await validationLoss(device(), { ...input, count: 0 }), {});
  trainer.dispose();
  network.dispose();
});

test.run();

/** A trainer's compiled steps against its eager ones: the same network, data and settings. */
import { nn, type StateDict } from "@retinaface-webgpu/tensor";
import {
  type Sample,
  Trainer,
  type TrainerOptions,
  type TrainSettings,
  trainerOptions,
} from "@retinaface-webgpu/train";
import {
  type NetworkConfig,
  OBJECTNESS_HEAD,
  publishedConfig,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertAlike, largestOf, numbersOf } from "../support/alike.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);

const MOBILE = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;

interface Case {
  readonly name: string;
  readonly network?: NetworkConfig;
  readonly settings?: Partial<TrainSettings>;
  readonly size?: number;
  /** Images of each batch of a step. */
  readonly batches: readonly number[];
  /** Default 2. */
  readonly steps?: number;
  /** What rounding may leave of weights whose gradients cancel; default 0. */
  readonly cancels?: number;
}

function makeTrainer(
  { network = MOBILE, settings = {}, size = 64 }: Pick<Case, "network" | "settings" | "size">,
  options: Partial<TrainerOptions>,
) {
  const student = new RetinaFaceNetwork(nn.Init.seeded(device(), 5), network);
  const own = { ...plainSettings(size, 0), weightDecay: 0, ...settings };
  const trainer = new Trainer(device(), student, { ...trainerOptions(own, 10), ...options });
  const dispose = () => {
    trainer.dispose();
    student.dispose();
  };
  return { trainer, dispose };
}

/** Batches of an optimizer step; in each the last face but one is ignored. */
function stepOf(sizes: readonly number[], size: number, seed: number): Sample[][] {
  const random = new Random(seed);
  return sizes.map((count) =>
    Array.from({ length: count }, () => {
      const sample = makeSample(random, size, 3);
      sample.ignored[1] = 1;
      return sample;
    }),
  );
}

const cases: Case[] = [
  { name: "one image", batches: [1] },
  { name: "light, three images", network: { backbone: "light", channels: 16 }, batches: [3] },
  { name: "eight images", batches: [8] },
  {
    name: "focal loss, SimOTA, AdamW, clipping, average",
    settings: {
      ...{ classification: "focal", assignment: "simota" },
      ...{ optimizer: "adamw", clip: 1, ema: 0.9, weightDecay: 0.01 },
    },
    batches: [2],
  },
  {
    name: "objectness, separable, SimOTA, EIoU",
    network: { ...MOBILE, heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD], separable: true },
    settings: { classification: "objectness", assignment: "simota", boxLoss: "eiou" },
    batches: [2],
  },
  { name: "three batches a step", settings: { clip: 5, preset: "paper" }, batches: [2, 2, 2] },
  { name: "frozen start", settings: { freeze: ["stem", "stage1"], clip: 1 }, batches: [2] },
  { name: "frozen in the middle", settings: { freeze: ["stage2"] }, batches: [2] },
  { name: "fixed batch norm", settings: { fixedNorm: true, lr: 1e-4 }, batches: [2] },
  {
    name: "ResNet-50",
    network: { backbone: "resnet50", channels: 16 },
    size: 32,
    settings: { lr: 1e-4 },
    batches: [2],
    steps: 1,
  },
  {
    name: "RFB, frozen start",
    network: { backbone: "rfb" },
    settings: { lr: 1e-4, config: publishedConfig("rfb"), freeze: ["stem"] },
    batches: [2],
    steps: 1,
    // Its 1×1 convolution without activation leads from one batch norm to another: shifts have no gradient.
    cancels: 1e-11,
  },
  {
    name: "ResNet-50, frozen start, varifocal loss, DIoU, ATSS",
    network: { backbone: "resnet50", channels: 16 },
    size: 32,
    settings: {
      ...{ lr: 1e-4, freeze: ["stem", "stage1", "stage2"] },
      ...{ classification: "varifocal", boxLoss: "diou", assignment: "atss" },
    },
    batches: [3],
    steps: 1,
  },
];

/** Pictures are small here: batch norm's coarsest maps have few values. */
const isOfFewValues = (notice: string) => /fixedNorm/.test(notice);

/**
 * What compiled and eager training may differ by: 1e-5 of each tensor's largest value. The scale before another batch norm
 * has no gradient: `floor` is for what rounding leaves of it.
 */
const alike = (what: string, floor?: number) => ({ part: 1e-5, floor, what });

for (const each of cases) {
  test(`compiled and eager training agree: ${each.name}`, async () => {
    const refused = (notice: string) => {
      if (!isOfFewValues(notice)) assert.unreachable(notice);
    };
    const eager = makeTrainer(each, { compiled: false });
    const compiled = makeTrainer(each, { onNotice: refused });
    for (let i = 0; i < (each.steps ?? 2); i++) {
      const step = stepOf(each.batches, each.size ?? 64, i);
      for (const { trainer } of [eager, compiled]) await trainer.step(step);
      const [expected] = await eager.trainer.losses();
      const [actual] = await compiled.trainer.losses();
      assert.equal(Object.keys(actual), Object.keys(expected));
      const what = `losses of step ${i}`;
      // What an update has changed differs by its rounding too.
      const rtol = i === 0 ? 1e-5 : 3e-5;
      assertClose(Object.values(actual), Object.values(expected), { rtol, what });
      if (i > 0) continue;
      const [a, b] = [await compiled.trainer.state(), await eager.trainer.state()];
      // After one step the optimizer's memory is the gradients.
      const gradients = [...b.optimizer.tensors.values()].map(({ data }) =>
        largestOf(numbersOf(data)),
      );
      assertAlike(
        a.optimizer.tensors,
        b.optimizer.tensors,
        alike("gradient", 1e-7 * largestOf(gradients)),
      );
      assertAlike(a.network, b.network, alike("network", each.cancels));
      if (b.average) assertAlike(a.average!.weights, b.average.weights, alike("average"));
    }
    for (const { dispose } of [eager, compiled]) dispose();
  });
}

for (const [compiled, freeze] of [
  [true, []],
  [false, ["stem", "stage1"]],
] as const) {
  const what = compiled ? "compiled" : "eager, frozen start";
  test(`activations computed anew give what kept ones give: ${what}`, async () => {
    const states: StateDict[] = [];
    const losses: unknown[] = [];
    for (const recompute of [false, true]) {
      const made = makeTrainer(
        { settings: { freeze, recompute, clip: 1 }, size: 32 },
        { compiled },
      );
      await made.trainer.step(stepOf([2], 32, 0));
      const [{ gradientNorm: _, ...named }] = await made.trainer.losses();
      losses.push(named);
      states.push((await made.trainer.state()).network);
      made.dispose();
    }
    assert.equal(losses[1], losses[0]);
    assertAlike(states[1], states[0], alike("network"));
  });
}

test("several shapes in one run; where each batch has its own, training goes on eagerly", async () => {
  const notices: string[] = [];
  const eager = makeTrainer({}, { compiled: false });
  const onNotice = (text: string) => {
    if (!isOfFewValues(text)) notices.push(text);
  };
  const mixed = makeTrainer({}, { onNotice });
  const run = async (sizes: readonly number[]) => {
    for (const [i, size] of sizes.entries()) {
      const step = stepOf([1], size, i);
      for (const { trainer } of [eager, mixed]) await trainer.step(step);
      const [[expected], [actual]] = [await eager.trainer.losses(), await mixed.trainer.losses()];
      assertClose([actual.total], [expected.total], { rtol: 1e-4, what: `${size} px, step ${i}` });
    }
  };
  await run([32, 40, 32, 40]);
  assert.equal(notices, []);
  await run([33, 34, 35, 36, 37, 38, 39, 41, 42]);
  assert.is(notices.length, 1);
  assert.match(notices[0], /shape of its own/);
  for (const { dispose } of [eager, mixed]) dispose();
});

test.run();

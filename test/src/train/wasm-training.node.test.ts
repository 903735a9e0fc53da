/** The trainer on the WebAssembly engine against the trainer on WebGPU: the same network, data and settings. */
import { type Device, nn, type StateDict } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  type Sample,
  Trainer,
  type TrainerOptions,
  type TrainerState,
  type TrainSettings,
  trainerOptions,
} from "@retinaface-webgpu/train";
import {
  type NetworkConfig,
  OBJECTNESS_HEAD,
  OptionError,
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

const gpu = useDevice(test);
const engines: WasmEngine[] = [];
/** Devices of engines with one thread and with two. */
const hosts: Device[] = [];

test.before(async () => {
  for (const threads of [1, 2]) {
    const engine = await WasmEngine.create({ threads });
    engines.push(engine);
    hosts.push(await createHostDevice(engine));
  }
});

test.after(() => {
  for (const host of hosts) host.destroy();
  for (const engine of engines) engine.dispose();
});

const MOBILE = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;

interface Case {
  readonly name: string;
  readonly network?: NetworkConfig;
  readonly settings?: Partial<TrainSettings>;
  readonly size?: number;
  /** Images of each batch of a step. */
  readonly batches: readonly number[];
  /** Relative to each gradient's largest value; default 1e-5. */
  readonly tolerance?: number;
  /** By which weights may differ besides; default 1e-7. */
  readonly floor?: number;
}

function makeTrainer(
  device: Device,
  { network = MOBILE, settings = {}, size = 64 }: Partial<Case>,
  options: Partial<TrainerOptions> = {},
) {
  const student = new RetinaFaceNetwork(nn.Init.seeded(device, 5), network);
  const own = { ...plainSettings(size, 0), weightDecay: 0, ...settings };
  const trainer = new Trainer(device, student, { ...trainerOptions(own, 10), ...options });
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

/**
 * Statistics of few values make a step ill-conditioned: weights that differ by 1e-7 then change gradients by a percent,
 * on one engine as between two. ResNet-50's, at 32 to 96 pixels, differ from float64 on either engine by as much as float64
 * does from itself when every layer's values are disturbed by 1e-7: docs/compiled-training.md has the figures. So gradients
 * of all layers are compared with batch norm as in inference, where nothing amplifies; batch norm's own gradients, through
 * the statistics of a batch, in `wasm/step.node.test.ts`.
 */
const cases: Case[] = [
  { name: "three images", settings: { fixedNorm: true, lr: 1e-4 }, batches: [3] },
  {
    name: "varifocal loss, GIoU, SimOTA, AdamW, clipping, average, frozen parts",
    settings: {
      ...{
        classification: "varifocal",
        boxLoss: "giou",
        assignment: "simota",
        optimizer: "adamw",
        clip: 1,
        ema: 0.9,
        weightDecay: 0.01,
      },
      ...{ fixedNorm: true, freeze: ["stem", "stage1", "stage3"] },
    },
    batches: [2],
    // Adam divides a gradient by its own size, however small that is.
    floor: 1e-5,
  },
  {
    name: "objectness with a cascade",
    network: { ...MOBILE, heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD], cascade: true },
    settings: { classification: "objectness", boxLoss: "eiou", fixedNorm: true, lr: 1e-4 },
    batches: [2],
  },
  {
    name: "objectness, separable, SimOTA",
    network: { ...MOBILE, heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD], separable: true },
    settings: { classification: "objectness", assignment: "simota", fixedNorm: true, lr: 1e-4 },
    batches: [3],
  },
  {
    name: "three batches of an odd size a step, the paper's loss",
    settings: { clip: 5, preset: "paper", fixedNorm: true },
    size: 50,
    batches: [2, 1, 2],
  },
  { name: "statistics of the batch", batches: [3], tolerance: 1e-3 },
  {
    name: "ResNet-50",
    network: { backbone: "resnet50", channels: 16 },
    size: 32,
    settings: { lr: 1e-6, fixedNorm: true },
    batches: [2],
  },
];

for (const each of cases) {
  test(`a step is the same as on WebGPU: ${each.name}`, async () => {
    const step = stepOf(each.batches, each.size ?? 64, 1);
    const results: { losses: Record<string, number>; state: TrainerState }[] = [];
    for (const device of [gpu(), hosts[1]]) {
      const { trainer, dispose } = makeTrainer(device, each);
      await trainer.step(step);
      const [losses] = await trainer.losses();
      results.push({ losses, state: await trainer.state() });
      dispose();
    }
    const [expected, actual] = results;
    const tolerance = each.tolerance ?? 1e-5;
    assert.equal(Object.keys(actual.losses), Object.keys(expected.losses));
    assertClose(Object.values(actual.losses), Object.values(expected.losses), { rtol: 1e-5 });
    // After one step the optimizer's memory is the gradients.
    const gradients = expected.state.optimizer.tensors;
    const most = Math.max(...[...gradients.values()].map(({ data }) => largestOf(numbersOf(data))));
    assertAlike(actual.state.optimizer.tensors, gradients, {
      part: tolerance,
      floor: tolerance * 1e-1 * most,
    });
    const { floor = 1e-7 } = each;
    assertAlike(actual.state.network, expected.state.network, { part: tolerance, floor });
    const average = expected.state.average?.weights;
    if (average) assertAlike(actual.state.average!.weights, average, { part: tolerance, floor });
  });
}

/** The states after so many steps; with `stop`, of a trainer that went on from what was saved there. */
async function train(device: Device, steps: number, stop?: number): Promise<TrainerState> {
  const each = { settings: { clip: 5, ema: 0.9, optimizer: "adamw" as const } };
  let { trainer, dispose } = makeTrainer(device, each);
  for (let i = 0; i < steps; i++) {
    if (i === stop) {
      const saved = await trainer.state();
      dispose();
      ({ trainer, dispose } = makeTrainer(device, each));
      trainer.load(saved);
    }
    await trainer.step(stepOf([2], i % 3 === 2 ? 96 : 64, i));
    if (trainer.mustRead) await trainer.losses();
  }
  const state = await trainer.state();
  dispose();
  return state;
}

function assertSame(a: TrainerState, b: TrainerState): void {
  for (const part of ["network", "optimizer", "average"] as const) {
    const [one, other] = [a, b].map((state) => {
      const value = state[part]!;
      return "tensors" in value ? value.tensors : "weights" in value ? value.weights : value;
    });
    for (const [name, tensor] of one as StateDict) {
      assert.equal((other as StateDict).get(name)!.data, tensor.data, `${part} ${name}`);
    }
  }
}

test("one thread, two threads, and going on from a checkpoint give the same bits", async () => {
  const whole = await train(hosts[1], 8);
  assertSame(await train(hosts[1], 8, 4), whole);
  assertSame(await train(hosts[0], 8), whole);
});

test("each shape is compiled where there is no eager mode, and it is said once", async () => {
  const notices: string[] = [];
  const { trainer, dispose } = makeTrainer(
    hosts[1],
    {},
    { onNotice: (text) => notices.push(text) },
  );
  for (let i = 0; i < 11; i++)
    await trainer.step(stepOf([1], 33 + i, i)).then(() => trainer.losses());
  assert.is(notices.length, 1);
  assert.match(notices[0], /compiled anew/);
  dispose();
});

test("statistics of one or two values a channel are told once, and fixed ones not", async () => {
  for (const [fixedNorm, wanted] of [
    [false, 1],
    [true, 0],
  ] as const) {
    const notices: string[] = [];
    const each = { settings: { fixedNorm } };
    const { trainer, dispose } = makeTrainer(hosts[0], each, {
      onNotice: (text) => notices.push(text),
    });
    for (const count of [2, 1, 3]) {
      await trainer.step(stepOf([count], 32, count));
      await trainer.losses();
    }
    assert.is(notices.length, wanted, notices.join());
    if (wanted) assert.match(notices[0], /2 values.*fixedNorm/);
    dispose();
  }
});

test("what needs eager steps is refused", () => {
  const failed = (options: Partial<TrainerOptions>) => {
    try {
      makeTrainer(hosts[0], {}, options);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  for (const options of [
    { compiled: false },
    { objective: { loss: () => assert.unreachable() } },
  ]) {
    const error = failed(options as Partial<TrainerOptions>);
    assert.instance(error, OptionError);
    assert.match((error as Error).message, /train on WebGPU/);
  }
});

test.run();

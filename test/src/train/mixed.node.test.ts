/** Training with mixed precision beside training in f32. */
import { Device, nn } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  readTrainingCheckpoint,
  type Sample,
  Trainer,
  type TrainerOptions,
  type TrainerState,
  type TrainSettings,
  trainerOptions,
  writeTrainingCheckpoint,
} from "@retinaface-webgpu/train";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { halfTest } from "../support/half.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);
const SIZE = 48;

function makeTrainer(
  options: Partial<TrainerOptions> = {},
  settings: Partial<TrainSettings> = {},
  on = device(),
) {
  const shape = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;
  const network = new RetinaFaceNetwork(nn.Init.seeded(on, 5), shape);
  const own = { ...plainSettings(SIZE, 10), lr: 1e-3, ema: 0.9, ...settings };
  const base = { ...trainerOptions(own, 20), precision: "mixed", ...options } as const;
  const made: { trainer?: Trainer } = {};
  try {
    made.trainer = new Trainer(on, network, base);
  } catch (error) {
    network.dispose();
    throw error;
  }
  const { trainer } = made;
  return {
    trainer,
    dispose: () => {
      trainer.dispose();
      network.dispose();
    },
  };
}

function batch(step: number, count = 2): Sample[] {
  const random = new Random(step);
  return Array.from({ length: count }, () => makeSample(random, SIZE, 3));
}

async function stepOn(trainer: Trainer, step: number, batches = 1) {
  await trainer.step(Array.from({ length: batches }, (_, i) => batch(step * 10 + i)));
  return (await trainer.losses())[0];
}

function assertSame(a: TrainerState, b: TrainerState): void {
  assert.equal(a.scaler, b.scaler);
  const pairs = [
    [a.network, b.network],
    [a.optimizer.tensors, b.optimizer.tensors],
    [a.average!.weights, b.average!.weights],
  ];
  for (const [one, other] of pairs) {
    for (const [name, { data }] of one) assert.equal(other.get(name)!.data, data, name);
  }
}

/** Statistics of the few values of small images amplify whatever rounds: these are compared loosely, and fixed ones closely. */
const curves = [
  { fixedNorm: true, lr: 1e-2, steps: 4, losses: 0.003, norms: 0.03 },
  { fixedNorm: false, lr: 1e-4, steps: 2, losses: 0.02, norms: 0.5 },
];

halfTest(test, "losses go down as in f32, and nothing but rounding differs", async () => {
  for (const { steps, losses, norms, ...settings } of curves) {
    const [mixed, full] = (["mixed", "f32"] as const).map((precision) =>
      makeTrainer({ precision, lossScaling: { initScale: 64 } }, settings),
    );
    const totals: number[] = [];
    for (let i = 0; i < steps; i++) {
      const [a, b] = [await stepOn(mixed.trainer, 0), await stepOn(full.trainer, 0)];
      const told = `step ${i}: ${a.total}, ${b.total}, norms ${a.gradientNorm}, ${b.gradientNorm}`;
      assert.ok(Math.abs(a.total / b.total - 1) < losses, told);
      assert.ok(Math.abs(a.gradientNorm / b.gradientNorm - 1) < norms, told);
      assert.is.not(a.total, b.total, "f16 rounds");
      assert.is(a.lossScale, 64);
      assert.is(b.lossScale, undefined);
      totals.push(a.total);
    }
    if (settings.fixedNorm) assert.ok(totals[steps - 1] < totals[0], `${totals}`);
    for (const each of [mixed, full]) each.dispose();
  }
});

halfTest(
  test,
  "a step that overflows is left out and halves the scale, eager and compiled",
  async () => {
    const settings = { optimizer: "adamw" } as const;
    for (const compiled of [true, false]) {
      const { trainer, dispose } = makeTrainer(
        { compiled, lossScaling: { initScale: 2 ** 16, backoffFactor: 1 / 64 } },
        settings,
      );
      const before = await trainer.state();
      const overflowed = await stepOn(trainer, 0, 2);
      assert.is(overflowed.gradientNorm, undefined);
      assert.ok(Number.isFinite(overflowed.total));
      const after = await trainer.state();
      assert.equal(after.scaler, { scale: 2 ** 10, growthTracker: 0 });
      assert.is(after.average!.updates, 0);
      assert.ok(
        [...after.optimizer.tensors].every(([, { data }]) => data.every((v) => Number(v) === 0)),
      );
      for (const [name, { data }] of before.network) {
        if (!/running|tracked/.test(name)) assert.equal(after.network.get(name)!.data, data, name);
      }
      for (let i = 1; i < 4; i++) await stepOn(trainer, i, 2);
      const { optimizer } = await trainer.state();
      const steps = [...optimizer.tensors].find(([name]) => name.endsWith(".step"))!;
      assert.ok(Number(steps[1].data[0]) > 0 && Number(steps[1].data[0]) < 4, "some steps count");
      dispose();
    }
  },
);

halfTest(test, "four steps equal two, a checkpoint and two more, to the bit", async () => {
  const options = { lossScaling: { initScale: 128, growthInterval: 2 } };
  let { trainer, dispose } = makeTrainer(options);
  const states: TrainerState[] = [];
  for (const resumed of [false, true]) {
    for (let i = 0; i < 4; i++) {
      if (resumed && i === 2) {
        const bytes = writeTrainingCheckpoint({ state: await trainer.state(), extra: null });
        dispose();
        ({ trainer, dispose } = makeTrainer(options));
        trainer.load(readTrainingCheckpoint(bytes).state);
      }
      await stepOn(trainer, i);
    }
    states.push(await trainer.state());
    dispose();
    if (!resumed) ({ trainer, dispose } = makeTrainer(options));
  }
  assert.is.not(states[0].scaler!.scale, 128);
  assertSame(states[0], states[1]);
  const full = makeTrainer({ precision: "f32" });
  throwsCode(() => full.trainer.load(states[0]), "OPTION_INVALID", /precision/);
  full.dispose();
});

test("without f16, and on processors, it says what there is", async () => {
  const plain = await Device.create({ features: [] });
  throwsCode(() => makeTrainer({}, {}, plain), "PRECISION_UNAVAILABLE", /shader-f16.*f32/);
  plain.destroy();
  const engine = await WasmEngine.create({ threads: 1 });
  const host = await createHostDevice(engine);
  throwsCode(() => makeTrainer({}, {}, host), "PRECISION_UNAVAILABLE", /f32.*WebGPU/);
  host.destroy();
  engine.dispose();
});

test.run();

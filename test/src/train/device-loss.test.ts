import { Device, nn, type StateDict } from "@retinaface-webgpu/tensor";
import {
  readTrainingCheckpoint,
  type Sample,
  Trainer,
  trainerOptions,
  writeTrainingCheckpoint,
} from "@retinaface-webgpu/train";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const SIZE = 32;

const settings = plainSettings(SIZE, 1);

const random = new Random(3);
const data: Sample[][] = Array.from({ length: 4 }, () => [
  makeSample(random, SIZE, 1),
  makeSample(random, SIZE, 2),
]);

function makeTrainer(device: Device, seed: number): Trainer {
  const shape = { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 } as const;
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, seed), shape);
  return new Trainer(device, network, trainerOptions(settings, 10));
}

const losses: [name: string, lose: (device: Device) => void][] = [
  ["destroyed", (d) => d.destroy()],
  ["lost", (d) => d.gpuDevice.destroy()],
];

/** The weights after all steps without an interruption. */
let expected: StateDict | undefined;

for (const [name, lose] of losses) {
  test(`a device ${name} in the middle of training: the run goes on from its checkpoint`, async () => {
    const doomed = await Device.create();
    const first = makeTrainer(doomed, 5);
    for (const samples of data.slice(0, 2)) await first.step([samples]);
    const saved = writeTrainingCheckpoint({ state: await first.state(), extra: {} });
    await first.step([data[2]]);
    const pending = first.losses();
    lose(doomed);
    await rejectsCode(pending, "DEVICE_LOST", /Device\.create/);
    await rejectsCode(first.step([data[3]]), "DEVICE_LOST");
    await rejectsCode(first.state(), "DEVICE_LOST");
    first.dispose();

    const fresh = await Device.create();
    const second = makeTrainer(fresh, 99);
    second.load(readTrainingCheckpoint(saved).state);
    for (const samples of data.slice(second.steps)) await second.step([samples]);
    expected ??= await uninterrupted(fresh);
    assert.equal((await second.state()).network, expected, "the same bits");
    fresh.destroy();
  });
}

async function uninterrupted(device: Device): Promise<StateDict> {
  const whole = makeTrainer(device, 5);
  for (const samples of data) await whole.step([samples]);
  return (await whole.state()).network;
}

test.run();

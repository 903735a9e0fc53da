#!/usr/bin/env node
// What a runtime must be able to do: `smoke.mjs [STEPS]` loads the package's own weights, detects the faces of its
// sample picture, trains the heads on them for STEPS steps (1) and ends by itself. It prints one line of JSON:
// the adapter, how many faces there are and the loss of each step.
import { readFile } from "node:fs/promises";
import { Device } from "@retinaface-webgpu/tensor";
import {
  createSampler,
  initialiseNetwork,
  parseFreeze,
  RecordBuilder,
  sampleBatches,
  Trainer,
  trainerOptions,
  trainingAugment,
} from "@retinaface-webgpu/train";
import {
  DEFAULT_CONFIG,
  RetinaFace,
  readCheckpoint,
  readCheckpointConfig,
  toRawImage,
} from "retinaface-webgpu";

const SEED = 1;
const IMAGE_SIZE = 128;
const BATCH_SIZE = 2;

const packageFile = (name) =>
  readFile(new URL(`../../packages/retinaface/${name}`, import.meta.url));

/** The sample picture with these faces as its labels, to the pixel: adapters differ in the last digits. */
function labelled(image, faces) {
  const { width, height } = image;
  const record = new RecordBuilder("sample", async () => image, { width, height });
  for (const { box } of faces) record.add({ box: box.map(Math.round), label: "face" });
  return record.build();
}

function headSettings(config) {
  return {
    preset: "pytorch",
    classification: "hard-negatives",
    imageSize: IMAGE_SIZE,
    batchSize: BATCH_SIZE,
    accumulate: 1,
    epochs: 1,
    optimizer: "sgd",
    lr: 0.001,
    momentum: 0.9,
    weightDecay: 5e-4,
    schedule: "constant",
    warmup: 0,
    clip: 10,
    ema: 0,
    freeze: parseFreeze("all"),
    fixedNorm: true,
    seed: SEED,
    augment: true,
    config,
  };
}

/** Trains the heads for some steps and gives the loss of each. */
async function trainHeads(device, weights, record, steps) {
  const config = { ...DEFAULT_CONFIG, ...readCheckpointConfig(weights) };
  const pretrained = { state: readCheckpoint(weights), config };
  const network = initialiseNetwork(device, { config, pretrained, seed: SEED });
  const trainer = new Trainer(device, network, trainerOptions(headSettings(config), steps));
  // A record a sample, so that a batch is two views of the one picture.
  const records = Array.from({ length: BATCH_SIZE }, () => record);
  const sampler = createSampler({ records, augment: trainingAugment(IMAGE_SIZE), seed: SEED });
  const start = { epoch: 0, position: 0 };
  const order = { count: records.length, batchSize: BATCH_SIZE, seed: SEED, start };
  const losses = [];
  for await (const { samples } of sampleBatches(sampler, order)) {
    await trainer.step([samples]);
    losses.push(...(await trainer.losses()));
    if (trainer.steps >= steps) break;
  }
  trainer.dispose();
  network.dispose();
  return losses.map(({ total }) => total);
}

const steps = Number(process.argv[2] ?? 1);
const [weights, image] = await Promise.all([
  packageFile("weights/default.safetensors"),
  packageFile("assets/sample.png").then(toRawImage),
]);
const device = await Device.create();
const detector = await RetinaFace.load({ weights, device });
const faces = await detector.detect(image);
const losses = await trainHeads(device, weights, labelled(image, faces), steps);
detector.dispose();
console.log(JSON.stringify({ adapter: device.adapter.name, faces: faces.length, losses }));
device.destroy();

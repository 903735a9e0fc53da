// Fine-tunes a detector: node examples/fine-tune.mjs DATA WEIGHTS OUT.safetensors [STEPS]
import { readFileSync, writeFileSync } from "node:fs";
import { Device, optim } from "@retinaface-webgpu/tensor";
import {
  initialiseNetwork,
  LOSS_PRESETS,
  MATCH_PRESETS,
  sampleBatches,
  Trainer,
  trainingAugment,
  writeModel,
} from "@retinaface-webgpu/train";
import { createWorkerSampler, defaultWorkers, loadDataset } from "@retinaface-webgpu/train/node";
import { readWeights } from "retinaface-webgpu";

const [data = "", weights = "", out = "", count = "200"] = process.argv.slice(2);
const steps = Number(count);
const { records, problems } = loadDataset(data);
console.log(`${records.length} photos, ${problems.length} problems`);

const device = await Device.create();
const { state, config } = readWeights(readFileSync(weights));
const network = initialiseNetwork(device, { config, pretrained: { state, config }, seed: 1 });
const trainer = new Trainer(device, network, {
  config,
  frozen: ["stem", "stage1"],
  fixedNorm: true,
  match: { ...MATCH_PRESETS.pytorch, variances: config.variances },
  loss: LOSS_PRESETS.pytorch,
  optimizer: (parameters) => new optim.AdamW(parameters, { lr: 3e-4, weightDecay: 5e-4 }),
  schedule: optim.linearWarmup(Math.round(steps / 10), optim.cosineLR(steps, 0.01)),
  clip: 10,
});

const sampler = createWorkerSampler(
  { records, augment: trainingAugment(256), seed: 1 },
  defaultWorkers(),
);
const order = { count: records.length, batchSize: 8, seed: 1, start: { epoch: 0, position: 0 } };
for await (const { samples } of sampleBatches(sampler, order)) {
  await trainer.step([samples]);
  const isLast = trainer.steps >= steps;
  if (isLast || trainer.mustRead) {
    for (const { step, total } of await trainer.losses()) console.log(step, total.toFixed(3));
  }
  if (isLast) break;
}
writeFileSync(out, writeModel(await network.stateDict(), config));

await sampler.close();
trainer.dispose();
network.dispose();
device.destroy();

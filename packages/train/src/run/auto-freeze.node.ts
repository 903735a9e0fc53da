import type { NetworkConfig } from "retinaface-webgpu";
import { createWorkerSampler } from "../augment/worker-sampler.node.js";
import type { FaceRecord } from "../data/record.js";
import { AUTO_FREEZE_BATCHES, type PartGradients, partGradients } from "../trainer/auto-freeze.js";
import type { BackboneWeights } from "../trainer/backbone-alone.js";
import { sampleBatches } from "../trainer/batches.js";
import { initialiseNetwork, type Pretrained } from "../trainer/initialise.js";
import type { TrainingBackend } from "../trainer/open-device.js";
import { augmentOf, type TrainSettings, trainerOptions } from "../trainer/settings.js";
import { recovering } from "./recover.js";

/** What is measured before a run decides what it freezes. */
export interface AutoFreezeInput extends TrainingBackend {
  /** Of the run. */
  readonly settings: TrainSettings;
  readonly records: readonly FaceRecord[];
  readonly workers: number;
  readonly pretrained?: Pretrained | undefined;
  readonly backbone?: BackboneWeights | undefined;
  readonly network: NetworkConfig;
  readonly onNotice: (text: string) => void;
}

/** The run's first batches, as it will see them itself, and then tell of images that cannot be used. */
async function firstBatches({ settings, records, workers }: AutoFreezeInput) {
  const { seed, batchSize } = settings;
  const sampler = createWorkerSampler({ records, augment: augmentOf(settings), seed }, workers);
  const start = { epoch: 0, position: 0 };
  const count = records.length;
  const batches = sampleBatches(sampler, { count, batchSize, seed, start });
  const taken = [];
  try {
    for await (const { samples } of batches) {
      taken.push(samples);
      if (taken.length === AUTO_FREEZE_BATCHES) break;
    }
  } finally {
    await batches.return();
    await sampler.close();
  }
  return taken;
}

/** The gradients that the run's first batches have at its weights, by part. */
export async function measureGradients(input: AutoFreezeInput): Promise<PartGradients> {
  const { settings, pretrained, backbone, network: shape, backend, threads, onNotice } = input;
  const batches = await firstBatches(input);
  return recovering({
    backend,
    threads,
    onNotice,
    savedStep: async () => undefined,
    work: async ({ device }) => {
      const network = initialiseNetwork(device, {
        ...{ config: settings.config, seed: settings.seed },
        ...{ pretrained, backbone, network: shape },
      });
      const options = { ...trainerOptions(settings, 1), onNotice };
      return partGradients(device, network, options, batches);
    },
  });
}

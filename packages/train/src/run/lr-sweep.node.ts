import { Device } from "@retinaface-webgpu/tensor";
import type { NetworkConfig } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import { createWorkerSampler } from "../augment/worker-sampler.node.js";
import type { FaceRecord, Problem } from "../data/record.js";
import { NonFiniteLossError } from "../errors.js";
import type { BackboneWeights } from "../trainer/backbone-alone.js";
import { sampleBatches } from "../trainer/batches.js";
import { initialiseNetwork, type Pretrained } from "../trainer/initialise.js";
import { isLost, type RatedLoss, sweepSchedule } from "../trainer/lr-find.js";
import { augmentOf, type TrainSettings, trainerOptions } from "../trainer/settings.js";
import { Trainer } from "../trainer/trainer.js";

/** What a sweep of learning rates works with. */
export interface LrSweepInput {
  /** Of the run that a rate is sought for; its `lr` is where the sweep begins. */
  readonly settings: TrainSettings;
  readonly to: number;
  readonly steps: number;
  readonly records: readonly FaceRecord[];
  readonly workers: number;
  readonly pretrained?: Pretrained | undefined;
  readonly backbone?: BackboneWeights | undefined;
  readonly network: NetworkConfig;
  readonly onLoss: (done: number, loss: RatedLoss) => void;
  readonly onProblem: (problem: Problem) => void;
  readonly onNotice: (text: string) => void;
}

/**
 * Trains with a learning rate that rises from step to step, until its end or until the loss is lost; the weights are thrown
 * away.
 */
export async function sweepLearningRate(input: LrSweepInput): Promise<RatedLoss[]> {
  const { settings, to, steps, records, onNotice } = input;
  const device = await Device.create();
  const sampler = createWorkerSampler(
    { records, augment: augmentOf(settings), seed: settings.seed },
    input.workers,
  );
  try {
    const { pretrained, backbone, network: shape } = input;
    const network = initialiseNetwork(device, {
      ...{ config: settings.config, seed: settings.seed },
      ...{ pretrained, backbone, network: shape },
    });
    const trainer = new Trainer(device, network, {
      ...trainerOptions(settings, steps),
      schedule: sweepSchedule(settings.lr, to, steps),
      onNotice,
    });
    const batches = sampleBatches(sampler, {
      count: records.length,
      batchSize: settings.batchSize,
      seed: settings.seed,
      start: { epoch: 0, position: 0 },
      onProblem: input.onProblem,
    });
    return await sweep(trainer, batches, input);
  } finally {
    await sampler.close();
    device.destroy();
  }
}

async function sweep(
  trainer: Trainer,
  batches: AsyncGenerator<{ readonly samples: readonly Sample[] }, void>,
  { settings, steps, onLoss }: LrSweepInput,
): Promise<RatedLoss[]> {
  const losses: RatedLoss[] = [];
  const read = async () => {
    try {
      for (const { learningRate: lr, total: loss } of await trainer.losses()) {
        losses.push({ lr, loss });
        onLoss(losses.length, { lr, loss });
      }
    } catch (error) {
      // The end of a sweep is what it looks for.
      if (error instanceof NonFiniteLossError) return true;
      throw error;
    }
    return isLost(losses);
  };
  let group: (readonly Sample[])[] = [];
  for await (const { samples } of batches) {
    group.push(samples);
    if (group.length < settings.accumulate) continue;
    await trainer.step(group);
    group = [];
    if (trainer.steps >= steps || trainer.mustRead) {
      if ((await read()) || trainer.steps >= steps) break;
    }
  }
  return losses;
}

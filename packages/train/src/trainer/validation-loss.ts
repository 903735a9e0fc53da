import {
  type Device,
  empty,
  isHostDevice,
  nn,
  noGrad,
  optim,
  type StateDict,
  type Tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import {
  type DetectorConfig,
  type NetworkConfig,
  priorBoxes,
  RetinaFaceNetwork,
} from "retinaface-webgpu";
import type { Sampler } from "../augment/loader.js";
import type { Sample } from "../augment/sample.js";
import type { ObjectiveInput } from "../objective/objective.js";
import { type LabelObjective, objectiveOf } from "../objective/of-network.js";
import { CompiledSteps } from "./compiled-steps.js";
import { BatchImages } from "./images.js";
import type { TrainerOptions } from "./trainer.js";

/** What a {@link validationLoss} is computed with. */
export interface ValidationLossInput {
  readonly network: NetworkConfig;
  /** The network's, averaged where the run averages them. */
  readonly weights: StateDict;
  readonly options: Pick<TrainerOptions, "match" | "loss"> & { readonly config: DetectorConfig };
  /** Of whole images, all of one size. */
  readonly sampler: Sampler;
  /** Images that the sampler has; those that cannot be read are left out. */
  readonly count: number;
  readonly batchSize: number;
}

async function* batchesOf({ sampler, count, batchSize }: ValidationLossInput) {
  let samples: Sample[] = [];
  for (let index = 0; index < count; index++) {
    const loaded = await sampler.load({ epoch: 0, index });
    if ("sample" in loaded) samples.push(loaded.sample);
    if (samples.length === batchSize || (index === count - 1 && samples.length > 0)) {
      yield samples;
      samples = [];
    }
  }
}

/** The losses of a batch by their names, recorded anew for each. */
async function lossesOfBatch(
  network: RetinaFaceNetwork,
  objective: LabelObjective,
  input: ObjectiveInput,
): Promise<[name: string, value: number][]> {
  const parts = tidy(() =>
    noGrad(() => {
      const image = empty(objective.device, input.images.shape);
      input.images.fill(image);
      return objective.loss(network.forward(image), input);
    }),
  );
  const read: [string, number][] = [];
  for (const [name, value] of Object.entries(parts)) {
    read.push([name, await value.item()]);
    value.dispose();
  }
  return read;
}

/**
 * The same on a device without a GPU, where only compiled steps run: those of a step that would train nothing but the
 * last bias, at a rate of 0.
 */
function compiledLosses(device: Device, network: RetinaFaceNetwork, objective: LabelObjective) {
  const bias = [...network.parameters()].at(-1)!;
  bias.requiresGrad = true;
  const optimizer = new optim.SGD([bias], { lr: 0 });
  const context = {
    ...{ device, objective, optimizer, average: undefined, clip: undefined },
    forward: ([image]: readonly Tensor[]) => network.forward(image),
  };
  const steps = new CompiledSteps(context, () => undefined);
  const place = { batch: 0, of: 1 };
  return {
    of: async (input: ObjectiveInput) => {
      const step = await steps.take({ ...input, place, prefix: undefined, mode: "validation" });
      step!.run();
      return Object.entries(await step!.read());
    },
    dispose: () => {
      steps.clear();
      optimizer.dispose();
    },
  };
}

/**
 * The training's losses, by their names, on images that do not train: the network in inference mode, images whole. Each is
 * the mean over batches, a batch counting by its images. Empty where no image could be read.
 */
export async function validationLoss(
  device: Device,
  input: ValidationLossInput,
): Promise<Record<string, number>> {
  const { match, loss, config } = input.options;
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, 1), input.network);
  const images = new BatchImages(device);
  const sums: Record<string, number> = {};
  let seen = 0;
  const objective = objectiveOf(device, network, match, loss);
  network.loadStateDict(input.weights);
  network.eval().requiresGrad(false);
  const compiled = isHostDevice(device) ? compiledLosses(device, network, objective) : undefined;
  const lossesOf = (given: ObjectiveInput) =>
    compiled ? compiled.of(given) : lossesOfBatch(network, objective, given);
  try {
    for await (const samples of batchesOf(input)) {
      images.upload(samples);
      const [, height, width] = images.shape;
      const priors = priorBoxes(height, width, config.anchors);
      const losses = await lossesOf({ samples, images, priors });
      for (const [name, value] of losses) sums[name] = (sums[name] ?? 0) + value * samples.length;
      seen += samples.length;
    }
    return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / seen]));
  } finally {
    compiled?.dispose();
    objective.dispose?.();
    images.dispose();
    network.dispose();
  }
}

import {
  type CompiledStep,
  compileStep,
  type Device,
  optim,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import { MATCH_PRESETS, matchPriors, multiBoxLoss, uploadTargets } from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, priorBoxes, type RetinaFaceNetwork } from "retinaface-webgpu";
import { randomValues } from "./random.js";

/** Two faces, as fractions of the image. */
const FACES = {
  boxes: Float32Array.of(0.1, 0.1, 0.3, 0.35, 0.55, 0.5, 0.7, 0.68),
  landmarks: Float32Array.from({ length: 20 }, (_, i) => (i < 10 ? 0.2 : 0.6)),
};

/** What training steps of random images with two faces take. */
export interface TrainingData {
  readonly image: Tensor;
  readonly targets: ReturnType<typeof uploadTargets>;
  dispose(): void;
}

export function trainingData(device: Device, batch: number, side: number): TrainingData {
  const values = randomValues(batch * side * side * 3, 1, 128);
  const image = tensor(device, values, [batch, side, side, 3]);
  const priors = priorBoxes(side, side, DEFAULT_CONFIG.anchors);
  const samples = Array.from({ length: batch }, () => FACES);
  const targets = uploadTargets(device, matchPriors(samples, priors, MATCH_PRESETS.pytorch), batch);
  const heads = Object.values(targets.heads).flatMap(({ values, weights }) => [values, weights]);
  return {
    image,
    targets,
    dispose: () => {
      for (const one of [image, targets.labels, ...heads]) one.dispose();
    },
  };
}

export function sgd(network: RetinaFaceNetwork): optim.SGD {
  return new optim.SGD(network.parameters(), { lr: 1e-3, momentum: 0.9, weightDecay: 5e-4 });
}

/** A compiled step with its data. */
export class CompiledTraining {
  readonly #device: Device;
  readonly #data: TrainingData;
  readonly #step: CompiledStep;

  private constructor(device: Device, data: TrainingData, step: CompiledStep) {
    this.#device = device;
    this.#data = data;
    this.#step = step;
  }

  static async create(
    device: Device,
    network: RetinaFaceNetwork,
    optimizer: optim.SGD,
    batch: number,
    side: number,
  ): Promise<CompiledTraining> {
    const data = trainingData(device, batch, side);
    const step = await compileStep(device, {
      inputs: {},
      losses: () => multiBoxLoss(network.forward(data.image), data.targets),
      optimizer,
    });
    return new CompiledTraining(device, data, step);
  }

  get stats(): CompiledStep["stats"] {
    return this.#step.stats;
  }

  /** Milliseconds of the host alone, until a step is submitted. */
  async host(): Promise<number> {
    await this.#device.sync();
    const start = performance.now();
    this.#step.run();
    return performance.now() - start;
  }

  /** Milliseconds that the host waits for the device, from a step's submission until it is done. */
  async waiting(): Promise<number> {
    this.#step.run();
    const submitted = performance.now();
    await this.#device.sync();
    return performance.now() - submitted;
  }

  /** Milliseconds of a whole step. */
  async step(): Promise<number> {
    const start = performance.now();
    this.#step.run();
    await this.#device.sync();
    return performance.now() - start;
  }

  /** Milliseconds of one step by groups of kernels, on a GPU by its clock; none on one without timestamps. */
  async groups(): Promise<Record<string, number>> {
    const groups: Record<string, number> = {};
    for (const { name, milliseconds } of await this.#device.profile(() => this.#step.run())) {
      const group = groupOf(name);
      groups[group] = (groups[group] ?? 0) + milliseconds;
    }
    return groups;
  }

  dispose(): void {
    this.#step.dispose();
    this.#data.dispose();
  }
}

/** Kernels that a step's time is told by. */
const GROUPS: readonly (readonly [string, RegExp])[] = [
  ["packing, optimizer", /^(conv2d\/pack|pack|take|sgd|adam|lerp|clip|accumulate)/],
  ["gradients to weights", /^conv2d\/.*gradient|weight gradient/],
  ["convolutions and gradients to inputs", /^conv2d|^depthwise/],
  ["batch norm", /^batch ?norm/],
];

function groupOf(name: string): string {
  return GROUPS.find(([, pattern]) => pattern.test(name))?.[0] ?? "losses, sums, the rest";
}

import {
  type Device,
  keep,
  noGrad,
  optim,
  type Tensor,
  tensor,
  tidy,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { MATCH_PRESETS, matchPriors, multiBoxLoss, uploadTargets } from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, priorBoxes, type RetinaFaceNetwork } from "retinaface-webgpu";
import { compileNetwork } from "./network.js";
import { randomValues } from "./random.js";
import { interleave, type Summary, summarize } from "./statistics.js";

/** Milliseconds of training MobileNet-0.25 at 320×320, batch 1. */
export interface TrainingResult {
  /** Forward, loss, backward and SGD. */
  readonly step: Summary;
  /** Eager forward in training mode (batch statistics), gradients recorded. */
  readonly forward: Summary;
  /** The compiled plan, batch norm folded. */
  readonly plan: Summary;
  readonly stepOverForward: number;
  readonly stepOverPlan: number;
  /** Loss before the first and after the last step, on one image again and again. */
  readonly firstLoss: number;
  readonly lastLoss: number;
}

const SIDE = 320;

/** Two faces, as fractions of the image. */
const FACES = {
  boxes: Float32Array.of(0.1, 0.1, 0.3, 0.35, 0.55, 0.5, 0.7, 0.68),
  landmarks: Float32Array.from({ length: 20 }, (_, i) => (i < 10 ? 0.2 : 0.6)),
};

/** Training of a network on one random image with two faces. */
export class TrainingWork {
  readonly #device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #optimizer: optim.SGD;
  readonly #image: Tensor;
  readonly #targets: ReturnType<typeof uploadTargets>;

  constructor(device: Device, network: RetinaFaceNetwork) {
    this.#device = device;
    this.#network = network;
    network.train().requiresGrad(true);
    this.#optimizer = new optim.SGD(network.parameters(), {
      lr: 1e-3,
      momentum: 0.9,
      weightDecay: 5e-4,
    });
    this.#image = tensor(device, randomValues(SIDE * SIDE * 3, 1, 128), [1, SIDE, SIDE, 3]);
    const priors = priorBoxes(SIDE, SIDE, DEFAULT_CONFIG.anchors);
    const targets = matchPriors([FACES], priors, MATCH_PRESETS.pytorch);
    this.#targets = uploadTargets(device, targets, 1);
  }

  /** Milliseconds of a forward pass with gradients recorded. */
  async forward(): Promise<number> {
    const start = performance.now();
    tidy(() => void this.#network.forward(this.#image));
    await this.#device.sync();
    return performance.now() - start;
  }

  /** Milliseconds of a whole step. */
  async step(): Promise<number> {
    const start = performance.now();
    tidy(() => {
      const { total } = multiBoxLoss(this.#network.forward(this.#image), this.#targets);
      total.backward();
    });
    this.#optimizer.step();
    this.#optimizer.zeroGrad();
    await this.#device.sync();
    return performance.now() - start;
  }

  /** The loss as it is now. */
  async loss(): Promise<number> {
    const total = tidy(() =>
      noGrad(() => keep(multiBoxLoss(this.#network.forward(this.#image), this.#targets).total)),
    );
    const value = await total.item();
    total.dispose();
    return value;
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.#image.dispose();
    const { labels, heads } = this.#targets;
    const parts = Object.values(heads).flatMap(({ values, weights }) => [values, weights]);
    for (const tensor of [labels, ...parts]) tensor.dispose();
  }
}

/** Times a training step against forward passes, in turn. */
export async function benchTraining(
  device: Device,
  network: RetinaFaceNetwork,
  rounds: number,
): Promise<TrainingResult> {
  const weights = new WeightStore(device);
  network.eval();
  const plan = await compileNetwork(device, network, [1, SIDE, SIDE], weights);
  const work = new TrainingWork(device, network);
  const compiled = async (): Promise<number> => {
    const start = performance.now();
    plan.run();
    await device.sync();
    return performance.now() - start;
  };
  const runs = [() => work.step(), () => work.forward(), compiled];
  try {
    const firstLoss = await work.loss();
    for (const run of runs) await run();
    const times = await interleave(runs, rounds, (run) => run());
    const lastLoss = await work.loss();
    const [step, forward, planTime] = runs.map((run) => summarize(times.get(run)!));
    return {
      step,
      forward,
      plan: planTime,
      stepOverForward: step.median / forward.median,
      stepOverPlan: step.median / planTime.median,
      firstLoss,
      lastLoss,
    };
  } finally {
    work.dispose();
    plan.dispose();
    weights.dispose();
  }
}

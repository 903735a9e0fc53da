import {
  type Device,
  keep,
  noGrad,
  type optim,
  tidy,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { multiBoxLoss } from "@retinaface-webgpu/train";
import type { RetinaFaceNetwork } from "retinaface-webgpu";
import { CompiledTraining, sgd, type TrainingData, trainingData } from "./compiled-training.js";
import { compileNetwork } from "./network.js";
import { interleave, type Summary, summarize } from "./statistics.js";
import { benchWasmTraining, type WasmTrainingResult } from "./wasm-training.js";

/** Milliseconds of training MobileNet-0.25 at 320×320, batch 1. */
export interface TrainingResult {
  /** Forward, loss, backward and SGD, recorded anew each time. */
  readonly step: Summary;
  /** The same compiled. */
  readonly compiledStep: Summary;
  /** Of that, what the host takes until it is submitted. */
  readonly host: Summary;
  /** And what it waits for the device from then on. */
  readonly waiting: Summary;
  /** GPU time of a compiled step by groups of kernels, each dispatch timed by itself. */
  readonly groups: Readonly<Record<string, number>>;
  readonly dispatches: number;
  readonly arenaBytes: number;
  /** Milliseconds an image of a compiled step of a batch of eight. */
  readonly batchOfEight: Summary;
  readonly stepOverCompiled: number;
  /** Compiled steps on processors. */
  readonly wasm: readonly WasmTrainingResult[];
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

/** Training of a network on one random image with two faces. */
export class TrainingWork {
  readonly #device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #optimizer: optim.SGD;
  readonly #data: TrainingData;

  constructor(device: Device, network: RetinaFaceNetwork, optimizer: optim.SGD) {
    this.#device = device;
    this.#network = network;
    this.#optimizer = optimizer;
    this.#data = trainingData(device, 1, SIDE);
  }

  /** Milliseconds of a forward pass with gradients recorded. */
  async forward(): Promise<number> {
    const start = performance.now();
    tidy(() => void this.#network.forward(this.#data.image));
    await this.#device.sync();
    return performance.now() - start;
  }

  /** Milliseconds of a whole step. */
  async step(): Promise<number> {
    const start = performance.now();
    tidy(() => {
      const { total } = multiBoxLoss(this.#network.forward(this.#data.image), this.#data.targets);
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
      noGrad(() =>
        keep(multiBoxLoss(this.#network.forward(this.#data.image), this.#data.targets).total),
      ),
    );
    const value = await total.item();
    total.dispose();
    return value;
  }

  dispose(): void {
    this.#data.dispose();
  }
}

/**
 * Times training steps, eager and compiled, against forward passes, in turn. Each is run twice in a row and the second
 * counts: what the one before it leaves in the processor's caches and in the pool of buffers is not its own.
 */
export async function benchTraining(
  device: Device,
  network: RetinaFaceNetwork,
  rounds: number,
): Promise<TrainingResult> {
  const weights = new WeightStore(device);
  network.eval();
  const plan = await compileNetwork(device, network, [1, SIDE, SIDE], weights);
  network.train().requiresGrad(true);
  const optimizer = sgd(network);
  const work = new TrainingWork(device, network, optimizer);
  const forward = async (): Promise<number> => {
    const start = performance.now();
    plan.run();
    await device.sync();
    return performance.now() - start;
  };
  const made: { dispose(): void }[] = [work, plan, weights, optimizer];
  try {
    const firstLoss = await work.loss();
    const one = await CompiledTraining.create(device, network, optimizer, 1, SIDE);
    made.push(one);
    const runs = [() => work.step(), () => work.forward(), forward, () => one.step()];
    const all = [...runs, () => one.host(), () => one.waiting()];
    for (const run of all) await run();
    const times = await interleave(all, rounds, async (run) => {
      await run();
      return run();
    });
    const lastLoss = await work.loss();
    const groups = await one.groups();
    const [step, eager, planTime, compiledStep, host, waiting] = all.map((run) =>
      summarize(times.get(run)!),
    );
    const { dispatches, arenaBytes } = one.stats;
    return {
      ...{ step, forward: eager, plan: planTime, compiledStep, host, waiting, groups },
      ...{ dispatches, arenaBytes, firstLoss, lastLoss },
      batchOfEight: await timeBatch(device, network, optimizer, Math.ceil(rounds / 3)),
      wasm: await benchWasmTraining(network, SIDE, Math.ceil(rounds / 3)),
      stepOverForward: step.median / eager.median,
      stepOverPlan: step.median / planTime.median,
      stepOverCompiled: step.median / compiledStep.median,
    };
  } finally {
    for (const one of made) one.dispose();
  }
}

/** Milliseconds an image of a batch of eight. */
async function timeBatch(
  device: Device,
  network: RetinaFaceNetwork,
  optimizer: optim.SGD,
  rounds: number,
): Promise<Summary> {
  const eight = await CompiledTraining.create(device, network, optimizer, 8, SIDE);
  try {
    await eight.step();
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) times.push((await eight.step()) / 8);
    return summarize(times);
  } finally {
    eight.dispose();
  }
}

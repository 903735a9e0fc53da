import {
  type CompiledStep,
  compileStep,
  type Device,
  nn,
  optim,
  type Tensor,
  type TensorInfo,
} from "@retinaface-webgpu/tensor";
import {
  LossLog,
  loadTrainerState,
  readTrainerState,
  type StepLosses,
  type TrainerState,
} from "@retinaface-webgpu/train";
import { OptionError, RetinaFaceError } from "retinaface-webgpu";
import { type MarginLossName, marginLoss } from "../losses/margin.js";
import { ClassSampler } from "../losses/sampling.js";
import { tripletLoss } from "../losses/triplet.js";
import { buildNetwork } from "../networks/build.js";
import { IResNet } from "../networks/iresnet.js";
import type { EmbeddingNetwork, Start } from "../networks/network.js";
import { beginWith } from "../networks/start.js";
import { checkEmbedderSettings, type EmbedderSettings, scheduleOfSteps } from "./settings.js";

/** Steps whose losses wait on the device until they are read. */
const READ_EVERY = 10;

/** Deviation of class centres before training, as arcface_torch has it. */
const CENTRE_DEVIATION = 0.01;

/** Pictures as networks take them, and whom they show. */
export interface FaceBatch {
  /** `[n, size, size, 3]`, see `writePixels`. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** The network and, with a margin loss, a centre for each class. */
class Trained extends nn.Module {
  constructor(
    readonly network: EmbeddingNetwork,
    readonly centres: nn.Parameter | undefined,
  ) {
    super();
  }

  override forward(images: Tensor): Tensor {
    return this.network.output(images);
  }
}

/**
 * Trains an embedding network by compiled steps, on a GPU or on the processors:
 *
 *     await trainer.step(batch);
 *     if (trainer.mustRead) for (const losses of await trainer.losses()) report(losses);
 */
export class EmbeddingTrainer {
  readonly network: EmbeddingNetwork;
  readonly settings: EmbedderSettings;
  readonly #device: Device;
  readonly #trained: Trained;
  readonly #classes: number;
  readonly #optimizer: optim.Optimizer<optim.GroupOptions>;
  readonly #average: optim.EMA | undefined;
  readonly #schedule: optim.Schedule;
  readonly #sampler: ClassSampler | undefined;
  readonly #log: LossLog;
  #compiled: CompiledStep | undefined;
  #pending: { readonly step: number; readonly learningRate: number }[] = [];
  #step = 0;

  /**
   * @param classes identities that are trained on
   * @param start what the network begins with in place of random weights, see `startOf` and `startOfEmbedder`
   * @throws {OptionError} for settings out of range; StateDictMismatchError for weights of another network
   */
  constructor(device: Device, settings: EmbedderSettings, classes: number, start?: Start) {
    checkEmbedderSettings(settings);
    const { network, dropout, seed, loss, classRate, identities } = settings;
    const init = nn.Init.seeded(device, seed);
    this.settings = settings;
    this.#device = device;
    this.#classes = classes;
    this.network = buildNetwork(init, network, { dropout, seed });
    if (start) beginWith(this.network, start);
    const centres =
      loss === "triplet" ? undefined : init.normal([classes, network.dimension], CENTRE_DEVIATION);
    this.#trained = new Trained(this.network, centres);
    if (classRate < 1) this.#sampler = new ClassSampler(classes, classRate, identities, seed);
    this.#optimizer = this.#makeOptimizer();
    this.#average = settings.ema > 0 ? new optim.EMA(this.#trained, settings.ema) : undefined;
    this.#schedule = scheduleOfSteps(settings);
    this.#log = new LossLog(device, READ_EVERY * 2);
  }

  /** Steps done so far. */
  get steps(): number {
    return this.#step;
  }

  /** Whether `losses()` must be called before the next step. */
  get mustRead(): boolean {
    return this.#pending.length >= READ_EVERY;
  }

  /** One step of the optimizer. @throws {OptionError} for a batch of another size, or when losses wait to be read */
  async step({ images, labels }: FaceBatch): Promise<void> {
    if (this.mustRead) throw new OptionError("losses wait to be read: call losses()");
    const step = await this.#prepare(labels.length);
    const { inputs } = step;
    if (images.length !== inputs.images.size) {
      throw new OptionError(
        `a batch of ${labels.length} takes ${inputs.images.size} numbers of pixels, not ${images.length}`,
      );
    }
    const sampled = this.#sampler?.sample(labels, this.#step);
    inputs.images.write(images);
    inputs.labels.write(sampled?.labels ?? labels);
    if (sampled) inputs.classes.write(sampled.classes);
    this.#optimizer.scaleLearningRate(this.#schedule(this.#step));
    step.run();
    this.#log.add(step.losses);
    this.#log.add(step.gradientNorm ? { gradientNorm: step.gradientNorm } : {});
    this.#device.flush();
    this.#pending.push({ step: this.#step++, learningRate: this.#optimizer.groups[0].lr });
  }

  /**
   * Reads the losses of the steps since the last call, oldest first.
   * @throws {RetinaFaceError} `LOSS_NOT_FINITE` for the first that is not finite
   */
  async losses(): Promise<StepLosses[]> {
    const pending = this.#pending;
    this.#pending = [];
    const rows = await this.#log.take();
    return pending.map((facts, i) => {
      const losses = { ...facts, ...rows[i * 2], ...rows[i * 2 + 1] } as unknown as StepLosses;
      if (Object.values(losses).every(Number.isFinite)) return losses;
      throw new RetinaFaceError(
        "LOSS_NOT_FINITE",
        `The loss of step ${facts.step} is ${losses.total}: resume from the last checkpoint with a lower learning rate ` +
          "or with gradient clipping.",
      );
    });
  }

  /** Runs `work` while the network holds the averaged weights, where there are some. */
  async withAverage<R>(work: () => Promise<R>): Promise<R> {
    this.#average?.swap();
    try {
      return await work();
    } finally {
      this.#average?.swap();
    }
  }

  get #stateful() {
    return { network: this.#trained, optimizer: this.#optimizer, average: this.#average };
  }

  /** Reads everything back that a resumed run needs. */
  async state(): Promise<TrainerState> {
    return readTrainerState(this.#stateful, this.#step);
  }

  /** Continues from a saved state. @throws StateDictError, TensorError where it does not fit */
  load(state: TrainerState): void {
    loadTrainerState(this.#stateful, state);
    this.#compiled?.dispose();
    this.#compiled = undefined;
    this.#step = state.step;
    this.#pending = [];
    // Each step draws one mask of the dropout.
    if (this.network instanceof IResNet) this.network.dropout.calls = state.step;
  }

  /** Frees what the trainer holds, the network too. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#optimizer.dispose();
    this.#average?.dispose();
    this.#log.dispose();
    this.#trained.dispose();
  }

  #makeOptimizer(): optim.Optimizer<optim.GroupOptions> {
    const { optimizer, lr, momentum, weightDecay } = this.settings;
    const parameters = [...this.#trained.parameters()].filter(({ requiresGrad }) => requiresGrad);
    return optimizer === "adamw"
      ? new optim.AdamW(parameters, { lr, weightDecay })
      : new optim.SGD(parameters, { lr, momentum, weightDecay });
  }

  async #prepare(batch: number): Promise<CompiledStep> {
    if (this.#compiled?.isCurrent && this.#compiled.inputs.labels.size === batch) {
      return this.#compiled;
    }
    this.#compiled?.dispose();
    const { clip, network } = this.settings;
    const side = network.size;
    const inputs: Record<string, TensorInfo> = {
      images: { shape: [batch, side, side, 3], dtype: "f32" },
      labels: { shape: [batch], dtype: "i32" },
      ...(this.#sampler ? { classes: { shape: [this.#sampler.count], dtype: "i32" } } : {}),
    };
    this.#trained.train();
    this.#compiled = await compileStep(this.#device, {
      inputs,
      losses: (inputs: Readonly<Record<string, Tensor>>) => this.#losses(inputs),
      optimizer: this.#optimizer,
      ...(clip > 0 ? { clip } : {}),
      ...(this.#average ? { average: this.#average } : {}),
    });
    return this.#compiled;
  }

  #losses({ images, labels, classes }: Readonly<Record<string, Tensor>>) {
    const { loss, scale, margin } = this.settings;
    const embeddings = this.#trained.forward(images);
    const { centres } = this.#trained;
    const figures = centres
      ? marginLoss(
          embeddings,
          centres,
          labels,
          { loss: loss as MarginLossName, scale, margin },
          classes,
        )
      : tripletLoss(embeddings, labels, { margin });
    return { ...figures };
  }

  /** Identities that are trained on. */
  get classes(): number {
    return this.#classes;
  }
}

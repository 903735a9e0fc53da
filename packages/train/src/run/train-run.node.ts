import type { Device, StateDict } from "@retinaface-webgpu/tensor";
import { type NetworkConfig, NumericError, type RetinaFaceNetwork } from "retinaface-webgpu";
import { createSampler } from "../augment/loader.js";
import type { Sample } from "../augment/sample.js";
import { createWorkerSampler } from "../augment/worker-sampler.node.js";
import type { FaceRecord, Problem } from "../data/record.js";
import { NonFiniteLossError } from "../errors.js";
import { parseTestScale } from "../evaluate/test-scales.js";
import { type ValidationFigures, worthOf } from "../report/report.js";
import type { RunCheckpoint, RunDescription, RunFiles } from "../run/run-files.node.js";
import type { BackboneWeights } from "../trainer/backbone-alone.js";
import { type DataPosition, sampleBatches } from "../trainer/batches.js";
import { assertFiniteWeights, weightsTooLarge, writeModel } from "../trainer/checkpoint.js";
import { initialiseNetwork, type Pretrained } from "../trainer/initialise.js";
import type { StepLosses } from "../trainer/loss-log.js";
import { backendOf, type TrainingBackend } from "../trainer/open-device.js";
import { augmentOf, trainerOptions, wholeImages } from "../trainer/settings.js";
import { Trainer, type TrainerState } from "../trainer/trainer.js";
import { validateModel } from "../trainer/validate.js";
import { validationLoss } from "../trainer/validation-loss.js";
import { type BackendUse, noteBackend } from "./backends.js";
import { recovering } from "./recover.js";

/** What a run tells the person who started it. */
export interface RunListener {
  onLosses(losses: readonly StepLosses[], imagesPerSecond: number): void;
  /** Called before each image of a validation. */
  onValidating?(done: number, images: number): void;
  onValidation(figures: ValidationFigures): void;
  onProblem(problem: Problem): void;
  onNotice(text: string): void;
}

/** What a run works with. */
export interface RunInput extends TrainingBackend {
  readonly description: RunDescription;
  readonly records: readonly FaceRecord[];
  /** Empty: no validation. */
  readonly valRecords: readonly FaceRecord[];
  readonly files: RunFiles;
  readonly workers: number;
  readonly listener: RunListener;
  /** Weights of a new run. */
  readonly pretrained?: Pretrained;
  /** Weights of a new run's backbone alone. */
  readonly backbone?: BackboneWeights;
  /** Shape of a new run's network, without weights. */
  readonly network?: NetworkConfig;
}

/** Where a run stands. */
interface Progress {
  position: DataPosition;
  validations: ValidationFigures[];
  seconds: number;
  backends: readonly BackendUse[];
}

/** A training run in a folder: trains, validates, keeps checkpoints, and survives lost devices. */
export class TrainRun {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly #input: RunInput;
  /** The last checkpoint, as it is on disk: what a run goes back to when its device is lost. */
  #checkpoint: RunCheckpoint | undefined;
  #stop = false;

  /** @param checkpoint to resume from */
  constructor(input: RunInput, checkpoint?: RunCheckpoint) {
    const { batchSize, accumulate, epochs } = input.description.settings;
    this.stepsPerEpoch = Math.max(1, Math.floor(input.records.length / (batchSize * accumulate)));
    this.totalSteps = this.stepsPerEpoch * epochs;
    this.#input = input;
    this.#checkpoint = checkpoint;
  }

  /** What the run works with. */
  get input(): RunInput {
    return this.#input;
  }

  /** The last checkpoint. */
  get checkpoint(): RunCheckpoint | undefined {
    return this.#checkpoint;
  }

  /** Ends the run at a checkpoint after the present step. */
  stop(): void {
    this.#stop = true;
  }

  /**
   * Trains to the end, or until `stop()`. `finish` is called with the device before it goes.
   * @throws {NonFiniteLossError} with the batch saved in the run's folder
   */
  async run(finish: (device: Device) => Promise<void>): Promise<void> {
    const { files, listener, backend, threads } = this.#input;
    await recovering({
      backend,
      threads,
      work: async ({ device }) => {
        try {
          await this.#train(device);
        } catch (error) {
          if (error instanceof NonFiniteLossError) await files.writeFailure(error);
          throw error;
        }
        await finish(device);
      },
      savedStep: async () => this.#checkpoint?.state.step,
      onNotice: (text) => listener.onNotice(text),
    });
  }

  async #train(device: Device): Promise<void> {
    const { description, files, pretrained } = this.#input;
    const { settings } = description;
    const before = this.#checkpoint;
    const network = initialiseNetwork(device, {
      config: settings.config,
      seed: settings.seed,
      ...(before
        ? { network: before.extra.network }
        : { pretrained, backbone: this.#input.backbone, network: this.#input.network }),
    });
    const trainer = new Trainer(device, network, {
      ...trainerOptions(settings, this.totalSteps),
      onNotice: (text) => this.#input.listener.onNotice(text),
    });
    const progress: Progress = {
      position: { epoch: 0, position: 0 },
      validations: [],
      seconds: 0,
      backends: [],
    };
    if (before) {
      trainer.load(withLearningRate(before.state, settings.lr));
      const { position, validations, seconds } = before.extra;
      Object.assign(progress, { position, validations: [...validations], seconds });
    }
    const use = { step: trainer.steps, backend: backendOf(device) };
    progress.backends = noteBackend(before?.extra.backends, use, (text) =>
      this.#input.listener.onNotice(text),
    );
    await files.rewindMetrics(trainer.steps);
    const session = new Session(device, trainer, network, this.#input, progress);
    if (!before) {
      await session.validate("before");
      this.#checkpoint = await session.save();
    }
    await this.#steps(session, trainer);
  }

  async #steps(session: Session, trainer: Trainer): Promise<void> {
    const { description, records, workers, listener } = this.#input;
    const { settings, valEvery, checkpointEvery } = description;
    const { batchSize, accumulate, seed } = settings;
    if (trainer.steps >= this.totalSteps || this.#isSpent(session)) return;
    const augment = augmentOf(settings);
    const sampler = createWorkerSampler({ records, augment, seed }, workers);
    const batches = sampleBatches(sampler, {
      count: records.length,
      batchSize,
      seed,
      start: session.progress.position,
      onProblem: (problem) => listener.onProblem(problem),
    });
    try {
      let group: (readonly Sample[])[] = [];
      for await (const { samples, next } of batches) {
        group.push(samples);
        if (group.length < accumulate) continue;
        await trainer.step(group);
        group = [];
        session.progress.position = next;
        const step = trainer.steps;
        const validates = step % (this.stepsPerEpoch * valEvery) === 0 || step >= this.totalSteps;
        const ends = step >= this.totalSteps || this.#stop;
        const saves = ends || validates || step % checkpointEvery === 0;
        if (trainer.mustRead || saves) await session.report();
        if (validates) await session.validate("best");
        const last = ends || (validates && this.#isSpent(session));
        if (saves) this.#checkpoint = await session.save();
        if (last) return this.#tellDropped(trainer);
      }
    } finally {
      await batches.return();
      await sampler.close();
    }
  }

  /** Whether patience is at an end, which is told. */
  #isSpent({ progress: { validations } }: Session): boolean {
    const { description, listener } = this.#input;
    const { patience } = description;
    if (!hasStopped(validations, description)) return false;
    listener.onNotice(
      `no better AP in ${patience} validations: the run ends early (--patience ${patience})`,
    );
    return true;
  }

  #tellDropped({ droppedFaces }: Trainer): void {
    if (droppedFaces === 0) return;
    this.#input.listener.onNotice(`${droppedFaces} faces without an area did not train`);
  }
}

/** A saved state whose optimizer goes on with this learning rate; groups keep their factors of it, the first has one of 1. */
function withLearningRate(state: TrainerState, lr: number): TrainerState {
  const [first] = state.optimizer.groups;
  const groups = state.optimizer.groups.map((group) => {
    const factor = Number(group.baseLr) / Number(first.baseLr);
    return { ...group, baseLr: group === first ? lr : factor * lr };
  });
  return { ...state, optimizer: { ...state.optimizer, groups } };
}

/** The validations among which the best is sought: random weights are no result. */
export function contenders(
  validations: readonly ValidationFigures[],
  { weights }: RunDescription,
): ValidationFigures[] {
  return validations.filter(({ step }) => step > 0 || weights !== null);
}

/** Whether the best of a run's validations is longer ago than its patience. */
export function hasStopped(
  validations: readonly ValidationFigures[],
  description: RunDescription,
): boolean {
  const { patience = 0 } = description;
  const tried = contenders(validations, description).map(worthOf);
  if (patience === 0 || tried.length === 0) return false;
  return tried.length - 1 - tried.indexOf(Math.max(...tried)) >= patience;
}

/** One device's part of a run. */
class Session {
  #last = performance.now();
  #reported: number;

  constructor(
    readonly device: Device,
    readonly trainer: Trainer,
    readonly network: RetinaFaceNetwork,
    readonly input: RunInput,
    readonly progress: Progress,
  ) {
    this.#reported = trainer.steps;
  }

  /** Reads losses, writes them to the metrics and tells of them. */
  async report(): Promise<void> {
    const losses = await this.trainer.losses();
    const seconds = this.#lap();
    const { batchSize, accumulate } = this.input.description.settings;
    const images = (this.trainer.steps - this.#reported) * batchSize * accumulate;
    this.#reported = this.trainer.steps;
    this.input.files.appendMetrics(losses.map((step) => ({ kind: "step", ...step })));
    this.input.listener.onLosses(losses, images / Math.max(seconds, 1e-3));
  }

  /**
   * Measures the network, or its averaged weights, on the validation images, and keeps it if it is the best so far.
   * The weights that a run starts from take part: training that only made them worse has not found better ones.
   */
  async validate(name: "before" | "best"): Promise<void> {
    const { description, valRecords, files, listener } = this.input;
    if (valRecords.length === 0) return;
    const weights = await this.trainer.withAverage(() => this.network.stateDict());
    const { steps } = this.trainer;
    assertFiniteWeights(weights, steps);
    const model = writeModel(weights, this.trainer.config);
    const scale = parseTestScale(description.scale);
    const { evaluation, problems } = await validateModel(this.device, model, valRecords, {
      scale,
      onProgress: (done) => listener.onValidating?.(done, valRecords.length),
    }).catch((error: unknown) => {
      throw error instanceof NumericError && steps > 0 ? weightsTooLarge(error, steps) : error;
    });
    for (const problem of problems) listener.onProblem(problem);
    const { ap50, ap, classAp50 } = evaluation;
    const losses = await this.#validationLoss(weights);
    const classes = classAp50 === undefined ? {} : { classAp50 };
    const figures: ValidationFigures = { step: steps, ap50, ap, ...classes, losses };
    const rivals = contenders(this.progress.validations, description);
    const counts = name === "best" || description.weights !== null;
    const isBest = counts && rivals.every((earlier) => worthOf(figures) > worthOf(earlier));
    if (isBest) await files.write("best.safetensors", model);
    if (isBest) await files.writeEvaluation("best", evaluation);
    if (name === "before") await files.writeEvaluation("before", evaluation);
    this.progress.validations.push(figures);
    files.appendMetrics([{ kind: "validation", ...figures }]);
    await files.writeCsv();
    listener.onValidation(figures);
    this.#lap();
  }

  #validationLoss(weights: StateDict): Promise<Record<string, number>> {
    const { description, valRecords: records } = this.input;
    const { settings } = description;
    const { batchSize, seed } = settings;
    return validationLoss(this.device, {
      network: this.network.config,
      weights,
      options: { ...trainerOptions(settings, 1), config: this.trainer.config },
      sampler: createSampler({ records, augment: wholeImages(settings), seed }),
      count: records.length,
      batchSize,
    });
  }

  /** Writes a checkpoint. */
  async save(): Promise<RunCheckpoint> {
    this.#lap();
    const { position, validations, seconds, backends } = this.progress;
    const checkpoint: RunCheckpoint = {
      state: await this.trainer.state(),
      extra: {
        description: this.input.description,
        network: this.network.config,
        position,
        validations: [...validations],
        seconds,
        backends,
      },
    };
    await this.input.files.writeCheckpoint(checkpoint);
    return checkpoint;
  }

  /** Seconds since the last call, which are added to the run's. */
  #lap(): number {
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    this.progress.seconds += seconds;
    return seconds;
  }
}

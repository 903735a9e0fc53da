import path from "node:path";
import { type Device, nn, optim } from "@retinaface-webgpu/tensor";
import {
  type Backend,
  classHead,
  matchStateDict,
  type NetworkConfig,
  OptionError,
  objectnessHead,
  RetinaFaceNetwork,
  readBytes,
  readCheckpoint,
} from "retinaface-webgpu";
import type { PhotoSet } from "../distill/photo.js";
import { lossOf, type Recipe, recipeSchedule, stageOf } from "../distill/recipe.js";
import { listSources, loadPhotoSets } from "../distill/sources.node.js";
import { Teacher } from "../distill/teacher.js";
import { createViewMaker, viewBatches } from "../distill/view-maker.node.js";
import { MATCH_PRESETS } from "../objective/assign.js";
import { DistillObjective } from "../objective/distill.js";
import { LOSS_PRESETS } from "../objective/multibox.js";
import {
  averagedWeights,
  readTrainedBy,
  type TrainedBy,
  writeModel,
} from "../trainer/checkpoint.js";
import { beginHeads } from "../trainer/initialise.js";
import type { StepLosses } from "../trainer/loss-log.js";
import { backendOf, type TrainingBackend } from "../trainer/open-device.js";
import { Trainer } from "../trainer/trainer.js";
import { defaultWorkers } from "../worker-pool.node.js";
import { type BackendUse, noteBackend } from "./backends.js";
import { recovering } from "./recover.js";
import { RunFolder } from "./run-folder.node.js";

/** What a distillation works with and whom it tells. */
export interface DistillInput extends TrainingBackend {
  readonly recipe: Recipe;
  /** What the recipe's paths are relative to. */
  readonly data: string;
  /** The run's folder. */
  readonly out: string;
  /** Decoded photos; may be shared by runs. */
  readonly cache: string;
  /**
   * Threads that make views, which are the same whatever their number; 0: the calling one makes them.
   * Default: as many as there are processors beside the one that trains.
   */
  readonly workers?: number | undefined;
  /**
   * The `model.safetensors` of a run whose folder is lost, to go on from its averaged weights with new moments.
   * Without it and without a checkpoint weights are random.
   */
  readonly start?: Uint8Array | undefined;
  readonly onLosses: (losses: readonly StepLosses[], imagesPerSecond: number) => void;
  readonly onNotice: (text: string) => void;
}

interface Progress {
  images: number;
  seconds: number;
  /** What it trained on; absent in checkpoints from before there was a choice. */
  backends?: readonly BackendUse[] | undefined;
}

/** What a checkpoint holds besides the trainer's state. */
interface DistillProgress extends Readonly<Progress> {
  readonly recipe: Recipe;
}

/** What a step takes. */
interface Parts {
  readonly trainer: Trainer;
  readonly objective: DistillObjective;
  readonly sets: readonly PhotoSet[];
}

/** Where a distillation stands. */
export interface DistillResult {
  readonly steps: number;
  /** Views seen. */
  readonly images: number;
  readonly seconds: number;
  readonly backend: Backend;
}

/** What a distillation writes beside checkpoint and metrics. */
export const MODEL = "model.safetensors";
/** Steps over which the learning rate rises where a run starts from weights without moments. */
const RESTART_WARMUP = 100;
/** Log odds that new class heads begin with: background is far more frequent (Lin et al. 2017). */
const INITIAL_ODDS = -4;

/** Settings that may change when a run is resumed: how it goes on, how long, and how often it is saved. */
const EXTENDABLE = ["steps", "schedule", "checkpointEvery", "stages", "sources"];

/**
 * A network with random weights for a recipe.
 * @throws {OptionError} for one with an objectness head
 */
export function newStudent(device: Device, { network, seed }: Recipe): RetinaFaceNetwork {
  if (objectnessHead(network.heads ?? [])) {
    throw new OptionError(
      "a teacher says how sure it is of a face in one number, which a student with an objectness head would have no other " +
        "than labels to tell apart: leave the head out of the recipe's network, or take train",
    );
  }
  const shape: NetworkConfig = { backbone: "mobilenet0.25", ...network };
  const student = new RetinaFaceNetwork(nn.Init.seeded(device, seed), shape);
  beginHeads(student, classHead(student.headSpecs), (number) =>
    number === 0 ? -INITIAL_ODDS / 2 : INITIAL_ODDS / 2,
  );
  return student;
}

/** The recipe's learning rate, with a warm-up behind a start from weights alone. */
function scheduleFrom(recipe: Recipe, start: TrainedBy | undefined): optim.Schedule {
  const schedule = recipeSchedule(recipe);
  if (!start) return schedule;
  return (step) => schedule(step) * Math.min(1, (step - start.steps + 1) / RESTART_WARMUP);
}

/** @throws {OptionError} for weights that no distillation left; StateDictMismatchError for another network's */
function loadStart(student: RetinaFaceNetwork, weights: Uint8Array): TrainedBy {
  const trained = readTrainedBy(weights);
  if (!trained) {
    throw new OptionError(
      "the weights to start from do not say how many steps made them: give a distillation's model.safetensors",
    );
  }
  student.loadStateDict(matchStateDict(student.stateShapes(), readCheckpoint(weights)));
  return trained;
}

/** A distillation in a folder: goes on from its last checkpoint, also when the device is lost. */
export class DistillRun {
  readonly #input: DistillInput;
  readonly files: RunFolder<DistillProgress, StepLosses>;
  #stop = false;

  /** @throws WriteError where the run's folder cannot be made */
  constructor(input: DistillInput) {
    this.#input = input;
    this.files = new RunFolder(input.out);
  }

  get hasCheckpoint(): boolean {
    return this.files.hasCheckpoint;
  }

  /** Ends the run at a checkpoint after the present step. */
  stop(): void {
    this.#stop = true;
  }

  /** Trains to the recipe's last step, or until `stop()`; the averaged weights are `model.safetensors`. */
  async run(): Promise<DistillResult> {
    return recovering({
      backend: this.#input.backend,
      threads: this.#input.threads,
      work: ({ device }) => this.#train(device),
      savedStep: async () => (this.hasCheckpoint ? (await this.#read()).state.step : undefined),
      onNotice: (text) => this.#input.onNotice(text),
    });
  }

  async #train(device: Device): Promise<DistillResult> {
    const { recipe, data, out, cache, onNotice } = this.#input;
    const weights = new Uint8Array(await readBytes(path.resolve(data, recipe.teacher)));
    let told = 0;
    const sets = await loadPhotoSets(
      device,
      listSources(recipe, data, out),
      weights,
      cache,
      (done, total) => {
        if (done < total && performance.now() - told < 10_000) return;
        told = performance.now();
        onNotice(`${done}/${total} photos`);
      },
    );
    const teacher = new Teacher(device, weights);
    const objective = new DistillObjective(device, teacher, recipe.loss);
    const student = newStudent(device, recipe);
    const start = this.#input.start && loadStart(student, this.#input.start);
    const trainer = new Trainer(device, student, {
      config: teacher.config,
      frozen: [],
      fixedNorm: false,
      match: MATCH_PRESETS.pytorch,
      loss: LOSS_PRESETS.pytorch,
      objective,
      optimizer: (parameters) =>
        new optim.AdamW(parameters, { lr: recipe.lr, weightDecay: recipe.weightDecay }),
      schedule: scheduleFrom(recipe, start),
      firstStep: start?.steps ?? 0,
      clip: recipe.clip,
      ema: recipe.ema,
      precision: recipe.precision,
      onNotice,
    });
    const progress: Progress = { images: start?.images ?? 0, seconds: start?.seconds ?? 0 };
    if (this.hasCheckpoint) {
      const { state, extra } = await this.#read();
      trainer.load(state);
      const { images, seconds, backends } = extra;
      Object.assign(progress, { images, seconds, backends });
      onNotice(`going on from step ${state.step}`);
    } else if (start) onNotice(`starting from the weights of step ${start.steps}`);
    const use = { step: trainer.steps, backend: backendOf(device) };
    progress.backends = noteBackend(progress.backends, use, onNotice);
    await this.files.rewindMetrics(trainer.steps);
    await this.#steps({ trainer, objective, sets }, progress);
    const { images, seconds } = progress;
    return { steps: trainer.steps, images, seconds, backend: use.backend };
  }

  async #steps({ trainer, objective, sets }: Parts, progress: Progress): Promise<void> {
    const { recipe, workers = defaultWorkers(), onLosses } = this.#input;
    let lap = performance.now();
    let images = 0;
    const report = async () => {
      const losses = await trainer.losses();
      const seconds = (performance.now() - lap) / 1000;
      lap = performance.now();
      this.files.appendMetrics(losses);
      onLosses(losses, images / Math.max(seconds, 1e-3));
      progress.images += images;
      progress.seconds += seconds;
      images = 0;
    };
    let saved = trainer.steps;
    const save = async () => {
      await report();
      await this.#save(trainer, progress);
      saved = trainer.steps;
    };
    const maker = createViewMaker(sets, workers);
    try {
      for await (const views of viewBatches(recipe, trainer.steps, maker)) {
        if (this.#stop) break;
        const stage = stageOf(recipe, trainer.steps);
        objective.options = lossOf(recipe, stage);
        trainer.fixedNorm = stage.fixedNorm ?? false;
        await trainer.step([views]);
        images += views.length;
        if (trainer.steps % recipe.checkpointEvery === 0) await save();
        else if (trainer.mustRead) await report();
      }
    } finally {
      await maker.close();
    }
    if (saved < trainer.steps) await save();
  }

  async #save(trainer: Trainer, progress: Progress): Promise<void> {
    const { recipe } = this.#input;
    const state = await trainer.state();
    await this.files.writeCheckpoint({ state, extra: { recipe, ...progress } });
    const { images, seconds } = progress;
    const trained = { steps: state.step, images, seconds };
    await this.files.write(MODEL, writeModel(averagedWeights(state), trainer.config, trained));
  }

  /** @throws {OptionError} when the run in the folder has another recipe */
  async #read() {
    const checkpoint = await this.files.readCheckpoint();
    const own = Object.entries(checkpoint.extra.recipe);
    const given = new Map(Object.entries(this.#input.recipe));
    for (const [name, value] of own) {
      if (EXTENDABLE.includes(name)) continue;
      if (JSON.stringify(given.get(name)) === JSON.stringify(value)) continue;
      throw new OptionError(
        `the run in ${this.#input.out} has another "${name}" in its recipe: give that recipe, or another --out`,
      );
    }
    return checkpoint;
  }
}

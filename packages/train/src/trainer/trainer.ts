import {
  type BatchPlace,
  checkpoint,
  type Device,
  empty,
  full,
  isHostDevice,
  optim,
  type Tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import {
  checkAnchorsFit,
  type DetectorConfig,
  type NetworkOutput,
  type NetworkPart,
  OptionError,
  type RetinaFaceNetwork,
} from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import { NonFiniteLossError } from "../errors.js";
import type { LossParts } from "../objective/losses.js";
import { runParts } from "../objective/maps.js";
import { canCompile, type Objective, type ObjectiveInput } from "../objective/objective.js";
import { type LabelObjective, objectiveOf } from "../objective/of-network.js";
import { CompiledSteps } from "./compiled-steps.js";
import { fewValuesNotice } from "./few-values.js";
import { applyFreeze, frozenDepth, partsOf } from "./freeze.js";
import { BatchImages } from "./images.js";
import { LossLog, type StepLosses } from "./loss-log.js";
import { MixedPrecision } from "./mixed.js";
import type { TrainerOptions, TrainerState } from "./options.js";
import { FrozenPrefix } from "./prefix.js";
import { TrainingPriors } from "./priors.js";
import { loadTrainerState, readTrainerState } from "./state.js";

export type { TrainerOptions, TrainerState } from "./options.js";

const onlyCompiled =
  "training on the WebAssembly engine goes by compiled steps alone: leave compiled out, give the objective targets() " +
  "and losses(), or train on WebGPU";

interface PendingStep {
  readonly step: number;
  readonly learningRate: number;
  readonly samples: readonly Sample[];
  /** Rows in the log: one a batch, and one for the gradients' norm. */
  readonly batches: number;
  /** Of the loss, with mixed precision. */
  readonly lossScale?: number;
}

/**
 * Trains a network step by step:
 *
 *     for await (const samples of batches) {
 *       await trainer.step([samples]);
 *       if (trainer.mustRead) for (const losses of await trainer.losses()) report(losses);
 *     }
 *
 * It needs no file system and runs in a browser as in Node.
 */
export class Trainer {
  readonly network: RetinaFaceNetwork;
  readonly #device: Device;
  readonly #options: TrainerOptions;
  readonly #parts: readonly NetworkPart[];
  readonly #depth: number;
  readonly #optimizer: optim.Optimizer<optim.GroupOptions>;
  readonly #average: optim.EMA | undefined;
  readonly #mixed: MixedPrecision | undefined;
  readonly #prefixes = new Map<string, FrozenPrefix>();
  readonly #priors: TrainingPriors;
  readonly #readEvery: number;
  readonly #labels: LabelObjective;
  readonly #objective: Objective;
  /** The images of a batch, until they are uploaded. */
  readonly #images: BatchImages;
  readonly #compiled: CompiledSteps | undefined;
  #log: LossLog | undefined;
  #toldOfValues = false;
  #pending: PendingStep[] = [];
  #step: number;
  #fixedNorm: boolean;

  /**
   * The network stays the caller's to dispose of.
   * @throws {OptionError} where the anchors are for another network, a frozen part is none of its, or steps cannot be
   * compiled on a device without a GPU
   * @throws RetinaFaceError `PRECISION_UNAVAILABLE` for mixed precision without `shader-f16`
   */
  constructor(device: Device, network: RetinaFaceNetwork, options: TrainerOptions) {
    this.network = network;
    this.#device = device;
    this.#options = options;
    this.#step = options.firstStep ?? 0;
    this.#fixedNorm = options.fixedNorm;
    checkAnchorsFit(network.levels, options.config.anchors);
    const { refineAnchors: rate, match } = options;
    const refine = rate === undefined ? undefined : { rate, least: match.forced };
    this.#priors = new TrainingPriors(options.config, refine);
    applyFreeze(network, options.frozen, options.fixedNorm);
    this.#parts = network.parts();
    this.#depth = frozenDepth(options.frozen, partsOf(network));
    this.#optimizer = options.optimizer(network.parameters(), network);
    this.#average = options.ema === undefined ? undefined : new optim.EMA(network, options.ema);
    if (options.precision === "mixed")
      this.#mixed = new MixedPrecision(device, options.lossScaling);
    this.#readEvery = options.readEvery ?? 10;
    this.#labels = objectiveOf(device, network, options.match, options.loss);
    this.#objective = options.objective ?? this.#labels;
    this.#images = new BatchImages(device);
    this.#compiled = options.compiled === false ? undefined : this.#compiledSteps();
    if (!this.#compiled && isHostDevice(device)) throw new OptionError(onlyCompiled);
  }

  /** Anchors and variances of the network; the anchors as they are now, where they follow the faces. */
  get config(): DetectorConfig {
    return this.#priors.config;
  }

  /** Whether batch norm is in inference mode everywhere from the next step on. */
  set fixedNorm(fixed: boolean) {
    if (fixed === this.#fixedNorm) return;
    this.#fixedNorm = fixed;
    applyFreeze(this.network, this.#options.frozen, fixed);
  }

  /** Steps done so far. */
  get steps(): number {
    return this.#step;
  }

  /** Faces left out so far because their boxes have no area or are not finite. */
  get droppedFaces(): number {
    return this.#labels.dropped;
  }

  /** Whether `losses()` must be called before the next step. */
  get mustRead(): boolean {
    return this.#pending.length >= this.#readEvery;
  }

  /**
   * One step of the optimizer, from the mean gradient of one or more batches. Work is recorded and
   * submitted; nothing is read back.
   *
   * @param batches samples of one size each; several accumulate their gradients
   * @throws {OptionError} for images of different sizes, or when losses wait to be read
   */
  async step(batches: readonly (readonly Sample[])[]): Promise<void> {
    const log = this.#room(batches.length + 1);
    const { schedule } = this.#options;
    const learningRate = schedule(this.#step);
    const scale = this.#mixed?.scaler.getScale();
    this.#optimizer.scaleLearningRate(learningRate);
    for (const [batch, samples] of batches.entries()) {
      this.#images.upload(samples);
      const { shape } = this.#images;
      this.#tellOfValues(shape);
      await this.#objective.prepare?.(shape);
      const prefix = this.#depth > 0 ? await this.#prefix(shape) : undefined;
      await this.#batch(samples, prefix, { batch, of: batches.length }, log);
      this.#priors.follow(samples, shape);
    }
    this.#device.flush();
    this.#pending.push({
      step: this.#step++,
      learningRate: this.#optimizer.groups[0].lr,
      samples: batches.flat(),
      batches: batches.length,
      ...(scale === undefined ? {} : { lossScale: scale }),
    });
  }

  /**
   * Reads the losses of the steps since the last call, oldest first.
   * @throws {NonFiniteLossError} for the first that is not finite, with its batch
   */
  async losses(): Promise<StepLosses[]> {
    const pending = this.#pending;
    this.#pending = [];
    const rows = (await this.#log?.take()) ?? [];
    return pending.map(({ step, learningRate, samples, batches, ...scale }) => {
      const parts = rows.splice(0, batches);
      const [norm] = rows.splice(0, 1);
      const losses: StepLosses = { step, learningRate, ...meanOf(parts), ...norm, ...scale };
      if (!Object.values(losses).every(Number.isFinite)) {
        throw new NonFiniteLossError(losses, samples);
      }
      return losses;
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
    return { network: this.network, optimizer: this.#optimizer, average: this.#average };
  }

  /** Reads everything back that a resumed run needs. */
  async state(): Promise<TrainerState> {
    const state = await readTrainerState(this.#stateful, this.#step);
    const anchors = this.#priors.sizes;
    return {
      ...state,
      ...(anchors && { anchors }),
      ...(this.#mixed ? { scaler: this.#mixed.scaler.stateDict() } : {}),
    };
  }

  /** Continues from a saved state. @throws StateDictError, TensorError where it does not fit */
  load(state: TrainerState): void {
    if ((state.scaler === undefined) !== (this.#mixed === undefined)) {
      throw new OptionError(
        "the saved run and this one differ in precision: give the same, f32 or mixed",
      );
    }
    loadTrainerState(this.#stateful, state);
    this.#priors.load(state.anchors);
    if (state.scaler) this.#mixed?.scaler.loadStateDict(state.scaler);
    this.#compiled?.clear();
    for (const prefix of this.#prefixes.values()) prefix.dispose();
    this.#prefixes.clear();
    this.#step = state.step;
    this.#pending = [];
  }

  /** Frees what the trainer holds; not the network. */
  dispose(): void {
    this.#compiled?.clear();
    for (const prefix of this.#prefixes.values()) prefix.dispose();
    this.#prefixes.clear();
    this.#labels.dispose?.();
    this.#optimizer.dispose();
    this.#average?.dispose();
    this.#mixed?.scaler.dispose();
    this.#images.dispose();
    this.#log?.dispose();
  }

  #compiledSteps(): CompiledSteps | undefined {
    const { clip, onNotice = console.warn } = this.#options;
    const objective = this.#objective;
    if (!canCompile(objective)) {
      if (isHostDevice(this.#device)) return undefined;
      onNotice("this objective has no targets() and losses(): its steps are not compiled");
      return undefined;
    }
    const context = {
      device: this.#device,
      objective,
      optimizer: this.#optimizer,
      average: this.#average,
      clip,
      scaler: this.#mixed?.scaler,
      forward: (maps: readonly Tensor[]) => this.#predict(maps),
    };
    return new CompiledSteps(context, onNotice);
  }

  /** Says once where batch norm has hardly anything to take statistics of. */
  #tellOfValues(shape: readonly number[]): void {
    if (this.#toldOfValues) return;
    const notice = fewValuesNotice(this.network, shape);
    if (!notice) return;
    this.#toldOfValues = true;
    (this.#options.onNotice ?? console.warn)(notice);
  }

  /** One batch of a step; the last one's updates the parameters. */
  async #batch(
    samples: readonly Sample[],
    prefix: FrozenPrefix | undefined,
    place: BatchPlace,
    log: LossLog,
  ): Promise<void> {
    const images = this.#images;
    const input = { samples, images, priors: this.#priors.of(images.shape) };
    const mode = this.#fixedNorm ? "fixed norm" : "";
    const batch = { ...input, prefix, place, mode };
    const step = await this.#compiled?.take(batch);
    const last = place.batch === place.of - 1;
    if (!step) {
      this.#accumulate(input, prefix, place.of, log);
      if (last) await this.#update(log);
      return;
    }
    let taken = true;
    if (this.#mixed) taken = await step.runScaled(place);
    else step.run(place);
    log.add(step.losses as LossParts);
    if (!last) return;
    log.add(step.gradientNorm && taken ? { gradientNorm: step.gradientNorm } : {});
  }

  /** Forward, loss, backward: adds the batch's share to the gradients. */
  #accumulate(
    input: ObjectiveInput,
    prefix: FrozenPrefix | undefined,
    batches: number,
    log: LossLog,
  ): void {
    tidy(() => {
      prefix?.run(input.images);
      const output = this.#predict(prefix ? prefix.maps() : [this.#input()]);
      const parts = this.#objective.loss(output, input);
      const share = (this.#mixed?.scaler.getScale() ?? 1) / batches;
      parts.total.backward(share === 1 ? undefined : full(this.#device, [], share));
      log.add(parts);
    });
  }

  /** Clips, updates and averages, unless gradients stored as f16 have overflowed. */
  async #update(log: LossLog): Promise<void> {
    const { clip } = this.#options;
    const finite = (await this.#mixed?.scaler.unscale(this.#optimizer)) ?? true;
    this.#mixed?.scaler.update();
    tidy(() => {
      const norm = finite && clip && optim.clipGradNorm(this.network.parameters(), clip);
      log.add(norm ? { gradientNorm: norm } : {});
    });
    if (finite) this.#optimizer.step();
    this.#optimizer.zeroGrad();
    if (finite) this.#average?.update();
  }

  /** The network from its images, or from where its frozen prefix ends. */
  #predict(maps: readonly Tensor[]): NetworkOutput {
    const { recompute } = this.#options;
    const { reached, told } = runParts(
      this.#parts.slice(this.#depth),
      this.#mixed?.narrow(maps) ?? maps,
      this.#objective.maps ?? [],
      (part, before) =>
        recompute ? checkpoint((...again) => part.run(again), ...before) : part.run(before),
    );
    const output = { ...this.network.join(this.network.predict(reached)), ...told };
    return this.#mixed?.widen(output) ?? output;
  }

  #input(): Tensor {
    const input = empty(this.#device, this.#images.shape);
    this.#images.fill(input);
    return input;
  }

  async #prefix(shape: readonly number[]): Promise<FrozenPrefix> {
    const key = shape.join();
    let prefix = this.#prefixes.get(key);
    if (!prefix) {
      const parts = this.#parts.slice(0, this.#depth);
      prefix = await FrozenPrefix.compile(this.#device, parts, shape);
      this.#prefixes.set(key, prefix);
    }
    return prefix;
  }

  #room(rows: number): LossLog {
    this.#log ??= new LossLog(this.#device, rows * this.#readEvery);
    if (!this.#log.hasRoom(rows)) {
      throw new OptionError("losses wait to be read: call losses() when mustRead says so");
    }
    return this.#log;
  }
}

/** The mean of each figure over the batches of a step. */
function meanOf(
  rows: readonly Record<string, number>[],
): { total: number } & Record<string, number> {
  const sums: Record<string, number> = { total: 0 };
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) sums[name] = (sums[name] ?? 0) + value;
  }
  const means = Object.entries(sums).map(([name, sum]) => [name, sum / rows.length]);
  return Object.fromEntries(means);
}

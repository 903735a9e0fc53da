import { type Device, hostOf, type StateDict } from "@retinaface-webgpu/tensor";
import {
  averagedWeights,
  backendOf,
  type Checkpoint,
  DataError,
  loadImage,
  type Problem,
  type StepLosses,
  seededRandom,
  type TrainingBackend,
} from "@retinaface-webgpu/train";
import { type BackendUse, noteBackend, recovering } from "@retinaface-webgpu/train/node";
import type { Backend, RawImage } from "retinaface-webgpu";
import { augmentFace } from "../data/augment.js";
import { ImageStore } from "../data/image-store.js";
import { BalancedSampler } from "../data/sampler.js";
import {
  type GalleryAndQuery,
  type IdentityImage,
  type IdentitySplit,
  someOfEach,
} from "../data/split.js";
import { Embedder } from "../networks/embedder.js";
import type { Start } from "../networks/network.js";
import { writePixels } from "../networks/pixels.js";
import { writeEmbedder } from "../networks/weights.js";
import type {
  EmbedderProgress,
  EmbedderRunDescription,
  EmbedderRunFiles,
  EmbedderValidation,
} from "./run-files.node.js";
import { EmbeddingTrainer, type FaceBatch } from "./trainer.js";
import { enrolMeans, identify, type LabelledVectors } from "./validate.js";

/** What a run tells the person who started it. */
export interface EmbedderRunListener {
  onLosses(losses: readonly StepLosses[], imagesPerSecond: number): void;
  onValidation(figures: EmbedderValidation): void;
  onNotice(text: string): void;
}

/** What a run works with. */
export interface EmbedderRunInput extends TrainingBackend {
  readonly description: EmbedderRunDescription;
  readonly split: IdentitySplit;
  readonly files: EmbedderRunFiles;
  readonly listener: EmbedderRunListener;
  /** What the network begins with where the run is not gone on with: see `EmbeddingTrainer`. */
  readonly start?: Start | undefined;
}

/** Pictures that are enrolled of an identity that was never trained on. */
export const ENROLLED = 5;

/** Where a run stands. */
interface Progress {
  validations: EmbedderValidation[];
  seconds: number;
  backends: readonly BackendUse[];
}

/** What a run came to. */
export interface EmbedderRunResult {
  readonly steps: number;
  readonly seconds: number;
  readonly backend: Backend;
  readonly best: EmbedderValidation | null;
}

/** A training in a folder: trains, validates, keeps checkpoints, survives lost devices, goes on bit by bit as if it had not stopped. */
export class EmbedderRun {
  readonly #input: EmbedderRunInput;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** Of pictures, and behind them of mirrored ones where these are other identities'. */
  readonly #labels: readonly number[];
  readonly #store: ImageStore;
  #checkpoint: Checkpoint<EmbedderProgress> | undefined;
  /** Files of which it was told that they cannot be read. */
  readonly #told = new Set<string>();
  #stop = false;

  /** @param checkpoint to resume from */
  constructor(input: EmbedderRunInput, checkpoint?: Checkpoint<EmbedderProgress>) {
    this.#input = input;
    this.#checkpoint = checkpoint;
    const { gallery } = input.split.seen;
    this.classes = [...new Set(gallery.map(({ identity }) => identity))].sort();
    const labelOf = new Map(this.classes.map((name, label) => [name, label]));
    const labels = gallery.map(({ identity }) => labelOf.get(identity)!);
    this.#labels = input.description.settings.mirroredIdentities
      ? [...labels, ...labels.map((label) => label + this.classes.length)]
      : labels;
    const files = gallery.map(({ file }) => file);
    this.#store = new ImageStore(files, input.description.settings.network.size);
  }

  /** The last checkpoint's step. */
  get savedStep(): number | undefined {
    return this.#checkpoint?.state.step;
  }

  /** Ends the run at a checkpoint after the present step. */
  stop(): void {
    this.#stop = true;
  }

  /**
   * Trains to the last step, or until `stop()`.
   * @returns undefined where it was stopped
   * @throws {RetinaFaceError} `LOSS_NOT_FINITE`; {DataError} for pictures that cannot be read
   */
  run(): Promise<EmbedderRunResult | undefined> {
    const { backend, threads, listener } = this.#input;
    return recovering({
      backend,
      threads,
      work: ({ device }) => this.#train(device),
      savedStep: async () => this.savedStep,
      onNotice: (text) => listener.onNotice(text),
    });
  }

  async #train(device: Device): Promise<EmbedderRunResult | undefined> {
    const { description, files, listener } = this.#input;
    const { settings } = description;
    const classes = this.classes.length * (settings.mirroredIdentities ? 2 : 1);
    const trainer = new EmbeddingTrainer(device, settings, classes, this.#input.start);
    const before = this.#checkpoint;
    if (before) trainer.load(before.state);
    const use = { step: trainer.steps, backend: backendOf(device) };
    const notice = (text: string) => listener.onNotice(text);
    const progress: Progress = {
      validations: [...(before?.extra.validations ?? [])],
      seconds: before?.extra.seconds ?? 0,
      backends: noteBackend(before?.extra.backends, use, notice),
    };
    await files.rewindMetrics(trainer.steps);
    try {
      await this.#steps(device, trainer, progress);
      if (trainer.steps < settings.steps) return undefined;
      const model = await this.#model(trainer);
      await files.write("final.safetensors", model);
      await files.writeCsv();
      const best = progress.validations.reduce<EmbedderValidation | null>(better, null);
      return { steps: trainer.steps, seconds: progress.seconds, backend: use.backend, best };
    } finally {
      if (!device.isLost) trainer.dispose();
    }
  }

  async #steps(device: Device, trainer: EmbeddingTrainer, progress: Progress): Promise<void> {
    const { description, files, listener } = this.#input;
    const { settings, valEvery, checkpointEvery } = description;
    const { identities, images, seed, steps } = settings;
    const sampler = new BalancedSampler(this.#labels, identities, images, seed);
    let last = performance.now();
    let reported = trainer.steps;
    const lap = () => {
      const now = performance.now();
      const seconds = (now - last) / 1000;
      last = now;
      progress.seconds += seconds;
      return seconds;
    };
    const report = async () => {
      const losses = await trainer.losses();
      const count = (trainer.steps - reported) * identities * images;
      reported = trainer.steps;
      files.appendMetrics(losses.map((line) => ({ ...line, kind: "step" as const })));
      listener.onLosses(losses, count / Math.max(lap(), 1e-3));
    };
    let next = trainer.steps < steps ? this.#batch(sampler, trainer.steps) : undefined;
    while (trainer.steps < steps && next) {
      const batch: FaceBatch = await next;
      await trainer.step(batch);
      const step = trainer.steps;
      // The next batch is made while the engine computes.
      next = step < steps ? this.#batch(sampler, step) : undefined;
      next?.catch(() => undefined);
      const ends = step >= steps || this.#stop;
      const validates = step % valEvery === 0 || step >= steps;
      const saves = ends || validates || step % checkpointEvery === 0;
      if (trainer.mustRead || saves) await report();
      if (validates) await this.#validate(device, trainer, progress);
      if (saves) {
        lap();
        await this.#save(trainer, progress);
      }
      if (ends) break;
    }
    await next?.catch(() => undefined);
  }

  async #batch(sampler: BalancedSampler, step: number): Promise<FaceBatch> {
    const { augment, seed, network } = this.#input.description.settings;
    const picks = sampler.batch(step);
    const numbers = network.size * network.size * 3;
    const images = new Float32Array(picks.length * numbers);
    const count = this.#input.split.seen.gallery.length;
    const mirrored = { ...augment, mirror: 1 };
    for (const [place, { image }] of picks.entries()) {
      const random = seededRandom(seed, 3, step, place);
      const picture = await this.#picture(image % count);
      const view = augmentFace(picture, image < count ? augment : mirrored, random);
      writePixels(view, images, place * numbers, network.evened);
    }
    return { images, labels: Int32Array.from(picks, ({ label }) => label) };
  }

  async #picture(index: number) {
    try {
      return await this.#store.get(index);
    } catch (cause) {
      const { file } = this.#input.split.seen.gallery[index];
      const why = (cause as Error).message;
      throw new DataError(`${file} cannot be trained on (${why}): mend it or take it away`, {
        cause,
      });
    }
  }

  /** The network, or its averaged weights, as a file. */
  async #model(trainer: EmbeddingTrainer): Promise<Uint8Array> {
    const { settings } = this.#input.description;
    const weights = averagedWeights(await trainer.state());
    const made = { loss: settings.loss, steps: trainer.steps, identities: this.classes.length };
    return writeEmbedder({ config: settings.network, state: networkOnly(weights) }, made);
  }

  async #validate(device: Device, trainer: EmbeddingTrainer, progress: Progress): Promise<void> {
    const { split, files, listener } = this.#input;
    if (split.seen.query.length === 0 && split.unseen.query.length === 0) return;
    const model = await this.#model(trainer);
    const host = hostOf(device);
    const embedder = await Embedder.load(
      model,
      host ? { backend: "wasm", threads: host.engine.threads } : { device },
    );
    try {
      const seen = await this.#rank(embedder, split.seen, Number.POSITIVE_INFINITY);
      const unseen =
        split.unseen.query.length > 0
          ? await this.#rank(embedder, split.unseen, ENROLLED)
          : undefined;
      const figures = { step: trainer.steps, seen, ...(unseen && { unseen }) };
      const best = progress.validations.reduce<EmbedderValidation | null>(better, null);
      if (better(best, figures) === figures) await files.write("best.safetensors", model);
      progress.validations.push(figures);
      files.appendMetrics([{ kind: "validation", ...figures }]);
      listener.onValidation(figures);
    } finally {
      embedder.dispose();
    }
  }

  async #rank(embedder: Embedder, { gallery, query }: GalleryAndQuery, enrolled: number) {
    const tell = ({ file, message }: Problem) => {
      if (this.#told.has(file)) return;
      this.#told.add(file);
      this.#input.listener.onNotice(`${file} is passed over in validations: ${message}`);
    };
    const known = await embedPictures(embedder, someOfEach(gallery, enrolled), tell);
    return identify(enrolMeans(known), await embedPictures(embedder, query, tell));
  }

  async #save(trainer: EmbeddingTrainer, progress: Progress): Promise<void> {
    const { description, files } = this.#input;
    const { validations, seconds, backends } = progress;
    const extra = { description, validations: [...validations], seconds, backends };
    this.#checkpoint = { state: await trainer.state(), extra };
    await files.writeCheckpoint(this.#checkpoint);
  }
}

/** Pictures that are decoded at a time. */
const AT_ONCE = 32;

/**
 * Embeds pictures as they are, some at a time.
 * @param onProblem called for each that cannot be read, which is passed over
 */
export async function embedPictures(
  embedder: Embedder,
  pictures: readonly IdentityImage[],
  onProblem: (problem: Problem) => void,
): Promise<LabelledVectors> {
  const identities: string[] = [];
  const vectors: Float32Array[] = [];
  for (let first = 0; first < pictures.length; first += AT_ONCE) {
    const part = pictures.slice(first, first + AT_ONCE);
    const decoded = await Promise.allSettled(part.map(({ file }) => loadImage(file)));
    const images: RawImage[] = [];
    for (const [i, result] of decoded.entries()) {
      const { file, identity } = part[i];
      if (result.status === "fulfilled") {
        images.push(result.value);
        identities.push(identity);
      } else onProblem({ file, message: (result.reason as Error).message });
    }
    vectors.push(await embedder.embed(images));
  }
  const whole = new Float32Array(identities.length * embedder.dimension);
  let at = 0;
  for (const part of vectors) {
    whole.set(part, at);
    at += part.length;
  }
  return { vectors: whole, identities };
}

/** What is trained beside the network is no part of it. */
function networkOnly(weights: StateDict): StateDict {
  const prefix = "network.";
  const own = [...weights].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** The later of two only where it tells more apart: of those not trained on where there are some. */
function better(
  best: EmbedderValidation | null,
  figures: EmbedderValidation,
): EmbedderValidation | null {
  const worth = ({ seen, unseen }: EmbedderValidation) =>
    seen.rank1 * seen.queries + (unseen ? unseen.rank1 * unseen.queries : 0);
  return best && worth(best) >= worth(figures) ? best : figures;
}

import { Device, type StateDict } from "@retinaface-webgpu/tensor";
import {
  createSampler,
  type FaceRecord,
  initialiseNetwork,
  parseFreeze,
  RecordBuilder,
  type StepLosses,
  sampleBatches,
  Trainer,
  type TrainSettings,
  trainerOptions,
  trainingAugment,
  writeModel,
} from "@retinaface-webgpu/train";
import { type DetectorConfig, RetinaFace, readWeights, toRawImage } from "retinaface-webgpu";
import type { Box, LabelledPhoto, TuneOptions } from "./protocol.js";

const SEED = 1;
/** Photos are looked at with at most this long side. */
const MAX_SIDE = 640;

/** A detector that learns: its weights, the device they are on, and the training of its heads. */
export class Tuner {
  #stopping = false;

  private constructor(
    readonly device: Device,
    private detector: RetinaFace,
    private state: StateDict,
    private readonly config: DetectorConfig,
  ) {}

  /** @throws the detector's errors for weights it cannot use, WebGpuUnavailableError */
  static async load(weights: Blob): Promise<Tuner> {
    const bytes = new Uint8Array(await weights.arrayBuffer());
    const { state, config } = readWeights(bytes);
    const device = await Device.create();
    try {
      const detector = await RetinaFace.load({ weights: bytes, device });
      return new Tuner(device, detector, state, config);
    } catch (error) {
      device.destroy();
      throw error;
    }
  }

  async detect(photo: Blob): Promise<Box[]> {
    const faces = await this.detector.detect(photo, { maxSide: MAX_SIDE });
    return faces.map(({ box: [x1, y1, x2, y2] }) => [x1, y1, x2, y2]);
  }

  /** The present weights as safetensors. */
  save(): Uint8Array<ArrayBuffer> {
    return writeModel(this.state, this.config);
  }

  /** Ends training after the present step. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Trains the heads; the rest of the network stays as it is.
   * @returns steps done
   * @throws NonFiniteLossError, after which the weights are those from before
   */
  async tune(
    photos: readonly LabelledPhoto[],
    options: TuneOptions,
    onLosses: (losses: StepLosses) => void,
  ): Promise<number> {
    const { steps, batchSize } = options;
    const settings = settingsOf(options, this.config);
    const records = await Promise.all(photos.map(toRecord));
    const network = initialiseNetwork(this.device, {
      config: this.config,
      pretrained: { state: this.state, config: this.config },
      seed: SEED,
    });
    const trainer = new Trainer(this.device, network, {
      ...trainerOptions(settings, steps),
      readEvery: 1,
    });
    const augment = trainingAugment(options.imageSize);
    const sampler = createSampler({ records, augment, seed: SEED });
    const start = { epoch: 0, position: 0 };
    const data = { count: records.length, batchSize, seed: SEED, start };
    this.#stopping = false;
    try {
      for await (const { samples } of sampleBatches(sampler, data)) {
        await trainer.step([samples]);
        for (const losses of await trainer.losses()) onLosses(losses);
        if (trainer.steps >= steps || this.#stopping) break;
      }
      await this.#take(await network.stateDict());
      return trainer.steps;
    } finally {
      trainer.dispose();
      network.dispose();
    }
  }

  async #take(state: StateDict): Promise<void> {
    const weights = writeModel(state, this.config);
    const detector = await RetinaFace.load({ weights, device: this.device });
    this.detector.dispose();
    this.detector = detector;
    this.state = state;
  }

  dispose(): void {
    this.detector.dispose();
    this.device.destroy();
  }
}

function settingsOf(options: TuneOptions, config: DetectorConfig): TrainSettings {
  return {
    preset: "pytorch",
    classification: "hard-negatives",
    imageSize: options.imageSize,
    batchSize: options.batchSize,
    accumulate: 1,
    epochs: 1,
    optimizer: "adamw",
    lr: options.learningRate,
    momentum: 0,
    weightDecay: 5e-4,
    schedule: "cosine",
    warmup: Math.round(options.steps / 10),
    clip: 10,
    ema: 0,
    freeze: parseFreeze("all"),
    fixedNorm: true,
    seed: SEED,
    augment: true,
    config,
  };
}

/** A photo as the trainer takes it, decoded once. */
async function toRecord({ name, blob, boxes }: LabelledPhoto, index: number): Promise<FaceRecord> {
  const image = await toRawImage(blob);
  const { width, height } = image;
  const record = new RecordBuilder(`${index}/${name}`, async () => image, { width, height });
  for (const box of boxes) record.add({ box, label: "face" });
  return record.build();
}

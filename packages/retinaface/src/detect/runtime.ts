import {
  type Device,
  type Precision,
  type StateDict,
  type Tensor,
  WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { RetinaFaceError } from "../errors.js";
import { Engine } from "../gpu/engine.js";
import { warmUp } from "../gpu/pipelines.js";
import { UploadBuffer } from "../gpu/upload.js";
import { loadNetwork } from "../model/load.js";
import type { NetworkConfig, RetinaFaceNetwork } from "../model/network.js";
import type { KernelTuner, KernelTuning } from "../tune/measure-kernels.js";
import type { DetectorConfig } from "../types.js";

/** Engines kept for sizes seen before. */
const MAX_ENGINES = 4;

/** What a detector is, wherever it runs. */
export interface RuntimeParts {
  readonly network: NetworkConfig;
  readonly state: StateDict;
  readonly config: DetectorConfig;
  readonly precision: Precision;
  readonly tune: KernelTuning | undefined;
}

/** Everything a detector has on one device: the network's weights and the engines for recent sizes. */
export class Runtime {
  readonly device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #weights: WeightStore;
  readonly #upload: UploadBuffer;
  readonly #parts: RuntimeParts;
  readonly #engines = new Map<string, Engine>();
  #tuner: KernelTuner | undefined;

  /** @throws RetinaFaceError `PRECISION_UNAVAILABLE` */
  constructor(device: Device, parts: RuntimeParts) {
    if (parts.precision === "f16" && !device.has("shader-f16")) {
      throw new RetinaFaceError(
        "PRECISION_UNAVAILABLE",
        `${device.adapter.name} lacks shader-f16 here: use precision f32.`,
      );
    }
    this.device = device;
    this.#parts = parts;
    const { network, state, config } = parts;
    this.#network = loadNetwork(nn.Init.empty(device), network, state, config.anchors);
    // Errors come back from the calls that need the kernels.
    warmUp(device, this.#network.headSpecs).catch(() => undefined);
    this.#weights = new WeightStore(device);
    this.#upload = new UploadBuffer(device);
  }

  /** The engine for a size, compiled on first use; the least recently used one makes room. */
  async engine(batch: number, height: number, width: number): Promise<Engine> {
    const key = `${batch}x${height}x${width}`;
    const known = this.#engines.get(key);
    if (known) {
      this.#engines.delete(key);
      this.#engines.set(key, known);
      return known;
    }
    if (this.#engines.size >= MAX_ENGINES) {
      const [oldest] = this.#engines.keys();
      this.#engines.get(oldest)?.dispose();
      this.#engines.delete(oldest);
    }
    const { config, precision, tune } = this.#parts;
    this.#tuner ??= await tune?.(this.device);
    const parts = {
      device: this.device,
      heads: (image: Tensor) => this.#network.heads(image),
      headSpecs: this.#network.headSpecs,
      weights: this.#weights,
      upload: this.#upload,
      config,
      precision,
      tuner: this.#tuner,
    };
    const engine = await Engine.create(parts, { batch, height, width });
    this.#engines.set(key, engine);
    return engine;
  }

  /** Frees engines and packed weights; both are made again when they are needed. */
  reset(): void {
    for (const engine of this.#engines.values()) engine.dispose();
    this.#engines.clear();
    this.#upload.dispose();
    this.#weights.dispose();
  }

  dispose(): void {
    this.reset();
    this.#network.dispose();
  }
}

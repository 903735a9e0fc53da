import {
  type Device,
  type StateDict,
  type Tensor,
  WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { Engine } from "./gpu/engine.js";
import { UploadBuffer } from "./gpu/upload.js";
import { type NetworkConfig, RetinaFaceNetwork } from "./model/network.js";
import type { DetectorConfig } from "./types.js";
import { matchStateDict } from "./weights/state-dict.js";

/** Engines kept for sizes seen before. */
const MAX_ENGINES = 4;

/** Everything a detector has on one device: the network's weights and the engines for recent sizes. */
export class Runtime {
  readonly device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #weights: WeightStore;
  readonly #upload: UploadBuffer;
  readonly #config: DetectorConfig;
  readonly #engines = new Map<string, Engine>();

  constructor(device: Device, network: NetworkConfig, state: StateDict, config: DetectorConfig) {
    this.device = device;
    this.#config = config;
    this.#network = new RetinaFaceNetwork(nn.Init.empty(device), network);
    const matched = matchStateDict(this.#network.stateShapes(), state);
    this.#network.loadStateDict(matched, { strict: false });
    this.#network.eval().requiresGrad(false);
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
    const parts = {
      device: this.device,
      heads: (image: Tensor) => this.#network.heads(image),
      weights: this.#weights,
      upload: this.#upload,
      config: this.#config,
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

import {
  compile,
  type Device,
  type Plan,
  type PlanOutput,
  type StateDict,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { priorBoxes } from "./anchors.js";
import { type NetworkConfig, RetinaFaceNetwork } from "./model/network.js";
import type { DetectorConfig } from "./types.js";
import { matchStateDict } from "./weights/state-dict.js";

/** A network ready to run on batches of one size. */
export interface Engine {
  readonly plan: Plan;
  readonly priors: Float32Array;
}

/** Raw outputs of one image over all priors. */
export interface RawOutputs {
  readonly loc: Float32Array;
  /** Face probabilities. */
  readonly scores: Float32Array;
  readonly landms: Float32Array;
}

/** Plans kept for sizes seen before. */
const MAX_ENGINES = 4;

/** Everything a detector has on one device: the network's weights and the plans for recent sizes. */
export class Runtime {
  readonly device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #weights: WeightStore;
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
      this.#engines.get(oldest)?.plan.dispose();
      this.#engines.delete(oldest);
    }
    const forward = (image: Parameters<RetinaFaceNetwork["heads"]>[0]) => {
      const { conf, loc, landms } = this.#network.heads(image);
      return [...conf, ...loc, ...landms];
    };
    const info = { shape: [batch, height, width, 3], dtype: "f32" as const };
    const plan = await compile(this.device, forward, [info], { weights: this.#weights });
    const engine = { plan, priors: priorBoxes(height, width, this.#config.anchors) };
    this.#engines.set(key, engine);
    return engine;
  }

  /** Reads the outputs of a plan that has run. */
  async read(engine: Engine): Promise<RawOutputs[]> {
    const buffers = new Map<PlanOutput["tensor"], Float32Array>();
    for (const { tensor } of engine.plan.outputs) {
      if (buffers.has(tensor)) continue;
      buffers.set(tensor, (await tensor.data()) as Float32Array);
    }
    const [conf, loc, landms] = [0, 3, 6].map((i) => engine.plan.outputs.slice(i, i + 3));
    const batch = conf[0].shape[0];
    return Array.from({ length: batch }, (_, image) => ({
      loc: gather(loc, buffers, image),
      scores: faceProbabilities(gather(conf, buffers, image)),
      landms: gather(landms, buffers, image),
    }));
  }

  /** Frees plans and packed weights; both are made again when they are needed. */
  reset(): void {
    for (const { plan } of this.#engines.values()) plan.dispose();
    this.#engines.clear();
    this.#weights.dispose();
  }

  dispose(): void {
    this.reset();
    this.#network.dispose();
  }
}

/** One image's values of all levels, one after the other. */
function gather(
  levels: readonly PlanOutput[],
  buffers: ReadonlyMap<PlanOutput["tensor"], Float32Array>,
  image: number,
): Float32Array {
  const pixels = levels.map(({ shape }) => shape[1] * shape[2]);
  const total = levels.reduce((n, { shape }, i) => n + pixels[i] * shape[3], 0);
  const values = new Float32Array(total);
  let at = 0;
  for (const [i, { tensor, shape, stride, offset }] of levels.entries()) {
    const source = buffers.get(tensor)!;
    for (let pixel = 0; pixel < pixels[i]; pixel++) {
      const from = (image * pixels[i] + pixel) * stride + offset;
      values.set(source.subarray(from, from + shape[3]), at);
      at += shape[3];
    }
  }
  return values;
}

/** Softmax of (background, face) logits, of which only the face's is wanted. */
function faceProbabilities(logits: Float32Array): Float32Array {
  const scores = new Float32Array(logits.length / 2);
  for (let i = 0; i < scores.length; i++) {
    scores[i] = 1 / (1 + Math.exp(logits[i * 2] - logits[i * 2 + 1]));
  }
  return scores;
}

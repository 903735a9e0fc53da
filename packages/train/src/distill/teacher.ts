import {
  compile,
  type Device,
  nn,
  type Plan,
  type PlanOutputs,
  type Tensor,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import {
  type DetectorConfig,
  inferNetwork,
  loadNetwork,
  type NetworkOutput,
  type RetinaFaceNetwork,
  readWeights,
} from "retinaface-webgpu";
import { checkWanted, MAP, runParts } from "../objective/maps.js";
import type { BatchImages } from "../trainer/images.js";

/** The outputs that a student learns. */
const TAUGHT: ReadonlySet<string> = new Set(["loc", "conf", "landms"]);

const keyOf = (shape: readonly number[], hints: readonly string[]) => `${shape} ${hints}`;

/** A trained network that says of images what a student shall say; compiled for each size of batch. */
export class Teacher {
  readonly config: DetectorConfig;
  readonly #device: Device;
  readonly #network: RetinaFaceNetwork;
  readonly #weights: WeightStore;
  readonly #plans = new Map<string, Plan<PlanOutputs<NetworkOutput>>>();

  /** @throws CheckpointError, StateDictMismatchError for bytes that are no RetinaFace's weights */
  constructor(device: Device, checkpoint: Uint8Array) {
    const { state, config } = readWeights(checkpoint);
    this.config = config;
    this.#device = device;
    const init = nn.Init.empty(device);
    this.#network = loadNetwork(
      init,
      inferNetwork(state, this.config.heads),
      state,
      this.config.anchors,
    );
    this.#weights = new WeightStore(device);
  }

  /**
   * Compiles for images of a shape `[n, h, w, 3]`, once.
   *
   * @param hints parts whose maps it tells beside its outputs
   * @throws OptionError for a part that it has not
   */
  async prepare(shape: readonly number[], hints: readonly string[] = []): Promise<void> {
    const key = keyOf(shape, hints);
    if (this.#plans.has(key)) return;
    const network = this.#network;
    checkWanted(hints, network.parts());
    const forward = (image: Tensor) => {
      const { reached, told } = runParts(network.parts(), [image], hints);
      return { ...network.join(network.decoded(network.predict(reached))), ...told };
    };
    const weights = this.#weights;
    this.#plans.set(
      key,
      await compile(this.#device, forward, [{ shape, dtype: "f32" }], { weights }),
    );
  }

  /**
   * Its outputs for images of a prepared shape, valid until the next call.
   */
  run(images: BatchImages, hints: readonly string[] = []): NetworkOutput {
    const plan = this.#plans.get(keyOf(images.shape, hints))!;
    images.fill(plan.inputs[0]);
    plan.run();
    const told = Object.entries(plan.outputs).filter(
      ([name]) => TAUGHT.has(name) || name.startsWith(MAP),
    );
    return Object.fromEntries(told.map(([name, { tensor }]) => [name, tensor]));
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#weights.dispose();
    this.#network.dispose();
  }
}

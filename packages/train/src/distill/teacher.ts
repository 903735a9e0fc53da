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
import type { BatchImages } from "../trainer/images.js";

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

  /** Compiles for images of a shape `[n, h, w, 3]`, once. */
  async prepare(shape: readonly number[]): Promise<void> {
    const key = shape.join();
    if (this.#plans.has(key)) return;
    const forward = (image: Tensor) => this.#network.forward(image);
    const weights = this.#weights;
    this.#plans.set(
      key,
      await compile(this.#device, forward, [{ shape, dtype: "f32" }], { weights }),
    );
  }

  /**
   * Its outputs for images of a prepared shape, valid until the next call.
   */
  run(images: BatchImages): NetworkOutput {
    const plan = this.#plans.get(images.shape.join())!;
    images.fill(plan.inputs[0]);
    plan.run();
    const { loc, conf, landms } = plan.outputs;
    return { loc: loc.tensor, conf: conf.tensor, landms: landms.tensor };
  }

  dispose(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#weights.dispose();
    this.#network.dispose();
  }
}

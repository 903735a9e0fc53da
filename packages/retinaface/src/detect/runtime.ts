import {
  type Device,
  type Precision,
  type Tensor,
  WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "../errors.js";
import { Engine } from "../gpu/engine.js";
import { warmUp } from "../gpu/pipelines.js";
import { UploadBuffer } from "../gpu/upload.js";
import { meshStages } from "../mesh/code.js";
import type { GpuMeshes } from "../mesh/on-gpu.js";
import { objectnessHead } from "../model/heads.js";
import type { LoadedNetwork, NetworkSource } from "../model/load.js";
import { backboneEntry } from "../model/registry.js";
import type { KernelTuner, KernelTuning } from "../tune/measure-kernels.js";
import type { DetectorRuntime } from "./backend.js";
import { Recent } from "./recent.js";

/** Engines kept for sizes seen before, of single images and again of batches. */
const MAX_ENGINES = 4;

/** What a detector is, wherever it runs. */
export interface RuntimeParts extends NetworkSource {
  readonly precision: Precision;
  readonly tune: KernelTuning | undefined;
}

/**
 * Levels whose candidates one dispatch finds, by all that is known before the network is compiled: heads of 1×1 are merged,
 * where nothing is computed of them.
 */
function levelsTogether({ network, config }: RuntimeParts): number | undefined {
  const { backbone, retinanet, cascade, heads = [] } = network;
  const isPlain = !retinanet && !cascade && !objectnessHead(heads);
  const merged = isPlain && (backboneEntry(backbone).heads ?? "pointwise");
  const levels = config.anchors.steps.length;
  return merged === "pointwise" && levels > 1 ? levels : undefined;
}

/** Everything a detector has on a GPU. */
export class Runtime implements DetectorRuntime {
  readonly backend = "webgpu";
  readonly threads = 0;
  readonly device: Device;
  readonly #ownsDevice: boolean;
  readonly #network: LoadedNetwork;
  #weights: WeightStore;
  readonly #upload: UploadBuffer;
  readonly #parts: RuntimeParts;
  readonly #engines = new Recent<Engine>(MAX_ENGINES);
  readonly #batches = new Recent<Engine>(MAX_ENGINES);
  #tuner: KernelTuner | undefined;
  #meshes: GpuMeshes | undefined;

  /**
   * @param ownsDevice whether the device ends with it
   * @throws RetinaFaceError `PRECISION_UNAVAILABLE`
   */
  constructor(device: Device, parts: RuntimeParts, ownsDevice: boolean) {
    if (parts.precision === "f16" && !device.has("shader-f16")) {
      throw new RetinaFaceError(
        "PRECISION_UNAVAILABLE",
        `${device.adapter.name} lacks shader-f16 here: use precision f32.`,
      );
    }
    this.device = device;
    this.#ownsDevice = ownsDevice;
    this.#parts = parts;
    this.#network = parts.load(device);
    // Errors come back from the calls that need the kernels.
    warmUp(device, this.#network.headSpecs, levelsTogether(parts)).catch(() => undefined);
    this.#weights = new WeightStore(device);
    this.#upload = new UploadBuffer(device);
  }

  get isLost(): boolean {
    return this.device.isLost;
  }

  engine(batch: number, height: number, width: number, mesh: boolean): Promise<Engine> {
    const spec = { batch, height, width };
    const engines = batch === 1 ? this.#engines : this.#batches;
    return engines.get(`${batch}x${height}x${width}${mesh ? " mesh" : ""}`, async () => {
      const { config, precision, tune } = this.#parts;
      this.#tuner ??= await tune?.(this.device);
      const parts = {
        device: this.device,
        heads: (image: Tensor) =>
          mesh ? this.#network.headsAndMap!(image) : this.#network.heads(image),
        headSpecs: this.#network.headSpecs,
        weights: this.#weights,
        upload: this.#upload,
        config,
        precision,
        tuner: this.#tuner,
        meshes: mesh ? await this.#branch() : undefined,
      };
      return Engine.create(parts, spec);
    });
  }

  async #branch(): Promise<GpuMeshes> {
    const [stride] = this.#parts.config.anchors.steps;
    const { device } = this;
    const made = await meshStages().onGpu(device, this.#network, stride, this.#weights);
    this.#meshes ??= made;
    return this.#meshes;
  }

  reset(): void {
    this.#free();
    this.#weights = new WeightStore(this.device);
  }

  dispose(): void {
    if (!this.isLost) {
      this.#free();
      this.#network.dispose();
    }
    if (this.#ownsDevice) this.device.destroy();
  }

  #free(): void {
    this.#engines.clear();
    this.#batches.clear();
    this.#meshes?.dispose();
    this.#meshes = undefined;
    this.#upload.dispose();
    this.#weights.dispose();
  }
}

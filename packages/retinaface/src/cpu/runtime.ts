import type { Device, Tensor } from "@retinaface-webgpu/tensor/inference";
import { createHostDevice, WasmEngine, WasmWeights } from "@retinaface-webgpu/tensor/wasm";
import type { DetectionEngine, DetectorRuntime } from "../detect/backend.js";
import { Recent } from "../detect/recent.js";
import { meshStages } from "../mesh/code.js";
import type { CpuMeshes } from "../mesh/on-cpu.js";
import type { LoadedNetwork, NetworkSource } from "../model/load.js";
import type { DetectorConfig } from "../types.js";
import { CpuEngine } from "./engine.js";

/** Engines kept for sizes seen before: records of some kilobytes, as weights and activations are shared. */
const MAX_ENGINES = 64;

/** Everything a detector has on the processors. This module is loaded only where they are what it runs on. */
export class CpuRuntime implements DetectorRuntime {
  readonly backend = "wasm";
  readonly device: Device;
  readonly #engine: WasmEngine;
  readonly #network: LoadedNetwork;
  readonly #weights: WasmWeights;
  readonly #config: DetectorConfig;
  readonly #engines = new Recent<CpuEngine>(MAX_ENGINES);
  /** Those that were made last, by whether they give meshes. */
  readonly #last = new Map<boolean, CpuEngine>();
  #meshes: CpuMeshes | undefined;

  private constructor(
    device: Device,
    engine: WasmEngine,
    network: LoadedNetwork,
    config: DetectorConfig,
  ) {
    this.device = device;
    this.#engine = engine;
    this.#network = network;
    this.#config = config;
    this.#weights = new WasmWeights(engine);
  }

  /**
   * Starts the engine and loads the network.
   *
   * @param reading the network: the engine starts meanwhile
   * @param threads default as many as there are processors, at most 8
   * @throws WasmUnavailableError, what `reading` throws
   */
  static async create(
    reading: Promise<NetworkSource>,
    threads: number | undefined,
  ): Promise<CpuRuntime> {
    const starting = WasmEngine.create(threads === undefined ? {} : { threads });
    starting.catch(() => undefined);
    const device = await createHostDevice();
    try {
      const source = await reading;
      const loaded = source.load(device);
      return new CpuRuntime(device, await starting, loaded, source.config);
    } catch (error) {
      device.destroy();
      starting.then(
        (engine) => engine.dispose(),
        () => undefined,
      );
      throw error;
    }
  }

  get threads(): number {
    return this.#engine.threads;
  }

  get isLost(): boolean {
    return this.#engine.isLost;
  }

  engine(_batch: number, height: number, width: number, mesh: boolean): Promise<DetectionEngine> {
    return this.#engines.get(`${height}x${width}${mesh ? " mesh" : ""}`, async () => {
      const parts = {
        device: this.device,
        engine: this.#engine,
        heads: (image: Tensor) =>
          mesh ? this.#network.headsAndMap!(image) : this.#network.heads(image),
        headSpecs: this.#network.headSpecs,
        weights: this.#weights,
        config: this.#config,
        meshes: mesh ? await this.#branch() : undefined,
      };
      const like = this.#network.isSizeless ? this.#last.get(mesh) : undefined;
      const made = await CpuEngine.create({ ...parts, like }, height, width);
      this.#last.set(mesh, made);
      return made;
    });
  }

  async #branch(): Promise<CpuMeshes> {
    const [stride] = this.#config.anchors.steps;
    const [device, engine, network] = [this.device, this.#engine, this.#network];
    const made = await meshStages().onCpu(device, engine, network, stride, this.#weights);
    this.#meshes ??= made;
    return this.#meshes;
  }

  reset(): void {
    this.#last.clear();
    this.#meshes?.dispose();
    this.#meshes = undefined;
    this.#engines.clear();
    this.#weights.dispose();
  }

  dispose(): void {
    this.reset();
    this.#network.dispose();
    this.#engine.dispose();
    this.device.destroy();
  }
}

import {
  compile,
  Device,
  type Plan,
  type PlanOutput,
  probeAdapter,
  type StateDict,
  type Tensor,
  WebGpuUnavailableError,
  WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { type Backend, type BackendChoice, matchStateDict, OptionError } from "retinaface-webgpu";
import { buildNetwork } from "./build.js";
import type { EmbedderConfig } from "./config.js";
import type { EmbeddingNetwork } from "./network.js";
import type { EmbedderWeights } from "./weights.js";

/** Where an embedding network runs. */
export interface RuntimeOptions {
  readonly backend: BackendChoice;
  readonly threads: number | undefined;
  readonly device: Device | undefined;
}

/** A network on one of the two engines. */
export interface EmbedderRuntime {
  readonly backend: Backend;
  /** Embeddings of `count` images, `[count, dimension]`. @param images as networks take them, one after the other */
  run(images: Float32Array, count: number): Promise<Float32Array>;
  dispose(): void;
}

const BACKENDS: readonly string[] = ["auto", "webgpu", "wasm"];

/** @throws {OptionError} for options that do not go together */
export function checkRuntimeOptions({ backend, device, threads }: RuntimeOptions): void {
  if (!BACKENDS.includes(backend)) {
    throw new OptionError(`backend must be ${BACKENDS.join(", ")}, got ${backend}`);
  }
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new OptionError(`threads must be a whole number from 1 to 64, got ${threads}`);
  }
  if (device && backend === "wasm") {
    throw new OptionError("a device is WebGPU's: leave it out, or choose backend webgpu");
  }
}

/**
 * Puts a network where the options say: on a graphics card, else on the processors.
 * @throws WebGpuUnavailableError, WasmUnavailableError; StateDictMismatchError for weights of another network
 */
export async function openEmbedderRuntime(
  weights: EmbedderWeights,
  options: RuntimeOptions,
): Promise<EmbedderRuntime> {
  const { backend, device, threads } = options;
  if (device) return new GpuRuntime(device, weights, false);
  if (backend === "webgpu" || (backend === "auto" && (await hasCard()))) {
    try {
      return new GpuRuntime(await Device.create(), weights, true);
    } catch (error) {
      if (backend !== "auto" || !(error instanceof WebGpuUnavailableError)) throw error;
      console.warn(`Embedder: it runs on wasm, as the GPU cannot be had (${error.message})`);
    }
  }
  return openWasm(weights, threads);
}

async function hasCard(): Promise<boolean> {
  const adapter = await probeAdapter();
  return adapter !== undefined && !adapter.software;
}

/** @throws StateDictMismatchError */
function fill(device: Device, { config, state }: EmbedderWeights): EmbeddingNetwork {
  const network = buildNetwork(nn.Init.empty(device), config);
  try {
    network.loadStateDict(matchState(network, state), { strict: false });
  } catch (error) {
    network.dispose();
    throw error;
  }
  network.eval().requiresGrad(false);
  return network;
}

/** What of a checkpoint a network takes. @throws StateDictMismatchError */
export function matchState(network: EmbeddingNetwork, state: StateDict): StateDict {
  return matchStateDict(network.stateShapes(), state);
}

const infoOf = ({ size }: EmbedderConfig, count: number) => ({
  shape: [count, size, size, 3],
  dtype: "f32" as const,
});

/** Plans for the sizes of batches seen so far share their weights. */
class GpuRuntime implements EmbedderRuntime {
  readonly backend = "webgpu";
  readonly #device: Device;
  readonly #ownsDevice: boolean;
  readonly #network: EmbeddingNetwork;
  readonly #weights: WeightStore;
  readonly #plans = new Map<number, Promise<Plan<PlanOutput>>>();
  /** Runs one after the other: a plan has one place for its inputs. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(device: Device, weights: EmbedderWeights, ownsDevice: boolean) {
    this.#device = device;
    this.#ownsDevice = ownsDevice;
    try {
      this.#network = fill(device, weights);
    } catch (error) {
      if (ownsDevice) device.destroy();
      throw error;
    }
    this.#weights = new WeightStore(device);
  }

  run(images: Float32Array, count: number): Promise<Float32Array> {
    const done = this.#last.then(() => this.#run(images, count));
    this.#last = done.catch(() => undefined);
    return done;
  }

  dispose(): void {
    if (!this.#device.isLost) {
      for (const plan of this.#plans.values()) plan.then((made) => made.dispose()).catch(() => {});
      this.#weights.dispose();
      this.#network.dispose();
    }
    if (this.#ownsDevice) this.#device.destroy();
  }

  async #run(images: Float32Array, count: number): Promise<Float32Array> {
    const plan = await this.#plan(count);
    plan.inputs[0].write(images);
    plan.run();
    return plan.outputs.tensor.data() as Promise<Float32Array>;
  }

  #plan(count: number): Promise<Plan<PlanOutput>> {
    const known = this.#plans.get(count);
    if (known) return known;
    const forward = (image: Tensor) => this.#network.embed(image);
    const info = infoOf(this.#network.config, count);
    const plan = compile(this.#device, forward, [info], { weights: this.#weights });
    this.#plans.set(count, plan);
    return plan;
  }
}

/** Loaded only here: a page with a GPU has no use for the engine. */
async function openWasm(
  weights: EmbedderWeights,
  threads: number | undefined,
): Promise<EmbedderRuntime> {
  const wasm = await import("@retinaface-webgpu/tensor/wasm");
  const { compileWasm, createHostDevice, outputValues, WasmEngine, WasmWeights } = wasm;
  const engine = await WasmEngine.create({ threads });
  const device = await createHostDevice();
  const close = () => {
    device.destroy();
    engine.dispose();
  };
  try {
    const network = fill(device, weights);
    const packed = new WasmWeights(engine);
    const planFor = (count: number) =>
      compileWasm(
        device,
        engine,
        (image: Tensor) => network.embed(image),
        [infoOf(weights.config, count)],
        { weights: packed },
      );
    const plans = new Map<number, ReturnType<typeof planFor>>();
    return {
      backend: "wasm",
      run: async (images, count) => {
        const making = plans.get(count) ?? planFor(count);
        plans.set(count, making);
        const plan = await making;
        return outputValues(plan.outputs, await plan.run([images]));
      },
      dispose: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

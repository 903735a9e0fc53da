import { Device, probeAdapter, WebGpuUnavailableError } from "@retinaface-webgpu/tensor/inference";
import { OptionError, RetinaFaceError } from "../errors.js";
import type { NetworkSource } from "../model/load.js";
import { BACKENDS, type Backend, type BackendChoice, type DetectorRuntime } from "./backend.js";
import { Runtime, type RuntimeParts } from "./runtime.js";

/** What decides where a detector runs. */
export interface BackendOptions {
  readonly backend: BackendChoice;
  readonly threads: number | undefined;
  /** The caller's own device. */
  readonly device: Device | undefined;
}

/** What decides which kernels it runs by. */
export type KernelOptions = Pick<RuntimeParts, "precision" | "tune">;

/** Most threads that can be asked for. */
const MOST_THREADS = 64;

/**
 * Checks options against each other.
 * @throws OptionError, RetinaFaceError `PRECISION_UNAVAILABLE`
 */
export function checkBackend(
  { backend, threads, device }: BackendOptions,
  { precision, tune }: KernelOptions,
): void {
  if (!BACKENDS.includes(backend)) {
    throw new OptionError(`backend must be ${BACKENDS.join(", ")}, got ${backend}`);
  }
  const whole = Number.isSafeInteger(threads) && threads! >= 1 && threads! <= MOST_THREADS;
  if (threads !== undefined && !whole) {
    throw new OptionError(
      `threads must be a whole number from 1 to ${MOST_THREADS}, got ${threads}`,
    );
  }
  if (backend !== "wasm") return;
  if (device) {
    throw new OptionError("a device is WebGPU's: leave it out, or choose backend webgpu");
  }
  if (tune) throw new OptionError("tune measures a GPU's kernels: choose backend webgpu");
  if (precision === "f16") {
    throw new RetinaFaceError(
      "PRECISION_UNAVAILABLE",
      "the WebAssembly engine computes in f32: use precision f32, or backend webgpu.",
    );
  }
}

/** Whether something is asked for that only a GPU has. */
function needsGpu({ device }: BackendOptions, { precision, tune }: KernelOptions): boolean {
  return device !== undefined || tune !== undefined || precision === "f16";
}

/** What `auto` means here: the GPU where there is one, or where an option asks for what only it has. */
async function choose(options: BackendOptions, kernels: KernelOptions): Promise<Backend> {
  if (options.backend !== "auto") return options.backend;
  if (needsGpu(options, kernels)) return "webgpu";
  const adapter = await probeAdapter();
  return adapter && !adapter.software ? "webgpu" : "wasm";
}

/**
 * Loads a network on the backend that the options mean.
 *
 * @param reading the network, which is being read while the engine for processors starts
 * @throws WebGpuUnavailableError for `webgpu` without an adapter, WasmUnavailableError for `wasm` where it does not run,
 * RetinaFaceError `PRECISION_UNAVAILABLE`, what `reading` throws
 */
export async function openRuntime(
  options: BackendOptions,
  kernels: KernelOptions,
  reading: Promise<NetworkSource>,
): Promise<DetectorRuntime> {
  // It may fail before anything waits for it.
  reading.catch(() => undefined);
  if ((await choose(options, kernels)) === "webgpu") {
    const parts = { ...(await reading), ...kernels };
    try {
      return await openGpuRuntime(options.device, parts);
    } catch (error) {
      const replaced = options.backend === "auto" && !needsGpu(options, kernels);
      if (!replaced || !(error instanceof WebGpuUnavailableError)) throw error;
      console.warn(`RetinaFace: it runs on wasm, as the GPU cannot be had (${error.message})`);
    }
  }
  // Loaded only here: a page with a GPU has no use for it.
  const { CpuRuntime } = await import("../cpu/runtime.js");
  return CpuRuntime.create(reading, options.threads);
}

async function openGpuRuntime(
  given: Device | undefined,
  parts: RuntimeParts,
): Promise<DetectorRuntime> {
  const device = given ?? (await Device.create());
  try {
    const runtime = new Runtime(device, parts, given === undefined);
    await device.sync();
    return runtime;
  } catch (error) {
    if (!given) device.destroy();
    throw error;
  }
}

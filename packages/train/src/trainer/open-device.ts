import { Device, hostOf, probeAdapter, WebGpuUnavailableError } from "@retinaface-webgpu/tensor";
import type { Backend, BackendChoice } from "retinaface-webgpu";

/** A device to train on. */
export interface TrainingDevice {
  readonly device: Device;
  readonly backend: Backend;
  /** Ends the device and what computes for it. */
  close(): void;
}

/** Which of the two is trained on. */
export interface TrainingBackend {
  /** Default `auto`: WebGPU with a graphics card, else WebAssembly. */
  readonly backend?: BackendChoice | undefined;
  /** Of WebAssembly; default as many as processors, at most 8. */
  readonly threads?: number | undefined;
}

/**
 * Opens a device to train on.
 *
 * @throws WebGpuUnavailableError for `webgpu` without an adapter; WasmUnavailableError for `wasm` where it does not run, also
 * in pages whose memory threads may not share
 */
export async function openTrainingDevice(
  { backend = "auto", threads }: TrainingBackend = {},
  onNotice: (text: string) => void = console.warn,
): Promise<TrainingDevice> {
  if (backend === "wasm" || (backend === "auto" && !(await hasCard()))) return openWasm(threads);
  try {
    const device = await Device.create();
    return { device, backend: "webgpu", close: () => device.destroy() };
  } catch (error) {
    if (backend !== "auto" || !(error instanceof WebGpuUnavailableError)) throw error;
    onNotice(`training goes by wasm, as the GPU cannot be had (${error.message})`);
    return openWasm(threads);
  }
}

async function hasCard(): Promise<boolean> {
  const adapter = await probeAdapter();
  return adapter !== undefined && !adapter.software;
}

/** Loaded only here: a page with a GPU has no use for it. */
async function openWasm(threads: number | undefined): Promise<TrainingDevice> {
  const { createHostDevice, WasmEngine } = await import("@retinaface-webgpu/tensor/wasm");
  const engine = await WasmEngine.create({ threads });
  try {
    const device = await createHostDevice(engine);
    const close = () => {
      device.destroy();
      engine.dispose();
    };
    return { device, backend: "wasm", close };
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

/** The backend on which a device's networks train. */
export function backendOf(device: Device): Backend {
  return hostOf(device) ? "wasm" : "webgpu";
}

/** Options with which a detector runs where a device trains. */
export function detectorOn(
  device: Device,
): { device: Device } | { backend: "wasm"; threads: number } {
  const host = hostOf(device);
  return host ? { backend: "wasm", threads: host.engine.threads } : { device };
}

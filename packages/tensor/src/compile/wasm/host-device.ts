import type { Device } from "../../device/device.js";
import type { WasmEngine } from "../../wasm/engine.js";
import { openHostDevice } from "../../wasm/host-gpu.js";

/**
 * A device without a GPU, whose tensors lie in plain memory: it holds the parameters of networks that `compileWasm`
 * prepares for an engine.
 *
 * With an engine its tensors lie in the engine's memory, and `compileStep` and `compile` prepare kernels of the engine, which
 * run in the order in which they are submitted. The engine stays the caller's to dispose of, after the device.
 *
 * @throws WasmUnavailableError where the engine's memory is not shared with this thread
 */
export async function createHostDevice(engine?: WasmEngine): Promise<Device> {
  const device = await openHostDevice(engine);
  if (engine) {
    // Loaded only here: a page that detects computes by `compileWasm` alone.
    const { installHostLowerings } = await import("./all-kernels.js");
    installHostLowerings(device);
  }
  return device;
}

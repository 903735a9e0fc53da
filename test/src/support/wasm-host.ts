import type { Device } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine, WasmUnavailableError } from "@retinaface-webgpu/tensor/wasm";
import type { Test } from "uvu";

/**
 * Gives a test file one engine for processors, of two threads, and a device whose compiled steps run on it; undefined in
 * a page that is not isolated, where threads share no memory and there are no such steps.
 */
export function useWasmHost(test: Test): () => Device | undefined {
  let engine: WasmEngine | undefined;
  let device: Device | undefined;
  test.before(async () => {
    engine = await WasmEngine.create({ threads: 2 });
    try {
      device = await createHostDevice(engine);
    } catch (error) {
      if (!(error instanceof WasmUnavailableError) || !("document" in globalThis)) throw error;
    }
  });
  test.after(() => {
    device?.destroy();
    engine?.dispose();
  });
  return () => device;
}

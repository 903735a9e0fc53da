import type { Device } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import type { Test } from "uvu";

/** Gives a test file one engine for processors, of two threads, and a device whose compiled steps run on it. */
export function useWasmHost(test: Test): () => Device {
  let engine: WasmEngine | undefined;
  let device: Device | undefined;
  test.before(async () => {
    engine = await WasmEngine.create({ threads: 2 });
    device = await createHostDevice(engine);
  });
  test.after(() => {
    device?.destroy();
    engine?.dispose();
  });
  return () => device!;
}

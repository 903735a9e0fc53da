import { WebGpuUnavailableError } from "../core/errors.js";
import type { GpuSource } from "./node.js";

/** Deno offers WebGPU and waits for it without being asked to, as browsers do. */
export { closeDevices, closeWorker, mayHaveGpu, restDuring } from "./browser.js";
/** Processors and threads are to be had as in Node. */
export { canShareMemory, processorCount, startThread } from "./node.js";

/** Deno's own WebGPU, which is wgpu, in the main thread or a worker. */
export async function openGpu(): Promise<GpuSource> {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new WebGpuUnavailableError(
      "This Deno offers no WebGPU: run it as `deno run --unstable-webgpu`, in version 2.9 or later.",
    );
  }
  return { gpu, hold: () => {}, release: () => {} };
}

export const noAdapterRemedy =
  "Deno found no Vulkan, Metal or D3D12 adapter. On a Linux machine without a GPU install a software " +
  "one: `apt-get install mesa-vulkan-drivers`.";

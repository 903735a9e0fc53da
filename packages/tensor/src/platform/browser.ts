import { WebGpuUnavailableError } from "../core/errors.js";
import type { GpuSource } from "./node.js";

/** The browser's own WebGPU, in a window or a worker. */
export async function openGpu(): Promise<GpuSource> {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) {
    const insecure = globalThis.isSecureContext === false;
    throw new WebGpuUnavailableError(
      insecure
        ? "WebGPU needs a secure page: serve it over https or from localhost."
        : "This browser has no WebGPU: use a current Chrome, Edge, Safari 26 or Firefox.",
    );
  }
  return { gpu, release: () => {} };
}

/** The promise: browsers wait without being asked to. */
export function restDuring<T>(promise: Promise<T>): Promise<T> {
  return promise;
}

export const noAdapterRemedy =
  "The browser has WebGPU but offers no adapter: check that hardware acceleration is on " +
  "(chrome://gpu) and that the graphics driver is not blocklisted.";

import { WebGpuUnavailableError } from "../core/errors.js";
import type { GpuSource, TerminableWorker } from "./node.js";
import type { Thread } from "./thread.js";

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
  return { gpu, hold: () => {}, release: () => {} };
}

/** The promise: browsers wait without being asked to. */
export function restDuring<T>(promise: Promise<T>): Promise<T> {
  return promise;
}

export const noAdapterRemedy =
  "The browser has WebGPU but offers no adapter: check that hardware acceleration is on " +
  "(chrome://gpu) and that the graphics driver is not blocklisted.";

/** Browsers end a worker's devices with it. */
export async function closeDevices(): Promise<void> {}

/** Ends a worker, which is safe in a browser. */
export async function closeWorker(worker: TerminableWorker): Promise<void> {
  await worker.terminate();
}

/** Whether it is worth asking for a graphics card. */
export function mayHaveGpu(): boolean {
  return globalThis.navigator?.gpu !== undefined;
}

/** Processors as the browser tells. */
export function processorCount(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Memory can be shared between threads: a page must be cross-origin isolated for that. */
export const canShareMemory = globalThis.crossOriginIsolated !== false;

/** Starts a worker with a program of its own: a function of a port, as text. */
export function startThread(program: string): Thread {
  const port =
    "{ post: (...m) => postMessage(...m), listen: (f) => (onmessage = ({ data }) => f(data)) }";
  const source = new Blob([`(${program})(${port})`], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const worker = new Worker(url, { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onError) => {
      worker.onmessage = ({ data }) => onMessage(data);
      worker.onerror = (event) => {
        event.preventDefault?.();
        const refused = "the page's policy may lack `worker-src blob:`";
        onError(new Error(event.message || refused));
      };
    },
    busy: () => {},
    stop: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { GPU, GPUDevice } from "../core/web.js";
import type { Thread } from "./thread.js";
import { assertOpen, holdDevice, listenForClose } from "./workers.node.js";

export { restDuring } from "./rest.js";
export { closeDevices, closeWorker, type TerminableWorker } from "./workers.node.js";

listenForClose();

/** Where adapters come from; `release` lets go of it once its device is gone. */
export interface GpuSource {
  readonly gpu: GPU;
  /** Told of each device that was made. */
  hold(device: GPUDevice): void;
  release(): void;
}

// Dawn frees its instance when the GPU object is collected, under the feet of a living device.
const open = new Set<GPU>();

/** Timestamps to the nanosecond: by default they come in steps of 65 µs, a precaution against web pages. */
const TOGGLES = ["disable-dawn-features=timestamp_quantization"];

/**
 * Opens Dawn. Each call creates its own instance: Dawn polls (and keeps Node alive) for as long as an
 * instance with a live device exists.
 */
export async function openGpu(): Promise<GpuSource> {
  assertOpen();
  // Loaded only now: what runs without a GPU spares the time, and works where Dawn does not load.
  const { create, globals } = await import("webgpu");
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
  }
  const gpu = create(TOGGLES);
  open.add(gpu);
  return { gpu, hold: holdDevice, release: () => void open.delete(gpu) };
}

export const noAdapterRemedy =
  "Dawn found no Vulkan, Metal or D3D12 adapter. On a Linux machine without a GPU install a software " +
  "one: `apt-get install mesa-vulkan-drivers` (version 25 or later; on Debian 12 from " +
  "bookworm-backports).";

/** Through one of these Linux talks to every graphics card that has a Vulkan driver: DRM, NVIDIA, WSL, Adreno, Mali. */
const GPU_FILES = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"];

/** Whether it is worth asking for a graphics card. */
export function mayHaveGpu(): boolean {
  return process.platform !== "linux" || GPU_FILES.some((file) => existsSync(file));
}

/** Processors that this process may use. */
export function processorCount(): number {
  return availableParallelism();
}

/** Memory can be shared between threads. */
export const canShareMemory = true;

/**
 * Starts a thread with a program of its own: a function of a port, as text. It keeps the process alive only while `busy`.
 */
export function startThread(program: string): Thread {
  const port =
    '(({ parentPort: port }) => ({ post: (...m) => port.postMessage(...m), listen: (f) => port.on("message", f) }))' +
    '(require("node:worker_threads"))';
  const worker = new Worker(`(${program})(${port})`, { eval: true, execArgv: [] });
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onError) => {
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.on("exit", () => onError(new Error("the thread ended")));
    },
    busy: (isBusy) => {
      if (isBusy) worker.ref();
      else worker.unref();
    },
    stop: () => void worker.terminate(),
  };
}

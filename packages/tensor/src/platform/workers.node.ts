import { setImmediate, setTimeout } from "node:timers/promises";
import { BroadcastChannel, isMainThread, threadId } from "node:worker_threads";
import { TensorError } from "../core/errors.js";
import type { GPUDevice } from "../core/web.js";

/*
 * Dawn's module for Node ends the whole process ("Promise not resolved or rejected") when a thread ends while
 * one of its promises is open there, as every read of a result is while the GPU works. A thread that is
 * terminated runs no code any more, so that this can only be prevented before: devices are destroyed, which
 * rejects what waits, and the thread ends when Dawn has said so. Main thread and worker talk about it on a
 * channel of their own, beside the worker's messages. Seen with webgpu 0.6.2, 2026-11-29.
 */

/** A worker of node:worker_threads, as far as it matters here. */
export interface TerminableWorker {
  readonly threadId?: number;
  terminate(): unknown;
}

/** Between the last answer of Dawn and the end of the thread. */
const QUIET_MS = 100;
const CLOSE_MS = 10_000;

const devices = new Set<GPUDevice>();
let closing = false;

const channelName = (thread: number) => `retinaface-webgpu:close:${thread}`;

/** Keeps a device in mind until it is gone. */
export function holdDevice(device: GPUDevice): void {
  devices.add(device);
  device.lost.then(() => devices.delete(device));
}

/** @throws TensorError `CLOSING` where the thread is about to end. */
export function assertOpen(): void {
  if (!closing) return;
  throw new TensorError("CLOSING", "This thread closes its devices: no new one is made in it.");
}

/**
 * Destroys all devices of this thread, so that the thread can end at any time afterwards, by `process.exit()`
 * too. What waits for one is rejected with DeviceLostError, and no new device is made in this thread.
 */
export async function closeDevices(): Promise<void> {
  closing = true;
  while (devices.size > 0) {
    const open = [...devices];
    for (const device of open) device.destroy();
    await Promise.all(open.map((device) => device.lost));
    for (const device of open) devices.delete(device);
  }
  await setTimeout(QUIET_MS);
  await setImmediate();
}

/**
 * Ends a worker thread safely: asks it to destroy its devices, waits until it has, and terminates it. Without
 * this, `worker.terminate()` ends the whole process in Node if the worker waits for a GPU at that moment.
 *
 * @param options.timeout milliseconds to wait for the worker's answer. Default 10 000.
 * @throws TensorError `WORKER_BUSY` when none comes: it is held up by other work, or it has not imported this
 * library; it is then not terminated.
 */
export async function closeWorker(
  worker: TerminableWorker,
  options: { timeout?: number | undefined } = {},
): Promise<void> {
  const { threadId: thread = -1 } = worker;
  if (thread >= 0) await askToClose(thread, options.timeout ?? CLOSE_MS);
  await worker.terminate();
}

function askToClose(thread: number, timeout: number): Promise<void> {
  const channel = new BroadcastChannel(channelName(thread));
  return new Promise<void>((resolve, reject) => {
    const timer = globalThis.setTimeout(() => {
      reject(
        new TensorError(
          "WORKER_BUSY",
          `The worker does not answer within ${timeout} ms, and it was not terminated, which could end the ` +
            "process. It is held up by other work: wait longer. If it never imports this library, terminate it.",
        ),
      );
    }, timeout);
    channel.onmessage = ({ data }: { data?: unknown }) => {
      if (data !== "closed") return;
      clearTimeout(timer);
      resolve();
    };
    channel.postMessage("close");
  }).finally(() => channel.close());
}

/** In a worker of Node: answers {@link closeWorker}. */
export function listenForClose(): void {
  if (isMainThread || "Deno" in globalThis) return;
  const channel = new BroadcastChannel(channelName(threadId));
  channel.unref();
  channel.onmessage = async ({ data }: { data?: unknown }) => {
    if (data !== "close") return;
    await closeDevices();
    channel.postMessage("closed");
  };
}

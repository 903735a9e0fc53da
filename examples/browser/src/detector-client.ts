import { DetectorError } from "./errors.js";
import type { Answers, Request, WorkerMessage } from "./protocol.js";

interface Waiting {
  resolve(answer: never): void;
  reject(error: DetectorError): void;
}

/** Talks to the worker that holds the detector. */
export class DetectorClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** @param onLost called when the graphics device is gone while nothing may be under way. */
  constructor(onLost: (why: string) => void) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
      if ("lost" in data) onLost(data.lost);
      else this.#settle(data);
    });
    this.#worker.addEventListener("error", (event) => {
      const error = new DetectorError({ code: "WORKER_FAILED", message: event.message });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /** @throws DetectorError with the code of the error in the worker. */
  ask<R extends Request>(request: R, transfer: Transferable[] = []): Promise<Answers[R["kind"]]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request }, transfer);
    });
  }

  #settle(message: Exclude<WorkerMessage, { lost: string }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("failure" in message) waiting?.reject(new DetectorError(message.failure));
    else waiting?.resolve(message.answer as never);
  }
}

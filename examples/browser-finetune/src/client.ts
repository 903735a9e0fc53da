import { TuneError } from "./errors.js";
import type { Answers, Request, WorkerMessage } from "./protocol.js";

/** A step's figures as they come from the worker. */
export type Progress = Extract<WorkerMessage, { losses: unknown }>;

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

/** Talks to the worker. */
export class Client {
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(onProgress: (progress: Progress) => void) {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WorkerMessage>) => {
      if ("losses" in data) return onProgress(data);
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("failure" in data) waiting?.reject(new TuneError(data.failure));
      else waiting?.resolve(data.answer as never);
    });
    this.#worker.addEventListener("error", ({ message }) => {
      const error = new TuneError({ code: "WORKER_FAILED", message });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /** @throws TuneError with the code of the error in the worker */
  ask<R extends Request>(request: R): Promise<Answers[R["kind"]]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request });
    });
  }
}

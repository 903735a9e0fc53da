import os from "node:os";
import { Worker } from "node:worker_threads";
import { DataError } from "../errors.js";
import {
  createSampler,
  type LoadedSample,
  type SampleJob,
  type Sampler,
  type SamplerOptions,
} from "./loader.js";

interface Task {
  readonly job: SampleJob;
  resolve(loaded: LoadedSample): void;
  reject(error: Error): void;
}

/** As many workers as there are processors beside the one that trains. */
export function defaultWorkers(): number {
  return Math.max(1, os.availableParallelism() - 1);
}

/** Threads that decode and augment; each takes the next waiting job when it is free. */
class WorkerSampler implements Sampler {
  readonly #queue: Task[] = [];
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Task>();
  #failure: Error | undefined;

  constructor(
    options: SamplerOptions,
    readonly concurrency: number,
  ) {
    for (let i = 0; i < concurrency; i++) {
      const worker = new Worker(new URL("./worker.node.js", import.meta.url), {
        workerData: options,
      });
      worker.on("message", (loaded: LoadedSample) => {
        const task = this.#busy.get(worker);
        if (!task) return;
        task.resolve(loaded);
        this.#busy.delete(worker);
        this.#idle.push(worker);
        this.#dispatch();
      });
      worker.on("error", (error) => this.#fail(error));
      worker.on("exit", (code) => this.#fail(new Error(`it ended with exit code ${code}`)));
      worker.unref();
      this.#idle.push(worker);
    }
  }

  load(job: SampleJob): Promise<LoadedSample> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#queue.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    const workers = [...this.#idle, ...this.#busy.keys()];
    this.#fail(new Error("the sampler was closed"));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()!;
      const task = this.#queue.shift()!;
      this.#busy.set(worker, task);
      // A waiting caller keeps the process alive, an idle worker does not.
      worker.ref();
      worker.postMessage(task.job);
    }
    for (const worker of this.#idle) worker.unref();
  }

  /** After a thread is lost nothing more is loaded: a sample left out would change the training. */
  #fail(cause: Error): void {
    this.#failure ??= new DataError(`A thread that makes samples is gone: ${cause.message}.`, {
      cause,
    });
    for (const task of [...this.#busy.values(), ...this.#queue]) task.reject(this.#failure);
    this.#busy.clear();
    this.#queue.length = 0;
    this.#idle.length = 0;
  }
}

/**
 * A sampler with worker threads; the samples are those of {@link createSampler}, whatever their number.
 *
 * @param workers 0 makes samples on the calling thread
 * @throws {DataError} if a record's image is a function, which no other thread can call.
 */
export function createWorkerSampler(options: SamplerOptions, workers = defaultWorkers()): Sampler {
  if (workers === 0) return createSampler(options);
  if (options.records.some(({ image }) => typeof image !== "string")) {
    throw new DataError("Images given by functions need workers: 0, or createSampler().");
  }
  return new WorkerSampler(options, workers);
}

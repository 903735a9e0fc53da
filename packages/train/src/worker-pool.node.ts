import os from "node:os";
import { parentPort, Worker } from "node:worker_threads";
import { DataError } from "./errors.js";

/** What a pool's threads run. */
export interface WorkerPoolOptions {
  /** A module that calls {@link answerJobs}. */
  readonly script: URL;
  /** `workerData` of every thread; shared memory in it is not copied. */
  readonly data: unknown;
  /** How many threads; at least one. */
  readonly threads: number;
  /** What they make, for people: "samples". */
  readonly makes: string;
}

interface Request<Job> {
  readonly id: number;
  readonly job: Job;
}

interface Answer<Result> {
  readonly id: number;
  readonly result: Result;
}

interface Task<Result> {
  resolve(result: Result): void;
  reject(error: Error): void;
}

interface Thread<Result> {
  readonly worker: Worker;
  /** What it has still to do, by the ids of requests. */
  readonly tasks: Map<number, Task<Result>>;
}

/** As many workers as there are processors beside the one that trains. */
export function defaultWorkers(): number {
  return Math.max(1, os.availableParallelism() - 1);
}

/** Threads that do jobs. Waiting jobs keep the process alive, idle threads do not. */
export class WorkerPool<Job, Result> {
  readonly #makes: string;
  readonly #threads: readonly Thread<Result>[];
  #failure: DataError | undefined;
  #jobs = 0;

  constructor({ script, data, threads, makes }: WorkerPoolOptions) {
    this.#makes = makes;
    this.#threads = Array.from({ length: threads }, () => this.#start(script, data));
  }

  /**
   * Does a job on the thread that has least to do. It is sent at once, because a calling thread that is
   * busy for long could not hand out the next one when a thread is free.
   *
   * @throws {DataError} once a thread is lost or failed, or the pool was closed
   */
  run(job: Job): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const { worker, tasks } = this.#threads.reduce((least, thread) =>
        thread.tasks.size < least.tasks.size ? thread : least,
      );
      const id = this.#jobs++;
      worker.postMessage({ id, job } satisfies Request<Job>);
      tasks.set(id, { resolve, reject });
      worker.ref();
    });
  }

  /** Ends the threads; jobs that are not done fail. */
  async close(): Promise<void> {
    this.#fail(new Error("its pool was closed"));
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #start(script: URL, workerData: unknown): Thread<Result> {
    const worker = new Worker(script, { workerData });
    const tasks: Thread<Result>["tasks"] = new Map();
    worker.on("message", ({ id, result }: Answer<Result>) => {
      const task = tasks.get(id);
      // An answer that overtakes terminate() must not unref a thread that close() waits for.
      if (!task) return;
      task.resolve(result);
      tasks.delete(id);
      if (tasks.size === 0) worker.unref();
    });
    worker.on("error", (error) => this.#fail(error));
    worker.on("messageerror", (error) => this.#fail(error));
    worker.on("exit", (code) => this.#fail(new Error(`it ended with exit code ${code}`)));
    worker.unref();
    return { worker, tasks };
  }

  /** After a thread is lost nothing more is done: a result left out would change the training. */
  #fail(cause: Error): void {
    if (this.#failure) return;
    const message = `A thread that makes ${this.#makes} is gone: ${cause.message}. Start again, with fewer workers where memory is short.`;
    this.#failure = new DataError(message, { cause });
    for (const { worker, tasks } of this.#threads) {
      for (const task of tasks.values()) task.reject(this.#failure);
      tasks.clear();
      void worker.terminate();
    }
  }
}

/**
 * In a pool's thread: does the jobs that come in. An exception is the end of the pool.
 *
 * @param transfer buffers of a result that move to the calling thread instead of being copied
 */
export function answerJobs<Job, Result>(
  work: (job: Job) => Result | Promise<Result>,
  transfer: (result: Result) => ArrayBuffer[],
): void {
  parentPort!.on("message", async ({ id, job }: Request<Job>) => {
    const result = await work(job);
    parentPort!.postMessage({ id, result } satisfies Answer<Result>, transfer(result));
  });
}

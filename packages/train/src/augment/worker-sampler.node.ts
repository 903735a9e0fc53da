import { DataError } from "../errors.js";
import { defaultWorkers, WorkerPool } from "../worker-pool.node.js";
import {
  createSampler,
  type LoadedSample,
  type SampleJob,
  type Sampler,
  type SamplerOptions,
} from "./loader.js";

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
  const pool = new WorkerPool<SampleJob, LoadedSample>({
    script: new URL("./worker.node.js", import.meta.url),
    data: options,
    threads: workers,
    makes: "samples",
  });
  return {
    concurrency: workers,
    load: (job) => pool.run(job),
    close: () => pool.close(),
  };
}

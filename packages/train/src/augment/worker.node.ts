import { workerData } from "node:worker_threads";
import { answerJobs } from "../worker-pool.node.js";
import { type LoadedSample, loadSample, type SampleJob, type SamplerOptions } from "./loader.js";

/** The thread of a worker sampler: a job comes in, a sample goes out. */
answerJobs(
  (job: SampleJob): Promise<LoadedSample> => loadSample(workerData as SamplerOptions, job),
  (loaded) =>
    "sample" in loaded
      ? [loaded.sample.image.data, loaded.sample.boxes, loaded.sample.landmarks].map(
          ({ buffer }) => buffer as ArrayBuffer,
        )
      : [],
);

import { parentPort, workerData } from "node:worker_threads";
import { loadSample, type SampleJob, type SamplerOptions } from "./loader.js";

/** The thread of a worker sampler: a job comes in, a sample goes out. */
parentPort!.on("message", async (job: SampleJob) => {
  const loaded = await loadSample(workerData as SamplerOptions, job);
  const transfer =
    "sample" in loaded
      ? [loaded.sample.image.data, loaded.sample.boxes, loaded.sample.landmarks].map(
          ({ buffer }) => buffer as ArrayBuffer,
        )
      : [];
  parentPort!.postMessage(loaded, transfer);
});

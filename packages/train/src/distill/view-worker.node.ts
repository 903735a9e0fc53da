import { workerData } from "node:worker_threads";
import { answerJobs } from "../worker-pool.node.js";
import { Composer, type ViewJob } from "./compose.js";
import type { PhotoSet } from "./photo.js";

const composer = new Composer(workerData as readonly PhotoSet[]);

/** The thread of a view maker: a job comes in, a view goes out. */
answerJobs(
  (job: ViewJob) => composer.compose(job),
  ({ image }) => [image.data.buffer as ArrayBuffer],
);

/** What needs Node's file system or threads: `@retinaface-webgpu/train/node`. */

export { createWorkerSampler, defaultWorkers } from "./augment/worker-sampler.node.js";
export {
  type Metric,
  type RunCheckpoint,
  type RunDescription,
  RunFiles,
} from "./cli/train-files.js";
export { type RunInput, type RunListener, TrainRun } from "./cli/train-run.js";
export { type Dataset, loadDataset } from "./data/load.node.js";
export {
  type DistillInput,
  type DistillResult,
  DistillRun,
  newStudent,
} from "./distill/run.node.js";
export { listSources, type SourceFile, type SourceFiles } from "./distill/sources.node.js";
export {
  readWiderDetections,
  readWiderValidation,
  writeWiderDetections,
} from "./evaluate/wider.node.js";

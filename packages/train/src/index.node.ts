/** What needs Node's file system or threads: `@retinaface-webgpu/train/node`. */

export { createWorkerSampler } from "./augment/worker-sampler.node.js";
export { takeConfig } from "./cli/config-file.js";
export { formatTable, printJson, reportProblems, say } from "./cli/console.js";
export { choiceOption, fraction, numberFrom, numberOption, wholeNumber } from "./cli/options.js";
export { checkFolder, stoppingOnInterrupt } from "./cli/run-command.js";
export { StepProgress } from "./cli/step-progress.js";
export { type CsvOptions, parseCsv } from "./data/csv.js";
export { parseCvat } from "./data/cvat.js";
export { parseLabelStudio } from "./data/label-studio.js";
export { type Dataset, loadDataset } from "./data/load.node.js";
export type { FindImage, SizeOf } from "./data/lookup.js";
export { parseClassDescriptions, parseOpenImages } from "./data/open-images.js";
export type { Unpacked } from "./data/unpack.node.js";
export { parseYolo, type YoloImage, type YoloSet } from "./data/yolo.js";
export { parseYoloData, type YoloData } from "./data/yolo-data.js";
export {
  listSources,
  loadPhotoSets,
  type SourceFile,
  type SourceFiles,
} from "./distill/sources.node.js";
export { createViewMaker, type ViewMaker, viewBatches } from "./distill/view-maker.node.js";
export {
  readWiderDetections,
  readWiderValidation,
  writeWiderDetections,
} from "./evaluate/wider.node.js";
export { type BackendUse, noteBackend } from "./run/backends.js";
export {
  type DistillInput,
  type DistillResult,
  DistillRun,
  newStudent,
} from "./run/distill-run.node.js";
export { LoggedRunFolder } from "./run/logged-folder.node.js";
export { type Metric, namedScalars, type StepMetric } from "./run/metrics.js";
export { type Recoverable, recovering } from "./run/recover.js";
export {
  type RunCheckpoint,
  type RunDescription,
  RunFiles,
} from "./run/run-files.node.js";
export { type RunInput, type RunListener, TrainRun } from "./run/train-run.node.js";
export { defaultWorkers } from "./worker-pool.node.js";

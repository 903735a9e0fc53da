import type { Device } from "@retinaface-webgpu/tensor";
import { Command } from "commander";
import { readBytes } from "retinaface-webgpu";
import type { Dataset } from "../data/load.node.js";
import { sharedPhotos } from "../data/shared-photos.node.js";
import { type ValidationFigures, worthOf } from "../report/report.js";
import {
  type RunCheckpoint,
  type RunDescription,
  RunFiles,
  TRAIN_FILES,
} from "../run/run-files.node.js";
import { contenders, hasStopped, type RunInput, TrainRun } from "../run/train-run.node.js";
import { averagedWeights, writeModel } from "../trainer/checkpoint.js";
import { frozenDepth } from "../trainer/freeze.js";
import { backendOf } from "../trainer/open-device.js";
import { configWithSizes } from "../trainer/priors.js";
import { loadData, needFaces, printJson, reportProblems, say } from "./console.js";
import { describeConfig } from "./describe-config.js";
import { checkFolder, stoppingOnInterrupt } from "./run-command.js";
import { checkRunClasses, sayClasses } from "./train-classes.js";
import { dataOf, describeRun, goOnWith, type RunData } from "./train-description.js";
import { partsOf, withAutoFreeze } from "./train-freeze.js";
import { networkOf } from "./train-model.js";
import { addTrainOptions, type TrainValues } from "./train-options.js";
import { TrainProgress } from "./train-progress.js";
import { writeReport } from "./train-report.js";
import { readStart } from "./train-start.js";

/** A fifth of fewer images is none or one, which says nothing. */
const LEAST_TO_SPLIT = 4;

/** The folder's checkpoint, where the user wants to go on from it. */
async function findCheckpoint(files: RunFiles, values: TrainValues) {
  await checkFolder(files, TRAIN_FILES, values);
  return files.hasCheckpoint ? files.readCheckpoint() : undefined;
}

/** What the validations say of the run as a whole; null where there is nothing to compare with. */
function judge(validations: readonly ValidationFigures[], best: ValidationFigures | null) {
  const [first, ...later] = validations;
  const last = later.at(-1);
  if (best === null || first?.step !== 0 || last === undefined) return null;
  const shown = (figures: ValidationFigures) =>
    `${worthOf(figures).toFixed(4)} at step ${figures.step}`;
  const name = first.classAp50 === undefined ? "AP" : "mean AP of the classes";
  if (best.step > 0) return { improved: true, text: `${name} ${shown(first)}, ${shown(best)}` };
  const text =
    `training made nothing better than the weights it started from: ${name} ${shown(first)}, ${shown(last)}. ` +
    "best.safetensors holds the starting weights. Try a lower --lr, --batch-norm fixed, --optimizer adamw, " +
    "--freeze all, an --image-size that shows faces as large as --scale does, or more images.";
  return { improved: false, text };
}

async function finishRun(input: RunInput, device: Device, checkpoint: RunCheckpoint) {
  const { description, files, valRecords } = input;
  const { state, extra } = checkpoint;
  const config = configWithSizes(description.settings.config, state.anchors);
  const final = writeModel(averagedWeights(state), config);
  await files.write("final.safetensors", final);
  await files.writeCsv();
  const best = contenders(extra.validations, description).reduce<ValidationFigures | null>(
    (a, b) => (a && worthOf(a) >= worthOf(b) ? a : b),
    null,
  );
  const facts = { steps: state.step, seconds: Math.round(extra.seconds) };
  const model = best ? new Uint8Array(await readBytes(files.path("best.safetensors"))) : final;
  await writeReport(files, device, { description, records: valRecords, facts, model });
  const verdict = description.weights === null ? null : judge(extra.validations, best);
  if (verdict) input.listener.onNotice(verdict.text);
  return {
    out: files.folder,
    ...facts,
    backend: backendOf(device),
    weights: description.weights,
    frozen: description.settings.freeze,
    before: extra.validations.find(({ step }) => step === 0) ?? null,
    best,
    improved: verdict?.improved ?? null,
    ...(state.anchors && { anchors: state.anchors }),
    stoppedEarly: hasStopped(extra.validations, description),
    model: files.path(best ? "best.safetensors" : "final.safetensors"),
    report: files.path("report.html"),
  };
}

/** Labelled images, with a face among them. */
function loadFaces(spec: string): Dataset {
  const dataset = loadData(spec);
  needFaces(dataset, spec);
  return dataset;
}

/** Training and validation images; a set of a few images may leave none for validation. */
function loadRunData(given: RunData, values: TrainValues) {
  const training = loadFaces(given.data);
  const total = training.records.length;
  if (given.notice) say(given.notice);
  const isHeldOut = given.data !== values.data;
  if (isHeldOut && total < LEAST_TO_SPLIT) {
    say(
      `${total} images are too few to hold any out: no best checkpoint is sought; give --val SPEC`,
    );
    return {
      data: { data: values.data, val: null },
      training: loadFaces(values.data),
      problems: [],
    };
  }
  const validation = given.val === null ? undefined : loadFaces(given.val);
  const shared = sharedPhotos(training.records, validation?.records ?? []);
  if (shared.length > 0) {
    reportProblems(shared);
    say(`${shared.length} pictures train and validate: the figures will look better than they are`);
  }
  return { data: given, training, validation, problems: shared };
}

/** Landmarks that no label trains drift when the features beneath them do. */
function warnOfLandmarks(
  { settings, weights }: RunDescription,
  { records }: Dataset,
  parts: readonly string[],
): void {
  const areLabelled = records.some(({ landmarks }) => landmarks.some(Number.isFinite));
  if (areLabelled || weights === null || frozenDepth(settings.freeze, parts) === parts.length)
    return;
  say(
    "no face has landmarks: boxes will learn, but the landmarks of these weights will get worse; " +
      "train the heads alone, or add images with landmarks, to keep them",
  );
}

async function runTrain(values: TrainValues): Promise<void> {
  const files = new RunFiles(values.out);
  const checkpoint = await findCheckpoint(files, values);
  const own = checkpoint?.extra.description;
  const loaded = loadRunData(dataOf(values, own), values);
  const { training, validation } = loaded;
  const start = await readStart(values, own?.weights);
  const images = training.records.length;
  const given = await describeRun(values, start, loaded.data, images, own);
  const planned = checkpoint ? goOnWith(checkpoint, given) : given;
  for (const { name, was, is } of planned.changes ?? []) say(`${name} was ${was}, is ${is}`);
  const { config } = planned.settings;
  checkRunClasses(config, training.records, validation?.records);
  if (!checkpoint) say(`starting from ${start.text}`);
  if (!checkpoint) sayClasses(planned.settings, start);
  const description = checkpoint
    ? planned
    : await withAutoFreeze(values, start, planned, training.records);
  await files.write("config.yaml", describeConfig(values, description));
  if (start.pretrained) warnOfLandmarks(description, training, partsOf(values, start));
  const run = new TrainRun(
    {
      description,
      records: training.records,
      valRecords: validation?.records ?? [],
      files,
      workers: values.workers,
      backend: values.backend,
      threads: values.threads,
      listener: {
        onLosses: (...told) => progress.onLosses(...told),
        onValidating: (...told) => progress.onValidating(...told),
        onValidation: (figures) => progress.onValidation(figures),
        onProblem: (problem) => progress.onProblem(problem),
        onNotice: (text) => progress.onNotice(text),
      },
      pretrained: start.pretrained,
      backbone: start.backbone,
      network: networkOf(values, start),
    },
    checkpoint,
  );
  const progress = new TrainProgress(checkpoint?.state.step ?? 0, run.totalSteps);
  const found = [training, validation ?? training, loaded];
  const problems = new Set(found.flatMap((part) => part.problems)).size;
  try {
    await stoppingOnInterrupt(
      () => run.stop(),
      (isInterrupted) => work(run, progress, problems, isInterrupted),
    );
  } finally {
    progress.stop();
  }
}

/** Trains to the end, or to where it is interrupted, and prints the result. */
async function work(
  run: TrainRun,
  progress: TrainProgress,
  problems: number,
  isInterrupted: () => boolean,
): Promise<void> {
  let result: Awaited<ReturnType<typeof finishRun>> | undefined;
  await run.run(async (device) => {
    if (!isInterrupted()) result = await finishRun(run.input, device, run.checkpoint!);
  });
  progress.stop();
  const met = progress.problems.size;
  if (result) printJson({ ...result, problems: problems + met });
  else say(`stopped at step ${run.checkpoint?.state.step}; go on with --resume`);
  if (met > 0) process.exitCode = 1;
}

export function trainCommand(): Command {
  return addTrainOptions(
    new Command("train").description("train a detector, or fine-tune one on labelled images"),
  ).action(runTrain);
}

import type { Device } from "@retinaface-webgpu/tensor";
import { Command } from "commander";
import {
  DEFAULT_CONFIG,
  inferNetwork,
  OptionError,
  readBytes,
  readCheckpoint,
  readCheckpointConfig,
} from "retinaface-webgpu";
import { printable, startProgress } from "retinaface-webgpu/node";
import type { Dataset } from "../data/load.node.js";
import { type FaceRecord, formatProblem, type Problem } from "../data/record.js";
import { validationSpec } from "../data/spec.js";
import { formatTestScale } from "../evaluate/test-scales.js";
import {
  type RunCheckpoint,
  type RunDescription,
  RunFiles,
  TRAIN_FILES,
} from "../run/run-files.node.js";
import { type RunInput, type RunListener, TrainRun } from "../run/train-run.node.js";
import { averagedWeights, writeModel } from "../trainer/checkpoint.js";
import { frozenDepth, parseFreeze, partNames } from "../trainer/freeze.js";
import type { Pretrained } from "../trainer/initialise.js";
import { checkSettings, TRAIN_PRESETS, type TrainSettings } from "../trainer/settings.js";
import { readAnchors } from "./anchors.js";
import { loadData, needFaces, printJson, say } from "./console.js";
import { checkFolder, formatLosses, stoppingOnInterrupt } from "./run-command.js";
import { addTrainOptions, type TrainValues } from "./train-options.js";
import { writeReport } from "./train-report.js";

async function readPretrained(file: string | undefined): Promise<Pretrained | undefined> {
  if (file === undefined) return undefined;
  const bytes = await readBytes(file);
  return {
    state: readCheckpoint(bytes),
    config: { ...DEFAULT_CONFIG, ...readCheckpointConfig(bytes) },
  };
}

/** Names of the parts that the run's network has. */
function partsOf(values: TrainValues, pretrained: Pretrained | undefined): string[] {
  const given = pretrained && inferNetwork(pretrained.state, pretrained.config?.heads);
  return partNames(given?.backbone ?? values.backbone);
}

async function settingsOf(
  values: TrainValues,
  pretrained: Pretrained | undefined,
): Promise<TrainSettings> {
  const { preset, optimizer, weights, batchNorm } = values;
  const own = pretrained?.config ?? DEFAULT_CONFIG;
  const config = values.anchors
    ? { ...(own.heads && { heads: own.heads }), ...(await readAnchors(values.anchors)) }
    : own;
  const settings: TrainSettings = {
    preset,
    classification: values.loss,
    imageSize: values.imageSize,
    batchSize: values.batchSize,
    accumulate: values.accumulate,
    epochs: values.epochs,
    optimizer,
    lr: values.lr ?? (optimizer === "adamw" ? 1e-3 : TRAIN_PRESETS[preset].lr),
    momentum: values.momentum,
    weightDecay: values.weightDecay,
    schedule: values.schedule,
    warmup: values.warmup ?? 0,
    clip: values.clip,
    ema: values.ema,
    freeze: parseFreeze(
      values.freeze ?? (weights === undefined ? "none" : "all"),
      partsOf(values, pretrained),
    ),
    fixedNorm: batchNorm === "fixed",
    seed: values.seed,
    augment: values.augment,
    config,
  };
  checkSettings(settings);
  return settings;
}

/** A tenth of the run, where the user does not say: short, and never more than a hundred steps. */
function defaultWarmup({ epochs, batchSize, accumulate }: TrainSettings, images: number): number {
  const steps = epochs * Math.max(1, Math.floor(images / (batchSize * accumulate)));
  return Math.min(100, Math.round(steps / 10));
}

async function describe(
  values: TrainValues,
  pretrained: Pretrained | undefined,
  images: number,
): Promise<RunDescription> {
  const settings = await settingsOf(values, pretrained);
  const warmup = values.warmup ?? defaultWarmup(settings, images);
  return {
    settings: { ...settings, warmup },
    data: values.data,
    val: values.val ?? validationSpec(values.data),
    scale: formatTestScale(values.scale),
    weights: values.weights ?? null,
    valEvery: values.valEvery,
    checkpointEvery: values.checkpointEvery,
  };
}

/** @throws {OptionError} naming the first setting that differs from the run's own. */
function checkSame(own: RunDescription, given: RunDescription): void {
  const flat = ({ settings, ...rest }: RunDescription) => Object.entries({ ...rest, ...settings });
  const before = new Map(flat(own));
  for (const [name, value] of flat(given)) {
    const [was, is] = [before.get(name as never), value].map((v) => JSON.stringify(v));
    if (was === is) continue;
    throw new OptionError(
      `--resume goes on with the run's own settings, but ${name} is ${is} instead of ${was}: give ` +
        "the same options, or start another run in another folder",
    );
  }
}

/** The folder's checkpoint, where the user wants to go on from it. */
async function findCheckpoint(files: RunFiles, values: TrainValues) {
  await checkFolder(files, TRAIN_FILES, values);
  return files.hasCheckpoint ? files.readCheckpoint() : undefined;
}

/** Tells of a run by a progress bar on a terminal, else by a line now and then. */
function makeListener(run: () => TrainRun) {
  const streams = { stdout: process.stdout, stderr: process.stderr };
  const seen = new Set<string>();
  let bar: ReturnType<typeof startProgress> | undefined;
  let validation = "";
  let spoken = Number.NEGATIVE_INFINITY;
  const listener: RunListener = {
    onLosses: (losses, rate) => {
      const last = losses.at(-1);
      if (!last) return;
      const { totalSteps } = run();
      bar ??= startProgress(
        streams,
        totalSteps,
        "{bar} {value}/{total} steps, {eta_formatted} left  {label}",
      );
      const label = formatLosses(losses, rate) + validation;
      bar.update(last.step + 1, label);
      if (process.stderr.isTTY || performance.now() - spoken < 10_000) return;
      spoken = performance.now();
      say(`step ${last.step + 1}/${totalSteps}: ${label}`);
    },
    onValidation: ({ step, ap50, ap }) => {
      validation = `, AP ${ap50.toFixed(4)}`;
      bar?.clear();
      say(`step ${step}: AP ${ap50.toFixed(4)} at IoU 0.5, ${ap.toFixed(4)} over 0.5:0.95`);
    },
    onProblem: (problem: Problem) => {
      const text = printable(formatProblem(problem));
      if (!seen.has(text)) say(text);
      seen.add(text);
    },
    onNotice: say,
  };
  return { listener, problems: seen, stop: () => bar?.stop() };
}

async function finishRun(input: RunInput, device: Device, checkpoint: RunCheckpoint) {
  const { description, files, valRecords } = input;
  const { state, extra } = checkpoint;
  const final = writeModel(averagedWeights(state), description.settings.config);
  await files.write("final.safetensors", final);
  const best = extra.validations
    .filter(({ step }) => step > 0)
    .reduce<(typeof extra.validations)[number] | null>(
      (a, b) => (a && a.ap50 >= b.ap50 ? a : b),
      null,
    );
  const facts = { steps: state.step, seconds: Math.round(extra.seconds) };
  const model = best ? new Uint8Array(await readBytes(files.path("best.safetensors"))) : final;
  await writeReport(files, device, { description, records: valRecords, facts, model });
  return {
    out: files.folder,
    ...facts,
    before: extra.validations.find(({ step }) => step === 0) ?? null,
    best,
    model: files.path(best ? "best.safetensors" : "final.safetensors"),
    report: files.path("report.html"),
  };
}

function loadRecords(spec: string | null): readonly FaceRecord[] {
  if (spec === null) return [];
  const dataset = loadData(spec);
  needFaces(dataset, spec);
  return dataset.records;
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
  const dataset = loadData(values.data);
  needFaces(dataset, values.data);
  const { records } = dataset;
  const pretrained = await readPretrained(values.weights);
  const description = await describe(values, pretrained, records.length);
  if (checkpoint) checkSame(checkpoint.extra.description, description);
  warnOfLandmarks(description, dataset, partsOf(values, pretrained));
  const { backbone, width, channels } = values;
  const telling = makeListener(() => run);
  const input: RunInput = {
    description,
    records,
    valRecords: loadRecords(description.val),
    files,
    workers: values.workers,
    listener: telling.listener,
    pretrained,
    network: { backbone, width, channels },
  };
  const run = new TrainRun(input, checkpoint);
  const work = async (isInterrupted: () => boolean) => {
    let result: Awaited<ReturnType<typeof finishRun>> | undefined;
    await run.run(async (device) => {
      if (!isInterrupted()) result = await finishRun(input, device, run.checkpoint!);
    });
    telling.stop();
    if (result) printJson({ ...result, problems: telling.problems.size });
    else say(`stopped at step ${run.checkpoint?.state.step}; go on with --resume`);
    if (telling.problems.size > 0) process.exitCode = 1;
  };
  try {
    await stoppingOnInterrupt(() => run.stop(), work);
  } finally {
    telling.stop();
  }
}

export function trainCommand(): Command {
  return addTrainOptions(
    new Command("train").description("train a detector, or fine-tune one on labelled images"),
  ).action(runTrain);
}

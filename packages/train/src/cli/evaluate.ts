import { Command, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import { backendOptions, overwriteOption, SCALE_TEXT } from "retinaface-webgpu/node";
import { measureAt } from "../evaluate/by-size.js";
import type { Detect } from "../evaluate/detections.js";
import { type EvaluatedImage, evaluateDetections } from "../evaluate/evaluate.js";
import { runDetectors } from "../evaluate/run.js";
import { precisionRecallPlot } from "../report/report.js";
import { imageProgress, loadData, printJson, reportProblems, say } from "./console.js";
import { comparisonTable, type Measured, sayMeasured } from "./evaluate-report.js";
import { evaluateWiderFace } from "./evaluate-wider.js";
import { describeProtocol, type EvaluateValues, loadEvaluated } from "./evaluated.js";
import {
  addTestScale,
  addText,
  dataOption,
  fraction,
  positiveNumbers,
  thresholdOptions,
  weightsOption,
} from "./options.js";
import { resultsOf } from "./outputs.js";
import { DEFAULT } from "./train-start.js";

type Loaded = Awaited<ReturnType<typeof loadEvaluated>>;

/** A detector of the run with its name and its time on each photo. */
interface Candidate {
  readonly name: string;
  readonly loaded: Loaded;
  readonly times: number[];
}

function medianOf(times: readonly number[]): number | null {
  if (times.length === 0) return null;
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function loadCandidates(values: EvaluateValues): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  try {
    for (const name of values.weights ?? [undefined]) {
      const loaded = await loadEvaluated(values, name);
      candidates.push({ name: name ?? DEFAULT, loaded, times: [] });
    }
  } catch (error) {
    for (const { loaded } of candidates) loaded.dispose();
    throw error;
  }
  return candidates;
}

function timed({ loaded, times }: Candidate): Detect {
  return async (image) => {
    const detections = await loaded.detect(image);
    times.push(loaded.milliseconds());
    return detections;
  };
}

function measure(
  { name, loaded, times }: Candidate,
  images: readonly EvaluatedImage[],
  sizes: readonly number[] | undefined,
): Measured {
  const { visThreshold: threshold } = loaded.thresholds;
  const { classes } = loaded;
  return {
    name,
    evaluation: evaluateDetections(images, { classes }),
    atThreshold: measureAt(images, { threshold, sizes }),
    milliseconds: medianOf(times),
  };
}

/** The result as JSON: one detector's figures at the top, those of several in a list. */
function resultOf(values: EvaluateValues, candidates: readonly Candidate[], all: Measured[]) {
  const details = all.map(({ name, evaluation, atThreshold, milliseconds }, i) => {
    const { curve, ...summary } = evaluation;
    const protocol = describeProtocol(values, candidates[i].loaded.thresholds);
    const weights = name === DEFAULT && !values.weights ? null : name;
    return { curve, summary: { weights, protocol, ...summary, atThreshold, milliseconds } };
  });
  const [only] = details;
  if (details.length === 1)
    return { summary: only.summary, whole: { ...only.summary, curve: only.curve } };
  return {
    summary: { detectors: details.map(({ summary }) => summary) },
    whole: { detectors: details.map(({ summary, curve }) => ({ ...summary, curve })) },
  };
}

function checkNames(weights: readonly string[] = []): void {
  const twice = weights.find((name, i) => weights.indexOf(name) !== i);
  if (twice !== undefined)
    throw new OptionError(`--weights ${twice} is given twice: leave one out`);
}

async function evaluateData(values: EvaluateValues & { data: string }): Promise<void> {
  const { data } = values;
  checkNames(values.weights);
  const dataset = loadData(data);
  const outputs = resultsOf(values, [...(values.weights ?? []), values.anchors], dataset);
  await outputs.check(values.json, values.plot);
  const progress = imageProgress(dataset.records.length);
  const candidates = await loadCandidates(values);
  try {
    const { images, problems } = await runDetectors(dataset.records, candidates.map(timed), {
      onProgress: (done, id) => progress.update(done, id),
    });
    progress.stop();
    reportProblems(problems);
    const measured = candidates.map((one, i) => measure(one, images[i], values.sizes));
    if (measured[0].evaluation.faces === 0) {
      say("the data hold no face to find: only false positives are measured");
    }
    if (measured.length === 1) sayMeasured(measured[0]);
    else say(comparisonTable(measured));
    const { summary, whole } = resultOf(values, candidates, measured);
    const header = { data, problems: dataset.problems.length + problems.length };
    if (values.plot) {
      const name = (one: Measured) => (measured.length === 1 ? "IoU 0.5" : one.name);
      const curves = measured.map((one) => [name(one), one.evaluation.curve] as const);
      await outputs.writeText(values.plot, precisionRecallPlot(Object.fromEntries(curves)));
    }
    if (values.json) {
      await outputs.writeText(values.json, `${JSON.stringify({ ...header, ...whole })}\n`);
    }
    printJson({ ...header, ...summary });
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    progress.stop();
    for (const { loaded } of candidates) loaded.dispose();
  }
}

async function runEvaluate(values: EvaluateValues): Promise<void> {
  const { data, wider } = values;
  if ((data === undefined) === (wider === undefined)) {
    throw new OptionError("evaluate needs either --data SPEC or --wider FOLDER");
  }
  if (wider !== undefined) await evaluateWiderFace({ ...values, wider });
  else if (data !== undefined) await evaluateData({ ...values, data });
}

export function evaluateCommand(): Command {
  const weights = weightsOption().argParser(addText);
  weights.description += "; repeat it to measure several side by side, photo by photo";
  const command = new Command("evaluate")
    .description("measure detectors on labelled images: average precision, recall, landmark error")
    .addOption(dataOption())
    .addOption(weights)
    .option("--anchors <file>", "anchors as JSON, where the checkpoint does not hold its own")
    .addOption(
      new Option(
        "--scale <size>",
        `${SCALE_TEXT}; several are merged by box voting (default: original)`,
      ).argParser(addTestScale),
    )
    .option("--mirror", "look at mirrored images too, with box voting")
    .addOption(
      new Option(
        "--test-time",
        "as detect --test-time: short sides of 500, 800, 1100, 1400 and 1700 pixels, mirrored too",
      ).conflicts(["scale", "mirror"]),
    );
  for (const option of [...thresholdOptions(), ...backendOptions()]) command.addOption(option);
  return command
    .addOption(
      new Option(
        "--vis-threshold <x>",
        "score from which faces count as shown (default: as stored with the weights, else 0.6)",
      ).argParser(fraction),
    )
    .addOption(
      new Option(
        "--sizes <list>",
        "least sizes of faces to measure by, in pixels (default: 8,16,32)",
      ).argParser(positiveNumbers),
    )
    .option("--wider <folder>", "WIDER FACE's protocol, with its four .mat files in this folder")
    .option("--images <folder>", "WIDER FACE's validation images, with --wider")
    .option("--predictions <folder>", "judge this submission instead of a detector, with --wider")
    .option("--submission <folder>", "write the detections as a submission, with --wider")
    .option("--json <file>", "write the result with its curves")
    .option("--plot <file>", "write the precision-recall curve as SVG")
    .addOption(overwriteOption())
    .action(runEvaluate);
}

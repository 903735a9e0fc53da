import { Command, InvalidArgumentError, Option } from "commander";
import { type BackendChoice, DEFAULT_THRESHOLDS, OptionError, readBytes } from "retinaface-webgpu";
import { backendOptions, type Outputs, overwriteOption } from "retinaface-webgpu/node";
import type { Problem } from "../data/record.js";
import type { Detect, Detections } from "../evaluate/detections.js";
import { runDetector } from "../evaluate/run.js";
import { detectAtScales, type TestScale } from "../evaluate/test-scales.js";
import { formatCandidates, parseCandidates } from "../tune/candidates.js";
import {
  plotTuning,
  type TuneGoal,
  type TuneImage,
  type TuneResult,
  tuneThresholds,
} from "../tune/tune.js";
import { withThresholds } from "./calibrate.js";
import {
  formatTable,
  imageProgress,
  loadData,
  needFaces,
  printJson,
  reportProblems,
  say,
} from "./console.js";
import { loadDetector } from "./detector.js";
import { confidenceOption, dataOption, scaleOption, weightsOption } from "./options.js";
import { resultsOf } from "./outputs.js";

interface TuneValues {
  readonly data: string;
  readonly weights?: string;
  readonly candidates?: string;
  readonly saveCandidates?: string;
  readonly scale: TestScale;
  readonly confidenceThreshold: number;
  readonly goal: TuneGoal;
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly plot?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
}

function parseGoal(text: string): TuneGoal {
  if (text === "f1") return { kind: "f1" };
  const match = /^recall@(0?\.\d+|1|1\.0*)$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must be "f1" or such as "recall@0.95".');
  return { kind: "recall", precision: Number(match[1]) };
}

interface Candidates {
  readonly found: ReadonlyMap<string, Detections>;
  readonly problems: readonly Problem[];
}

/** Runs the network once: every candidate above the confidence threshold, nothing suppressed. */
async function findCandidates(
  records: Parameters<typeof runDetector>[0],
  values: TuneValues,
): Promise<Candidates> {
  const { topK } = DEFAULT_THRESHOLDS;
  const { confidenceThreshold, scale } = values;
  const progress = imageProgress(records.length);
  const detector = await loadDetector(values.weights, {
    confidenceThreshold,
    topK,
    nmsThreshold: 1,
    keepTopK: topK,
    backend: values.backend,
    threads: values.threads,
  });
  try {
    if (detector.suppression === "by-class") throw new OptionError(byClass);
    const one = { scales: [scale], mirror: false, voteThreshold: 1 };
    const detect: Detect = (image) => detectAtScales(detector.pass, image, one);
    const run = await runDetector(records, detect, {
      onProgress: (done, id) => progress.update(done, id),
    });
    const found = new Map(run.images.map((image) => [image.record.id, image.detections]));
    return { found, problems: run.problems };
  } finally {
    progress.stop();
    detector.dispose();
  }
}

const byClass =
  "tune searches the suppression of faces, where all compete, and these weights are RetinaNet's, whose classes compete " +
  "apart: give --nms-threshold and --vis-threshold to evaluate or detect instead";

/** A candidate may reach out of its image by this share of its sides: the network sees no border. */
const REACH = 0.5;

/**
 * Candidates found in other images would tune thresholds for nothing.
 * @throws {OptionError} where images of the data have none, or boxes do not lie in their image
 */
function checkCandidates(
  file: string,
  { data }: TuneValues,
  found: ReadonlyMap<string, Detections>,
  images: readonly TuneImage[],
): void {
  const remedy = "give the --data that they were found in, or find them again without --candidates";
  const known = new Set(images.map(({ record }) => record.id));
  const others = [...found.keys()].filter((id) => !known.has(id));
  if (images.length === 0 || others.length > 0) {
    throw new OptionError(
      `${file} holds candidates of ${images.length} images of ${data}, and of ${others.length} that are not ` +
        `in it${others.length > 0 ? `, such as ${others[0]}` : ""}: ${remedy}`,
    );
  }
  for (const { record, candidates } of images) {
    const { id, width, height } = record;
    if (width === undefined || height === undefined) continue;
    const isOutside = (value: number, i: number) => {
      const side = i % 2 === 0 ? width : height;
      return value < -side * REACH || value > side * (1 + REACH);
    };
    if (!candidates.boxes.some(isOutside)) continue;
    throw new OptionError(
      `the candidates of ${id} in ${file} do not lie in its ${width}×${height} pixels: ${remedy}`,
    );
  }
}

async function readText(file: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(file));
}

function sayResult(result: TuneResult): void {
  say(
    formatTable(
      ["NMS", "AP 0.5", "score", "precision", "recall", "F1"],
      result.table.map(({ nmsThreshold, ap50, point, f1 }) => [
        nmsThreshold,
        ap50,
        point?.threshold ?? null,
        point?.precision ?? null,
        point?.recall ?? null,
        f1,
      ]),
    ),
  );
  say("");
  say(
    formatTable(
      ["confidence", "AP 0.5", "candidates an image"],
      result.confidence.map((row) => [row.confidenceThreshold, row.ap50, row.candidates]),
    ),
  );
  const { best } = result;
  say(
    best
      ? `\nbest: --confidence-threshold ${best.confidenceThreshold} --nms-threshold ${best.nmsThreshold} ` +
          `--vis-threshold ${Number(best.visThreshold.toFixed(4))}`
      : "\nthe goal is reached nowhere",
  );
}

/** Writes the weights with the best thresholds, which load, detect and evaluate then take where none are asked for. */
async function storeBest(
  out: string,
  { weights }: TuneValues,
  { best }: TuneResult,
  outputs: Outputs,
): Promise<void> {
  if (!best) {
    say(`${out} is not written: no thresholds reach the goal`);
    return;
  }
  const { confidenceThreshold, nmsThreshold, visThreshold } = best;
  const chosen = { confidenceThreshold, nmsThreshold, visThreshold };
  await outputs.write(out, await withThresholds(weights, chosen));
  say(`${out}: the weights with these thresholds`);
}

async function runTune(values: TuneValues): Promise<void> {
  const { data, goal } = values;
  const dataset = loadData(data);
  needFaces(dataset, data);
  const { records } = dataset;
  const outputs = resultsOf(values, [values.weights, values.candidates], dataset);
  await outputs.check(values.saveCandidates, values.plot, values.out);
  const { found, problems }: Candidates = values.candidates
    ? {
        found: parseCandidates(await readText(values.candidates), values.candidates),
        problems: [],
      }
    : await findCandidates(records, values);
  reportProblems(problems);
  if (values.saveCandidates) {
    await outputs.writeText(values.saveCandidates, formatCandidates(found));
  }
  const images = records.flatMap((record) => {
    const candidates = found.get(record.id);
    return candidates ? [{ record, candidates }] : [];
  });
  const absent = records.length - images.length - problems.length;
  if (absent > 0) say(`${absent} images have no candidates in ${values.candidates}: left out`);
  if (values.candidates) checkCandidates(values.candidates, values, found, images);
  const result = tuneThresholds(images, { goal });
  sayResult(result);
  if (values.plot) await outputs.writeText(values.plot, plotTuning(result));
  if (values.out) await storeBest(values.out, values, result, outputs);
  const table = result.table.map(({ curve: _, ...row }) => row);
  const counted = dataset.problems.length + problems.length;
  printJson({ data, weights: values.weights ?? null, problems: counted, ...result, table });
  if (problems.length > 0) process.exitCode = 1;
}

export function tuneCommand(): Command {
  const [where, threads] = backendOptions();
  return new Command("tune")
    .description("search thresholds of the post-processing on labelled images")
    .addOption(dataOption().makeOptionMandatory())
    .addOption(weightsOption())
    .addOption(scaleOption())
    .addOption(confidenceOption())
    .addOption(where)
    .addOption(threads)
    .addOption(
      new Option("--goal <goal>", "f1, or recall@PRECISION such as recall@0.95")
        .argParser(parseGoal)
        .default({ kind: "f1" }, "f1"),
    )
    .option("--out <file>", "write the weights with the best thresholds, as safetensors")
    .option("--save-candidates <file>", "keep what the network found, for later runs")
    .option("--candidates <file>", "use what an earlier run kept, without the network")
    .option("--plot <file>", "write the precision-recall curves as SVG")
    .addOption(overwriteOption())
    .action(runTune);
}

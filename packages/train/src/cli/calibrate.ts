import { Command, Option } from "commander";
import { type BackendChoice, storeThresholds, type Thresholds } from "retinaface-webgpu";
import {
  backendOptions,
  locateWeights,
  overwriteOption,
  readNamedWeights,
} from "retinaface-webgpu/node";
import { type Calibration, calibrateThreshold } from "../evaluate/calibrate.js";
import { runDetector } from "../evaluate/run.js";
import { detectAtScales, formatTestScale, type TestScale } from "../evaluate/test-scales.js";
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
import { dataOption, numberFrom, scaleOption, weightsOption } from "./options.js";
import { resultsOf } from "./outputs.js";
import { DEFAULT } from "./train-start.js";

interface CalibrateValues {
  readonly data: string;
  readonly weights?: string;
  readonly out?: string;
  readonly scale: TestScale;
  readonly minSize: number;
  readonly falseFaces: number;
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly overwrite?: boolean;
}

/** Every tenth of the scores, and what was chosen. */
function sayCalibration({ table, best }: Calibration): void {
  const rows = table.filter(
    ({ threshold }) => Math.round(threshold * 100) % 10 === 0 || threshold === best?.threshold,
  );
  say(
    formatTable(
      ["threshold", "precision", "found", "F1", "false/photo", ""],
      rows.map((row) => [
        row.threshold.toFixed(2),
        row.precision,
        row.found,
        row.f1,
        row.falseFaces,
        row === best ? "chosen" : "",
      ]),
    ),
  );
}

async function findFaces(values: CalibrateValues, records: Parameters<typeof runDetector>[0]) {
  const { weights, scale, backend, threads } = values;
  const progress = imageProgress(records.length);
  const detector = await loadDetector(weights, { backend, threads });
  const { nmsThreshold } = detector.thresholds;
  const scales = { scales: [scale], mirror: false, voteThreshold: nmsThreshold };
  try {
    return await runDetector(records, (image) => detectAtScales(detector.pass, image, scales), {
      onProgress: (done, id) => progress.update(done, id),
    });
  } finally {
    progress.stop();
    detector.dispose();
  }
}

/** Weights that say which thresholds go with them, as safetensors. */
export async function withThresholds(
  weights: string | undefined,
  thresholds: Partial<Thresholds>,
): Promise<Uint8Array<ArrayBuffer>> {
  const named = weights !== undefined && weights !== DEFAULT;
  const bytes = named ? await readNamedWeights(weights) : (await locateWeights()).bytes;
  return storeThresholds(bytes, thresholds);
}

async function runCalibrate(values: CalibrateValues): Promise<void> {
  const { data, weights, out, minSize, falseFaces: mostFalse, scale } = values;
  const dataset = loadData(data);
  needFaces(dataset, data);
  const outputs = resultsOf(values, [weights], dataset);
  await outputs.check(out);
  const { images, problems } = await findFaces(values, dataset.records);
  reportProblems(problems);
  const calibration = calibrateThreshold(images, { minSize, mostFalse });
  const { best, photosWithoutFaces, table } = calibration;
  if (photosWithoutFaces === 0) {
    say("no photo is without a face: the limit of false faces holds nothing back");
  }
  sayCalibration(calibration);
  if (!best) say(`no threshold keeps to ${mostFalse} false faces a photo: nothing is written`);
  if (best && out) {
    await outputs.write(out, await withThresholds(weights, { visThreshold: best.threshold }));
    say(`${out}: from a score of ${best.threshold} up faces are shown`);
  }
  printJson({
    data,
    weights: weights ?? null,
    out: best ? (out ?? null) : null,
    problems: dataset.problems.length + problems.length,
    scale: formatTestScale(scale),
    minSize,
    mostFalse,
    images: calibration.images,
    faces: calibration.faces,
    photosWithoutFaces,
    best,
    table,
  });
  if (!best || problems.length > 0) process.exitCode = 1;
}

export function calibrateCommand(): Command {
  const [where, threads] = backendOptions();
  return new Command("calibrate")
    .description("choose the score from which faces are shown, and store it with the weights")
    .addOption(dataOption().makeOptionMandatory())
    .addOption(weightsOption())
    .option("--out <file>", "write the weights with the chosen threshold, as safetensors")
    .addOption(scaleOption())
    .addOption(
      new Option("--min-size <pixels>", "only faces of at least this size count")
        .argParser(numberFrom(0))
        .default(16),
    )
    .addOption(
      new Option("--false-faces <n>", "most false faces a photo where there is no face")
        .argParser(numberFrom(0))
        .default(0.1),
    )
    .addOption(where)
    .addOption(threads)
    .addOption(overwriteOption())
    .action(runCalibrate);
}

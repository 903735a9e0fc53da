import { existsSync } from "node:fs";
import path from "node:path";
import { Command, Option } from "commander";
import {
  type BackendChoice,
  DEFAULT_THRESHOLDS,
  OptionError,
  RetinaFaceError,
} from "retinaface-webgpu";
import {
  backendOptions,
  findPhotos,
  type Outputs,
  overwriteOption,
  SCALE_TEXT,
} from "retinaface-webgpu/node";
import type { JsonObject } from "../data/json.js";
import type { FaceRecord, Problem } from "../data/record.js";
import { ENSEMBLE_BANDS, type ScoreBands } from "../data/score-bands.js";
import type { Detect } from "../evaluate/detections.js";
import { runDetector } from "../evaluate/run.js";
import {
  detectPasses,
  formatTestScale,
  parseTestScale,
  type TestScale,
} from "../evaluate/test-scales.js";
import { type FusedFaces, fusePasses } from "../pseudo/fuse.js";
import { type PseudoLabel, pseudoLabel } from "../pseudo/labels.js";
import { partOf, readLabels, UnfinishedLabels } from "../pseudo/unfinished.node.js";
import { imageProgress, printJson, reportProblems, say } from "./console.js";
import { digestOf, type LoadedDetector, loadDetector } from "./detector.js";
import { addTestScale, addText, fraction } from "./options.js";
import { resultsOf } from "./outputs.js";
import { DEFAULT } from "./train-start.js";

interface PseudoValues {
  readonly out: string;
  readonly weights?: readonly string[];
  readonly scale?: readonly TestScale[];
  readonly mirror: boolean;
  readonly face: number;
  readonly ignore: number;
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
}

/** A photo once and twice as large: small faces are found in the larger one, large ones in the smaller. */
const DEFAULT_SCALES = ["640/640", "1280/1280"];

const NOTHING: Omit<FaceRecord, "id" | "image"> = {
  boxes: new Float32Array(),
  landmarks: new Float32Array(),
  labels: [],
  ignored: new Uint8Array(),
};

/** The photos that arguments name, and why others are none. */
async function readPhotos(args: readonly string[]) {
  const photos = await findPhotos(args);
  const problems: Problem[] = photos.flatMap(({ file, error }) =>
    error ? [{ file, message: error.message }] : [],
  );
  const files = photos.filter(({ error }) => error === undefined).map(({ file }) => file);
  return { files: [...new Set(files)], problems };
}

/** What a photo is called in the labels. */
function nameIn(out: string): (file: string) => string {
  const folder = path.dirname(path.resolve(out));
  return (file) => path.relative(folder, path.resolve(file)).split(path.sep).join("/");
}

/** Looks at every photo with every detector, size and side, and fuses what they find. */
async function labelPhotos(
  files: readonly string[],
  detectors: readonly LoadedDetector[],
  scales: readonly TestScale[],
  { out, mirror, face, ignore }: PseudoValues,
  onLabel: (label: PseudoLabel) => void,
): Promise<readonly Problem[]> {
  const bands: ScoreBands = { face, ignore };
  const nameOf = nameIn(out);
  let fused: { size: { width: number; height: number }; faces: FusedFaces } | undefined;
  const detect: Detect = async (image) => {
    const passes = [];
    for (const { pass } of detectors) {
      passes.push(...(await detectPasses(pass, image, { scales, mirror })));
    }
    const faces = fusePasses(passes, DEFAULT_THRESHOLDS.nmsThreshold);
    fused = { size: { width: image.width, height: image.height }, faces };
    return faces;
  };
  const records = files.map((file): FaceRecord => ({ id: file, image: file, ...NOTHING }));
  const progress = imageProgress(files.length);
  try {
    const { problems } = await runDetector(records, detect, {
      onProgress: (done, id) => progress.update(done, id),
      onFound: ({ id }) => onLabel(pseudoLabel(nameOf(id), fused!.size, fused!.faces, bands)),
    });
    return problems;
  } finally {
    progress.stop();
  }
}

/** What a run writes to, and what is labelled already. */
interface Prepared {
  readonly outputs: Outputs;
  readonly labels: ReadonlyMap<string, PseudoLabel>;
  /** Where labels grow, with `--resume`; absent too where the result is there already, and whole. */
  readonly unfinished?: UnfinishedLabels;
  readonly isWhole: boolean;
}

/**
 * @param names of the photos, in labels
 * @param protocol how labels are made, but for the weights
 */
async function prepare(
  { out, weights = [DEFAULT], overwrite, resume }: PseudoValues,
  files: readonly string[],
  names: readonly string[],
  protocol: JsonObject,
): Promise<Prepared> {
  const inputs = [...weights, ...files];
  const isBegun = resume === true && existsSync(partOf(out));
  const there = resume && !isBegun && existsSync(out) ? readLabels(out) : undefined;
  const isWhole = there !== undefined && names.every((name) => there.has(name));
  // Killed between its last two steps, a run has left its result beside what it was made from.
  const outputs = resultsOf({ overwrite: overwrite || isBegun || isWhole }, inputs);
  await outputs.check(out, resume ? partOf(out) : undefined);
  if (isWhole) {
    say(`${out} holds the labels of all these photos already`);
    return { outputs, labels: there, isWhole };
  }
  if (!resume) return { outputs, labels: new Map(), isWhole };
  const digests = await Promise.all(weights.map(digestOf));
  const unfinished = UnfinishedLabels.open(out, { ...protocol, weights: digests });
  const { labels } = unfinished;
  if (labels.size > 0) say(`going on: ${labels.size} photos are labelled already`);
  return { outputs, labels, unfinished, isWhole };
}

async function loadDetectors(
  { backend, threads }: PseudoValues,
  weights: readonly string[],
): Promise<LoadedDetector[]> {
  const detectors: LoadedDetector[] = [];
  const { confidenceThreshold } = DEFAULT_THRESHOLDS;
  try {
    for (const name of weights) {
      detectors.push(await loadDetector(name, { confidenceThreshold, backend, threads }));
    }
    return detectors;
  } catch (error) {
    for (const detector of detectors) detector.dispose();
    throw error;
  }
}

async function runPseudo(args: string[], values: PseudoValues): Promise<void> {
  const { out, mirror, face, ignore, weights = [DEFAULT] } = values;
  if (ignore > face) {
    throw new OptionError(`--ignore ${ignore} is above --face ${face}: give at most as much`);
  }
  const scales = values.scale ?? DEFAULT_SCALES.map(parseTestScale);
  const shared = { scales: scales.map(formatTestScale), mirror, face, ignore };
  const { files, problems: unfound } = await readPhotos(args);
  const names = files.map(nameIn(out));
  const { outputs, unfinished, isWhole, ...known } = await prepare(values, files, names, shared);
  const labels = new Map(known.labels);
  const rest = files.filter((_, i) => !labels.has(names[i]));
  const detectors = rest.length > 0 ? await loadDetectors(values, weights) : [];
  try {
    const unread = await labelPhotos(rest, detectors, scales, values, (label) => {
      unfinished?.add(label);
      labels.set(label.image, label);
    });
    const problems = [...unfound, ...unread];
    reportProblems(problems);
    if (!isWhole) await writeLabels(labels, names, outputs, out);
    unfinished?.remove();
    const counts = countFaces(labels);
    const passes = weights.length * scales.length * (mirror ? 2 : 1);
    const { images, faces, ignored } = counts;
    say(`${images} photos, ${passes} passes each: ${faces} faces, ${ignored} ignored ones`);
    const protocol = { weights, ...shared };
    printJson({ file: out, ...counts, problems: problems.length, protocol });
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    for (const detector of detectors) detector.dispose();
  }
}

/** Writes labels in the order of the photos; behind them those of an earlier run's that were not asked for again. */
async function writeLabels(
  labels: ReadonlyMap<string, PseudoLabel>,
  names: readonly string[],
  outputs: Outputs,
  out: string,
): Promise<void> {
  if (labels.size === 0) {
    throw new RetinaFaceError(
      "NO_IMAGES",
      "no photo could be read: mend or leave out those named above",
    );
  }
  const ordered = new Set([...names, ...labels.keys()]);
  const lines = [...ordered].flatMap((name) => labels.get(name) ?? []);
  await outputs.writeText(out, lines.map((label) => `${JSON.stringify(label)}\n`).join(""));
}

function countFaces(labels: ReadonlyMap<string, PseudoLabel>) {
  const all = [...labels.values()].flatMap((label) => label.faces);
  const ignored = all.filter((found) => found.ignored).length;
  return { images: labels.size, faces: all.length - ignored, ignored };
}

export function pseudoCommand(): Command {
  const band = (flags: string, text: string, value: number) =>
    new Option(flags, text).argParser(fraction).default(value);
  const command = new Command("pseudo")
    .description(
      "label photos by what several passes and networks agree on, as JSON lines for --data",
    )
    .argument("<photos...>", "files, folders or glob patterns")
    .requiredOption("--out <file>", "JSON lines to write; paths in it are relative to its folder")
    .option(
      "--resume",
      "keep each photo's labels in FILE.part until all are there, and go on from those of a run that was killed",
    )
    .addOption(
      new Option(
        "--weights <file>",
        "checkpoint, light or default; several vote together (default: those that detect takes)",
      ).argParser(addText),
    )
    .addOption(
      new Option(
        "--scale <size>",
        `${SCALE_TEXT}; several vote together (default: ${DEFAULT_SCALES.join(" and ")})`,
      ).argParser(addTestScale),
    )
    .option("--no-mirror", "do not look at mirrored photos too")
    .addOption(band("--face <score>", "mean score from which a box is a face", ENSEMBLE_BANDS.face))
    .addOption(
      band("--ignore <score>", "from which it is at least ignored", ENSEMBLE_BANDS.ignore),
    );
  for (const option of backendOptions()) command.addOption(option);
  return command.addOption(overwriteOption()).action(runPseudo);
}

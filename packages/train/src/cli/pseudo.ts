import path from "node:path";
import { Command, Option } from "commander";
import {
  type BackendChoice,
  DEFAULT_THRESHOLDS,
  OptionError,
  RetinaFaceError,
} from "retinaface-webgpu";
import { backendOptions, findPhotos, overwriteOption, SCALE_TEXT } from "retinaface-webgpu/node";
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
import { imageProgress, printJson, reportProblems, say } from "./console.js";
import { type LoadedDetector, loadDetector } from "./detector.js";
import { addTestScale, addText, fraction } from "./options.js";
import { resultsOf } from "./outputs.js";

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

interface Found {
  readonly labels: readonly PseudoLabel[];
  readonly problems: readonly Problem[];
}

/** Looks at every photo with every detector, size and side, and fuses what they find. */
async function labelPhotos(
  files: readonly string[],
  detectors: readonly LoadedDetector[],
  scales: readonly TestScale[],
  { out, mirror, face, ignore }: PseudoValues,
): Promise<Found> {
  const bands: ScoreBands = { face, ignore };
  const fused: { size: { width: number; height: number }; faces: FusedFaces }[] = [];
  const detect: Detect = async (image) => {
    const passes = [];
    for (const { pass } of detectors) {
      passes.push(...(await detectPasses(pass, image, { scales, mirror })));
    }
    const faces = fusePasses(passes, DEFAULT_THRESHOLDS.nmsThreshold);
    fused.push({ size: { width: image.width, height: image.height }, faces });
    return faces;
  };
  const records = files.map((file): FaceRecord => ({ id: file, image: file, ...NOTHING }));
  const progress = imageProgress(files.length);
  try {
    const { images, problems } = await runDetector(records, detect, {
      onProgress: (done, id) => progress.update(done, id),
    });
    const folder = path.dirname(path.resolve(out));
    const labels = images.map(({ record }, i) => {
      const name = path.relative(folder, path.resolve(record.id)).split(path.sep).join("/");
      return pseudoLabel(name, fused[i].size, fused[i].faces, bands);
    });
    return { labels, problems };
  } finally {
    progress.stop();
  }
}

async function runPseudo(args: string[], values: PseudoValues): Promise<void> {
  const { out, mirror, face, ignore, backend, threads, weights = ["default"] } = values;
  if (ignore > face) {
    throw new OptionError(`--ignore ${ignore} is above --face ${face}: give at most as much`);
  }
  const scales = values.scale ?? DEFAULT_SCALES.map(parseTestScale);
  const { files, problems: unfound } = await readPhotos(args);
  const outputs = resultsOf(values, [...weights, ...files]);
  await outputs.check(out);
  const detectors: LoadedDetector[] = [];
  try {
    for (const name of weights) {
      const { confidenceThreshold } = DEFAULT_THRESHOLDS;
      detectors.push(await loadDetector(name, { confidenceThreshold, backend, threads }));
    }
    const { labels, problems: unread } = await labelPhotos(files, detectors, scales, values);
    const problems = [...unfound, ...unread];
    reportProblems(problems);
    if (labels.length === 0) {
      throw new RetinaFaceError(
        "NO_IMAGES",
        "no photo could be read: mend or leave out those named above",
      );
    }
    await outputs.writeText(out, labels.map((label) => `${JSON.stringify(label)}\n`).join(""));
    const all = labels.flatMap((label) => label.faces);
    const ignored = all.filter((found) => found.ignored).length;
    const passes = detectors.length * scales.length * (mirror ? 2 : 1);
    const faces = all.length - ignored;
    say(`${labels.length} photos, ${passes} passes each: ${faces} faces, ${ignored} ignored ones`);
    const protocol = { weights, scales: scales.map(formatTestScale), mirror, face, ignore };
    printJson({
      file: out,
      images: labels.length,
      faces,
      ignored,
      problems: problems.length,
      protocol,
    });
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    for (const detector of detectors) detector.dispose();
  }
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
    .addOption(
      new Option(
        "--weights <file>",
        "checkpoint, or default; several vote together (default: those that detect takes)",
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

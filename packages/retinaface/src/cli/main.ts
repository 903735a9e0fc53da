#!/usr/bin/env node
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { readBytes } from "#platform";
import { needMesh } from "../detect/need-mesh.js";
import { OptionError } from "../errors.js";
import { isVideo } from "../video/ffmpeg.node.js";
import { convertCheckpoint } from "../weights/index.js";
import { PUBLIC_FILES } from "../weights/registry.js";
import { readConfigFile, readTemplateFile } from "./config-file.js";
import { detectPhotos } from "./detect.js";
import { exportCommand, exportWeights } from "./export.js";
import { readList, resumeResults, shareOf } from "./jobs.js";
import { JsonLines, type Streams } from "./lines.js";
import {
  type CropOptionValues,
  cropCommand,
  type DetectOptionValues,
  detectCommand,
  LEAST_LABEL,
  overwriteOption,
  type RedactOptionValues,
  redactCommand,
} from "./options.js";
import { makeFolder, Outputs } from "./outputs.js";
import { findPhotos, type Photo } from "./photos.js";
import { startProgress } from "./progress.js";
import { FAILED, reportError, withPrintableOutput } from "./report.js";
import { serve, serveCommand } from "./serve.js";

/** Errors of arguments rather than of the work; weights that are nowhere need an argument too. */
const USAGE_CODES = new Set([
  "OPTION_INVALID",
  "OUTPUT_EXISTS",
  "WEIGHTS_NOT_FOUND",
  "WEIGHTS_URL_REFUSED",
  "NO_MESH",
  "PRECISION_UNAVAILABLE",
  "PULL_UNKNOWN_NAME",
  "FFMPEG_MISSING",
  "SERVE_PACKAGES_MISSING",
]);

/** The package's own picture, looked at where no photo is named. */
const SAMPLE = fileURLToPath(new URL("../../assets/sample.png", import.meta.url));

const streams: Streams = { stdout: process.stdout, stderr: process.stderr };

async function detect(args: string[], options: DetectOptionValues, signal: AbortSignal) {
  const { out, overwrite, anchors, tune, timings, labels, scale, every, ...others } = options;
  const { from, shard, resume, testTime, mesh, ...given } = others;
  if (mesh && out === undefined) throw new OptionError("--mesh writes files: give --out DIR");
  const { visThreshold } = given;
  const load = {
    ...given,
    ...scale,
    visThreshold: labels ? Math.min(LEAST_LABEL, visThreshold ?? LEAST_LABEL) : visThreshold,
  };
  const listed = from === undefined ? [] : await readList(from, signal);
  const found = await findPhotos(args.length > 0 || from !== undefined ? args : [SAMPLE]);
  const all = [...found, ...listed];
  const photos = shard ? shareOf(all, shard) : all;
  const config = anchors === undefined ? undefined : await readConfigFile(anchors);
  const { RetinaFace } = await import("../detect/detector.js");
  const tuning = tune ? await measuring() : undefined;
  if (areVideos(photos)) {
    refuseForVideos(options, DETECT_PHOTOS_ONLY);
    const { detectVideos } = await import("./video.js");
    const failed = await detectVideos({
      videos: photos,
      out,
      overwrite,
      inputs: [anchors, load.weights, process.env.RETINAFACE_WEIGHTS],
      maxSide: load.maxSide,
      every: every ?? 1,
      threshold: visThreshold,
      load: () => RetinaFace.load({ ...load, config, tune: tuning }),
      streams,
      signal,
    });
    if (failed > 0) process.exitCode = FAILED;
    return;
  }
  if (every !== undefined) throw new OptionError("--every is for videos: leave it out for photos");
  const inputs = [anchors, load.weights, process.env.RETINAFACE_WEIGHTS];
  const listFile = from === "-" ? undefined : from;
  const resumed =
    resume === undefined ? undefined : await resumeResults(resume, photos, [...inputs, listFile]);
  const failed = await detectPhotos({
    photos: resumed?.photos ?? photos,
    out,
    overwrite,
    inputs,
    maxSide: load.maxSide,
    minSide: load.minSide,
    decode: load.decode,
    decoder: load.decoder,
    testTime,
    mesh,
    copy: mesh ? (await import("./meshes.js")).MESH_COPIES : undefined,
    ignoreBelow: labels ? (stored) => visThreshold ?? stored : undefined,
    truncated: load.truncated,
    timings,
    load: async () => {
      const detector = await RetinaFace.load({ ...load, config, tune: tuning });
      try {
        if (mesh) needMesh(detector.network);
        return detector;
      } catch (error) {
        detector.dispose();
        throw error;
      }
    },
    streams: resumed ? { ...streams, stdout: resumed.stream } : streams,
    signal,
  });
  resumed?.stream.destroy();
  if (failed > 0) process.exitCode = FAILED;
}

/** Options that mean nothing for a video. */
const DETECT_PHOTOS_ONLY = {
  testTime: "--test-time",
  mesh: "--mesh",
  resume: "--resume",
  labels: "--labels",
  timings: "--timings",
  truncated: "--truncated",
  decode: "--decode",
  decoder: "--decoder",
} as const;
const REDACT_PHOTOS_ONLY = {
  review: "--review",
  keepMetadata: "--keep-metadata",
  timings: "--timings",
  truncated: "--truncated",
} as const;

/** @throws OptionError */
function refuseForVideos<T extends object>(
  given: T,
  flags: Readonly<Partial<Record<keyof T, string>>>,
): void {
  for (const [name, flag] of Object.entries(flags)) {
    if (given[name as keyof T] === undefined) continue;
    throw new OptionError(`${flag} is for photos: leave it out for videos`);
  }
}

/** @throws OptionError where there are photos as well */
function areVideos(photos: readonly Photo[]): boolean {
  const videos = photos.filter(({ file }) => isVideo(file)).length;
  if (videos > 0 && videos < photos.length) {
    throw new OptionError("photos and videos take different ways: give them to separate commands");
  }
  return videos > 0;
}

async function redact(args: string[], values: RedactOptionValues, signal: AbortSignal) {
  const { out, inPlace, overwrite, style, shape, grow, keepMetadata, review: page } = values;
  if (out === undefined && !inPlace) {
    throw new OptionError(
      "redact needs --out DIR for the copies, or --in-place to replace the photos",
    );
  }
  const { redactedCopies, TwoLooks } = await import("./redact.js");
  const { Review } = await import("./review.js");
  const { RetinaFace } = await import("../detect/detector.js");
  const photos = await findPhotos(args);
  const files = photos.map(({ file }) => file);
  const pages = new Outputs({ overwrite, inputs: [...files, values.weights] });
  // The page may lie among the copies.
  if (out !== undefined) await makeFolder(out);
  await pages.check(page);
  if (areVideos(photos)) {
    if (out === undefined) throw new OptionError("videos are copied: give --out DIR");
    refuseForVideos(values, REDACT_PHOTOS_ONLY);
    const { redactVideos } = await import("./video.js");
    const failed = await redactVideos({
      videos: photos,
      out,
      overwrite,
      inputs: [values.weights, process.env.RETINAFACE_WEIGHTS],
      maxSide: values.maxSide,
      options: { style, shape, grow },
      threshold: values.visThreshold,
      load: async () => new TwoLooks(await RetinaFace.load(values)),
      streams,
      signal,
    });
    if (failed > 0) process.exitCode = FAILED;
    return;
  }
  const review = page === undefined ? undefined : new Review();
  const options = { style, shape, grow };
  const failed = await detectPhotos({
    photos,
    out,
    overwrite,
    copy: redactedCopies({ options, inPlace, keepMetadata, review }),
    inputs: [values.weights, process.env.RETINAFACE_WEIGHTS],
    maxSide: values.maxSide,
    // A second look is at another size.
    decode: "full",
    truncated: values.truncated,
    timings: values.timings,
    load: async () => new TwoLooks(await RetinaFace.load(values)),
    streams,
    signal,
  });
  if (review && page !== undefined && !signal.aborted)
    await pages.writeText(page, review.html(files));
  if (failed > 0) process.exitCode = FAILED;
}

async function crop(args: string[], values: CropOptionValues, signal: AbortSignal) {
  const { out, overwrite, align, size, margin, maxSide, truncated } = values;
  const { minSize, minSharpness, maxAngle, best, template: templateFile, ...load } = values;
  const template = templateFile === undefined ? undefined : await readTemplateFile(templateFile);
  const { cropPhotos } = await import("./crop.js");
  const { RetinaFace } = await import("../detect/detector.js");
  const failed = await cropPhotos({
    photos: await findPhotos(args),
    out,
    overwrite,
    inputs: [values.weights, templateFile, process.env.RETINAFACE_WEIGHTS],
    align,
    template,
    size,
    margin,
    filter: { minSize, minSharpness, maxAngle, best },
    call: { maxSide, truncated },
    load: () => RetinaFace.load(load),
    streams,
    signal,
  });
  if (failed > 0) process.exitCode = FAILED;
}

async function measuring() {
  const { measureKernels } = await import("../tune/measure-kernels.js");
  return measureKernels({
    onMeasure: (convolutions) =>
      streams.stderr.write(`retinaface: measuring ${convolutions} convolutions on this adapter\n`),
  });
}

interface ConvertValues {
  readonly half?: boolean;
  readonly overwrite?: boolean;
}

async function convert(
  input: string,
  output: string,
  { half, overwrite }: ConvertValues,
  signal: AbortSignal,
) {
  const outputs = new Outputs({ overwrite, inputs: [input] });
  await outputs.check(output);
  const converted = await convertCheckpoint(await readBytes(input, signal), { half });
  await outputs.write(output, converted);
  await new JsonLines(streams.stdout).write({ file: output, bytes: converted.byteLength });
}

async function pull(name: string, signal: AbortSignal) {
  const { pullWeights } = await import("../weights/pull.node.js");
  const total = PUBLIC_FILES.find((file) => file.name === name)?.bytes ?? 0;
  const progress = startProgress(streams, total, "{bar} {percentage}% {label}");
  try {
    const { path, cached } = await pullWeights(name, {
      signal,
      onProgress: ({ received }) => progress.update(received, name),
    });
    progress.stop();
    await new JsonLines(streams.stdout).write({ name, file: path, cached });
  } finally {
    progress.stop();
  }
}

function buildProgram(signal: AbortSignal): Command {
  const program = withPrintableOutput(new Command("retinaface"))
    .description("Face detection with five landmarks, on WebGPU or on processors")
    .exitOverride();
  program.addCommand(detectCommand().action((photos, options) => detect(photos, options, signal)));
  program.addCommand(redactCommand().action((photos, options) => redact(photos, options, signal)));
  program.addCommand(cropCommand().action((photos, options) => crop(photos, options, signal)));
  program.addCommand(serveCommand().action((values) => serve(values, streams, signal)));
  program
    .command("convert")
    .description("convert a PyTorch checkpoint to safetensors")
    .argument("<in>", "checkpoint: .pth or .safetensors")
    .argument("<out>", "file to write")
    .option("--half", "store 16-bit floating point")
    .addOption(overwriteOption())
    .action((input, output, options) => convert(input, output, options, signal));
  program.addCommand(
    exportCommand().action((weights, values) => exportWeights(weights, values, streams, signal)),
  );
  program
    .command("pull")
    .description("download public weights into the user's cache folder")
    .argument("<name>", PUBLIC_FILES.map((file) => file.name).join(", "))
    .action((name) => pull(name, signal));
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

/** By the signal itself where that can be: leaving in order may wait for what does not end. Shells call it 130 and 143. */
function endAtOnce(name: NodeJS.Signals, code: number): void {
  if (process.platform === "win32") process.exit(code);
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

/** Aborts on the first Ctrl-C or SIGTERM; a second one ends the process at once. */
function abortOnSignals(): AbortController {
  const controller = new AbortController();
  let signals = 0;
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(name, () => {
      if (signals++ > 0) endAtOnce(name, code);
      process.exitCode = code;
      controller.abort();
    });
  }
  return controller;
}

const controller = abortOnSignals();
try {
  await buildProgram(controller.signal).parseAsync();
} catch (error) {
  if (!controller.signal.aborted) {
    process.exitCode = reportError("retinaface", error, USAGE_CODES);
  }
}
if (controller.signal.aborted) {
  if (streams.stdout.writableNeedDrain) await once(streams.stdout, "drain");
  process.exit();
}

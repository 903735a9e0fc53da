import { Command, InvalidArgumentError, Option } from "commander";
import { BACKENDS, type BackendChoice } from "../detect/backend.js";
import { parseScale, type WantedSides } from "../image/fit.js";
import { DECODERS } from "../image/raw.js";
import type { RedactOptions } from "../redact/redact.js";
import { DEFAULT_THRESHOLDS } from "../types.js";
import { parseShard, type Shard } from "./jobs.js";

/** Options of `retinaface detect`, as commander names them. */
export interface DetectOptionValues {
  weights?: string;
  /** File with a detector's configuration. */
  anchors?: string;
  out?: string;
  overwrite?: boolean;
  maxSide?: number;
  scale?: WantedSides;
  /** Look at photos at several sizes, mirrored too. */
  testTime?: boolean;
  /** Print labels to begin with: faces down to low scores, the doubtful ones ignored. */
  labels?: boolean;
  /** Write meshes of the faces. */
  mesh?: boolean;
  /** Cut boxes to the image. */
  clip?: boolean;
  truncated?: "error" | "show";
  /** A list of photos. */
  from?: string;
  shard?: Shard;
  /** Results that are gone on with. */
  resume?: string;
  decode?: "scaled" | "full";
  decoder?: "auto" | "own" | "sharp";
  precision?: "f32" | "f16";
  /** Measure kernels on this adapter and remember the fastest. */
  tune?: boolean;
  backend: BackendChoice;
  threads?: number;
  timings?: boolean;
  /** Of a video: faces are looked for in every so manieth frame. */
  every?: number;
  confidenceThreshold?: number;
  topK?: number;
  nmsThreshold?: number;
  keepTopK?: number;
  visThreshold?: number;
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("It must be a number from 0 to 1.");
  }
  return value;
}

export function count(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number of at least 1.");
  }
  return value;
}

/** From this score on a box is worth a look by whoever corrects labels. */
export const LEAST_LABEL = 0.08;

/** The text of every command's `--scale`. */
export const SCALE_TEXT =
  "size at which the network sees photos, the same in every command: original, a long side such as 640 (never up), or " +
  "a short side with the limit of the long one such as 640/640 (up too)";

function scale(text: string): WantedSides {
  try {
    return parseScale(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function shard(text: string): Shard {
  try {
    return parseShard(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Asks that results take the place of files that are there. */
export function overwriteOption(): Option {
  return new Option("--overwrite", "replace results that are there; never what the command reads");
}

export function weightsOption(): Option {
  return new Option(
    "--weights <file>",
    "checkpoint: .pth, .safetensors or .onnx, or light: the package's small ones",
  );
}

export function maxSideOption(text: string): Option {
  return new Option("--max-side <n>", text).argParser(count);
}

function truncatedOption(): Option {
  const text = "photos that are cut off: an error, or what there is";
  return new Option("--truncated <what>", text).choices(["error", "show"]);
}

function decoderOption(): Option {
  const text =
    "who decodes; auto: sharp, where it is installed, makes photos smaller and reads WebP";
  return new Option("--decoder <name>", text).choices(DECODERS);
}

/** Where a command runs its network: `--backend` and `--threads`. */
export function backendOptions(): Option[] {
  return [
    new Option(
      "--backend <name>",
      "what to run on; auto: WebGPU with a graphics card, else WebAssembly",
    )
      .choices(BACKENDS)
      .default("auto"),
    new Option(
      "--threads <n>",
      "threads for wasm (default: as many as processors, at most 8)",
    ).argParser(count),
  ];
}

/** `retinaface detect`, without its action. */
export function detectCommand(): Command {
  const { confidenceThreshold, topK, nmsThreshold, keepTopK, visThreshold } = DEFAULT_THRESHOLDS;
  const number = (flags: string, text: string, parse: (text: string) => number) =>
    new Option(flags, text).argParser(parse);
  const threshold = (flags: string, text: string, parse: (text: string) => number, value: number) =>
    number(flags, `${text} (default: as stored with the weights, else ${value})`, parse);
  const [where, threads] = backendOptions();
  return new Command("detect")
    .description("find faces in photos, a JSON line each, or follow them in videos, a line a frame")
    .argument("[photos...]", "files, folders or glob patterns (default: a sample picture)")
    .addOption(weightsOption())
    .option("--anchors <file>", "anchors as JSON, where the checkpoint does not hold its own")
    .option("--from <file>", "photos of a list, a name a line; -: of standard input")
    .addOption(
      new Option("--shard <k/n>", "only every n-th photo, beginning with the k-th").argParser(
        shard,
      ),
    )
    .option(
      "--resume <file>",
      "append the lines to this file, and look only at photos that have none there",
    )
    .option("--out <dir>", "write annotated PNGs into this folder")
    .addOption(overwriteOption())
    .addOption(maxSideOption("scale the long side down to n pixels"))
    .addOption(
      new Option("--scale <size>", `${SCALE_TEXT} (default: original)`)
        .argParser(scale)
        .conflicts("maxSide"),
    )
    .addOption(
      new Option(
        "--test-time",
        "look at each photo ten times, short sides of 500 to 1700 pixels, mirrored too, and merge by box voting",
      ).conflicts(["maxSide", "scale"]),
    )
    .option(
      "--labels",
      `labels to correct: what scores from ${LEAST_LABEL} on; below --vis-threshold it is ignored`,
    )
    .addOption(
      new Option(
        "--mesh",
        "write each photo's face meshes into --out as OBJ, and drawn over the photo as PNG; for weights trained with --mesh",
      ).conflicts("testTime"),
    )
    .option("--clip", "cut boxes to the image")
    .addOption(truncatedOption())
    .addOption(
      new Option(
        "--decode <how>",
        "how photos become as small as --max-side: decoded so and filtered, or whole and then interpolated",
      ).choices(["scaled", "full"]),
    )
    .addOption(decoderOption())
    .addOption(
      new Option("--precision <type>", "how activations are stored").choices(["f32", "f16"]),
    )
    .addOption(where)
    .addOption(threads)
    .option("--timings", "say on standard error what it ran on and where the time went")
    .addOption(
      number("--every <n>", "of a video: look at every n-th frame, follow faces between", count),
    )
    .option("--tune", "measure the ways to compute on this adapter once, remember the fastest")
    .addOption(
      threshold(
        "--confidence-threshold <x>",
        "candidates must score above this",
        fraction,
        confidenceThreshold,
      ),
    )
    .addOption(threshold("--top-k <n>", "best candidates before suppression", count, topK))
    .addOption(
      threshold(
        "--nms-threshold <x>",
        "overlap (IoU) above which the worse is dropped",
        fraction,
        nmsThreshold,
      ),
    )
    .addOption(threshold("--keep-top-k <n>", "most faces of a photo", count, keepTopK))
    .addOption(
      threshold("--vis-threshold <x>", "least score that is printed", fraction, visThreshold),
    );
}

/** Options of `retinaface redact`, as commander names them. */
export interface RedactOptionValues
  extends Pick<
    DetectOptionValues,
    "weights" | "out" | "overwrite" | "maxSide" | "truncated" | "backend" | "threads" | "timings"
  > {
  inPlace?: boolean;
  keepMetadata?: boolean;
  /** File of a page to check what was hidden. */
  review?: string;
  style: NonNullable<RedactOptions["style"]>;
  shape: NonNullable<RedactOptions["shape"]>;
  grow: number;
  visThreshold: number;
}

function factor(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 1 && value <= 10)) {
    throw new InvalidArgumentError("It must be a number from 1, the box itself, to 10.");
  }
  return value;
}

/** A missed face does more harm than a hidden lamp. */
const REDACT_THRESHOLD = 0.3;

/** `retinaface redact`, without its action. */
export function redactCommand(): Command {
  const [where, threads] = backendOptions();
  return new Command("redact")
    .description("write copies of photos in which every face is made unrecognisable")
    .argument("<photos...>", "files, folders or glob patterns")
    .option("--out <dir>", "folder of the copies, in the photos' own formats")
    .addOption(new Option("--in-place", "replace the photos themselves").conflicts("out"))
    .addOption(overwriteOption())
    .addOption(
      new Option("--style <name>", "pixelate: 4 cells across; blur; fill: black")
        .choices(["pixelate", "blur", "fill"])
        .default("pixelate"),
    )
    .addOption(new Option("--shape <name>").choices(["ellipse", "box"]).default("ellipse"))
    .addOption(
      new Option("--grow <x>", "by what factor a face's box grows").argParser(factor).default(1.3),
    )
    .addOption(
      new Option("--vis-threshold <x>", "least score of what is hidden")
        .argParser(fraction)
        .default(REDACT_THRESHOLD),
    )
    .option("--keep-metadata", "keep what is text or numbers, such as camera and place")
    .option("--review <file>", "write a page to check by eye what was hidden and what was not")
    .addOption(weightsOption())
    .addOption(maxSideOption("look at the long side scaled down to n pixels"))
    .addOption(truncatedOption())
    .addOption(where)
    .addOption(threads)
    .option("--timings", "say on standard error what it ran on and where the time went");
}

/** Options of `retinaface crop`, as commander names them. */
export interface CropOptionValues
  extends Pick<
    DetectOptionValues,
    "weights" | "overwrite" | "maxSide" | "truncated" | "backend" | "threads" | "visThreshold"
  > {
  out: string;
  align?: boolean;
  /** File with another template than ArcFace's. */
  template?: string;
  size?: number;
  margin?: number;
  minSize?: number;
  minSharpness?: number;
  maxAngle?: number;
  best?: boolean;
}

function atLeastZero(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError("It must be a number of at least 0.");
  }
  return value;
}

/** `retinaface crop`, without its action. */
export function cropCommand(): Command {
  const number = (flags: string, text: string, parse = atLeastZero) =>
    new Option(flags, text).argParser(parse);
  const [where, threads] = backendOptions();
  return new Command("crop")
    .description("cut the faces out of photos, each into a PNG of its own")
    .argument("<photos...>", "files, folders or glob patterns")
    .requiredOption("--out <dir>", "folder of the crops")
    .addOption(overwriteOption())
    .addOption(
      new Option("--align", "upright by the landmarks, on ArcFace's template").conflicts("margin"),
    )
    .addOption(
      new Option(
        "--template <file>",
        'align to this one: JSON {"size": 112, "points": [[x, y], …]}, eyes, nose, corners of the mouth',
      )
        .implies({ align: true })
        .conflicts("margin"),
    )
    .addOption(
      number("--size <n>", "side of a crop in pixels (default: its own; 112 aligned)", count),
    )
    .addOption(number("--margin <x>", "shown beyond the box, of its longer side (default: 0.3)"))
    .addOption(number("--min-size <n>", "least shorter side of a face's box in pixels"))
    .addOption(number("--min-sharpness <x>", "least sharpness: see the lines that are printed"))
    .addOption(number("--max-angle <x>", "how far a face may be turned aside, up or down; degrees"))
    .option("--best", "of each photo the largest such face only")
    .addOption(number("--vis-threshold <x>", "least score of a face", fraction))
    .addOption(weightsOption())
    .addOption(maxSideOption("look at the long side scaled down to n pixels"))
    .addOption(truncatedOption())
    .addOption(where)
    .addOption(threads);
}

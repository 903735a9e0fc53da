/**
 * Video files by ffmpeg, where it is installed: its frames as pixels, and pixels as a video with the sound of another.
 * Files are opened as files only: a playlist cannot make ffmpeg fetch anything.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { RetinaFaceError } from "../errors.js";
import { checkSize } from "../image/raw.js";

/** What is known of a video before it is decoded. */
export interface VideoInfo {
  /** Of the upright picture. */
  readonly width: number;
  readonly height: number;
  /** Frames a second, as a fraction that ffmpeg takes: `30000/1001`. */
  readonly rate: string;
  readonly framesPerSecond: number;
  /** As far as the file tells. */
  readonly frames: number | undefined;
  /** Width of a pixel by its height, `16:11`, where it is not square. */
  readonly pixelAspect?: string | undefined;
  /** How its colours are meant, in ffmpeg's words, as far as the file tells. */
  readonly colours?: Readonly<Record<"space" | "primaries" | "transfer", string | undefined>>;
}

/** Files that are taken for videos, by name. */
const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|mts|3gp|ogv|wmv|flv)$/i;
/** What is kept of ffmpeg's own words. */
const MOST_WORDS = 2000;
const ONLY_FILES = ["-protocol_whitelist", "file,pipe"];

export function isVideo(file: string): boolean {
  return VIDEO.test(file);
}

/** A program that runs, and what it says when it fails. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves once it has ended well, with what it had to say. @throws RetinaFaceError */
  readonly ended: Promise<string>;
}

/**
 * Starts one of ffmpeg's programs.
 *
 * @throws RetinaFaceError `FFMPEG_MISSING` where it is not installed, `code` with its last words where it fails; the
 * signal's reason
 */
export function startFfmpeg(
  program: "ffmpeg" | "ffprobe",
  args: readonly string[],
  code: string,
  signal?: AbortSignal,
): Running {
  signal?.throwIfAborted();
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let words = "";
  child.stderr?.on("data", (data) => {
    words = (words + data).slice(-MOST_WORDS);
  });
  child.stdin?.on("error", () => undefined);
  const stop = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", (cause) => reject(startError(program, cause)));
    child.on("close", (exit) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else if (exit === 0) resolve(words.trim());
      else reject(new RetinaFaceError(code, `${program}: ${words.trim() || `ended with ${exit}`}`));
    });
  });
  ended.catch(() => undefined);
  return { child, ended };
}

function startError(program: string, cause: Error): RetinaFaceError {
  const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const remedy =
    "install ffmpeg (apt-get install ffmpeg, brew install ffmpeg, winget install ffmpeg)";
  return missing
    ? new RetinaFaceError(
        "FFMPEG_MISSING",
        `videos are read by ${program}, which is not here: ${remedy}`,
      )
    : new RetinaFaceError("FFMPEG_MISSING", `${program} does not start: ${cause.message}`);
}

/** A file as ffmpeg's input, which opens nothing else. */
export const inputOf = (file: string): string[] => [...ONLY_FILES, "-i", fileArgument(file)];

/** Where a video is found as ffmpeg's argument, whatever its name begins with. */
export const fileArgument = (file: string): string => `file:${file}`;

const STREAM_FIELDS = [
  "width",
  "height",
  "avg_frame_rate",
  "r_frame_rate",
  "nb_frames",
  "duration",
  "sample_aspect_ratio",
  "color_space",
  "color_primaries",
  "color_transfer",
] as const;

/** @throws RetinaFaceError `VIDEO_UNREADABLE`, ImageError `IMAGE_TOO_LARGE`; see {@link startFfmpeg} */
export async function probeVideo(file: string, signal?: AbortSignal): Promise<VideoInfo> {
  const show = `stream=${STREAM_FIELDS.join(",")}:stream_side_data=rotation`;
  const args = [
    "-v",
    "error",
    "-select_streams",
    "v:0",
    "-show_entries",
    `${show}:format=duration`,
  ];
  const { child, ended } = startFfmpeg(
    "ffprobe",
    [...args, "-of", "json", ...inputOf(file)],
    "VIDEO_UNREADABLE",
    signal,
  );
  let said = "";
  child.stdout?.on("data", (data) => {
    said += data;
  });
  await ended;
  const { streams = [], format = {} } = JSON.parse(said || "{}") as Probe;
  const [stream] = streams;
  const rate = [stream?.avg_frame_rate, stream?.r_frame_rate].find((one) => numberOf(one) > 0);
  if (!stream?.width || !stream.height || rate === undefined) {
    throw new RetinaFaceError("VIDEO_UNREADABLE", `${file} holds no moving pictures`);
  }
  checkSize(stream.width, stream.height);
  const turned = stream.side_data_list?.some(({ rotation = 0 }) => Math.abs(rotation) % 180 === 90);
  const [width, height] = turned ? [stream.height, stream.width] : [stream.width, stream.height];
  const framesPerSecond = numberOf(rate);
  const seconds = Number(stream.duration ?? format.duration);
  const frames = Number(stream.nb_frames) || Math.round(seconds * framesPerSecond) || undefined;
  const colours = {
    space: known(stream.color_space),
    primaries: known(stream.color_primaries),
    transfer: known(stream.color_transfer),
  };
  const pixelAspect = aspectOf(stream.sample_aspect_ratio, turned === true);
  return { width, height, rate, framesPerSecond, frames, pixelAspect, colours };
}

const known = (word: string | undefined) => (word === "unknown" ? undefined : word);

/** Of upright pixels; undefined for square ones, and where it is not told. */
function aspectOf(stored: string | undefined, turned: boolean): string | undefined {
  const [across, down] = (stored ?? "").split(":").map(Number);
  if (!(across > 0 && down > 0) || across === down) return undefined;
  return turned ? `${down}:${across}` : `${across}:${down}`;
}

interface Probe {
  readonly streams?: readonly {
    readonly width?: number;
    readonly height?: number;
    readonly avg_frame_rate?: string;
    readonly r_frame_rate?: string;
    readonly nb_frames?: string;
    readonly duration?: string;
    readonly sample_aspect_ratio?: string;
    readonly color_space?: string;
    readonly color_primaries?: string;
    readonly color_transfer?: string;
    readonly side_data_list?: readonly { readonly rotation?: number }[];
  }[];
  readonly format?: { readonly duration?: string };
}

/** The value of `30000/1001`; 0 for what is none. */
function numberOf(fraction: string | undefined): number {
  const [above, below = 1] = (fraction ?? "0").split("/").map(Number);
  return below > 0 && Number.isFinite(above) ? above / below : 0;
}

/** Waits until a pipe takes more, or its reader has ended. @throws RetinaFaceError of a reader that failed */
export async function drained({ child, ended }: Running): Promise<void> {
  if (!child.stdin) return;
  // A pipe that breaks says less than its reader, which ends then.
  const drain = once(child.stdin, "drain").catch(() => ended);
  await Promise.race([drain, ended]);
}

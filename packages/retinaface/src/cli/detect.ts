import { mkdir } from "node:fs/promises";
import { toRawImage } from "#platform";
import { annotate } from "../draw/annotate.js";
import { encodePng } from "../draw/png.node.js";
import { type Face, LANDMARK_NAMES, type RawImage } from "../types.js";
import { WriteError, writeFileAtomic } from "./files.js";
import { JsonLines, type Streams } from "./lines.js";
import { OutputNames, type Photo } from "./photos.js";
import { startProgress } from "./progress.js";

/** What the command needs of a detector. */
export interface CommandDetector {
  detect(image: RawImage, options: { signal?: AbortSignal }): Promise<Face[]>;
  dispose(): void;
}

export interface DetectJob {
  photos: readonly Photo[];
  /** Folder for annotated PNGs. */
  out?: string;
  /** Called once, while the first photo is decoded. */
  load: () => Promise<CommandDetector>;
  streams: Streams;
  /** Aborting drops the current photo and ends the run. */
  signal?: AbortSignal;
}

/** One line for each photo that was looked at. */
interface Result {
  failed: boolean;
  line: unknown;
}

/**
 * Looks at photos one after the other and prints a JSON line for each; a photo that fails has its
 * own error line and does not stop the others.
 *
 * @returns how many photos failed.
 * @throws what loading the detector throws, and WriteError when `out` cannot be made.
 */
export async function detectPhotos(job: DetectJob): Promise<number> {
  const { photos, out, streams, signal } = job;
  if (out !== undefined) await makeFolder(out);
  const names = out === undefined ? undefined : new OutputNames(out, photos);
  const lines = new JsonLines(streams.stdout);
  const detector = job.load();
  let loaded: CommandDetector | undefined;
  const settled = detector.then(
    (value) => {
      loaded = value;
    },
    () => undefined,
  );
  const progress = photos.length > 1 ? startProgress(streams, photos.length, BAR) : undefined;
  let failed = 0;
  try {
    for (const [n, photo] of photos.entries()) {
      progress?.update(n, photo.file);
      const result = await lookAt(photo, detector, names, signal);
      if (signal?.aborted || lines.closed) break;
      if (result.failed) failed++;
      progress?.clear();
      await lines.write(result.line);
      progress?.update(n + 1, "");
    }
  } finally {
    progress?.stop();
    if (!signal?.aborted) await settled;
    loaded?.dispose();
  }
  return failed;
}

const BAR = "{bar} {value}/{total} photos  {label}";

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new WriteError(folder, cause);
  }
}

async function lookAt(
  { file, error }: Photo,
  loading: Promise<CommandDetector>,
  names?: OutputNames,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    if (error !== undefined) throw error;
    const image = await toRawImage(file);
    const detector = await untilAborted(loading, signal);
    const faces = await untilAborted(detector.detect(image, { signal }), signal);
    if (names !== undefined) {
      await writeFileAtomic(names.next(file), encodePng(annotate(image, faces)));
    }
    const { width, height } = image;
    return { failed: false, line: { file, width, height, faces: faces.map(faceLine) } };
  } catch (cause) {
    await untilAborted(loading, signal).catch((fatal) => {
      if (!signal?.aborted) throw fatal;
    });
    return { failed: true, line: { file, error: errorLine(cause) } };
  }
}

/** Gives up waiting when the signal comes: a detection under way need not hold up the exit. */
function untilAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function errorLine(cause: unknown): { code: string; message: string } {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { code?: unknown } | undefined)?.code;
  return { code: typeof code === "string" ? code : "INTERNAL", message };
}

const pixels = (value: number) => Number(value.toFixed(2));

function faceLine({ box, score, landmarks }: Face) {
  return {
    box: box.map(pixels),
    score: Number(score.toFixed(6)),
    landmarks: LANDMARK_NAMES.map((name) => landmarks[name].map(pixels)),
  };
}

import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { errorLine, faceLine } from "../detect/line.js";
import type { DetectCallOptions } from "../detect/options.js";
import { annotate } from "../draw/annotate.js";
import { type RedactOptions, redact } from "../redact/redact.js";
import { fillGaps } from "../track/fill.js";
import type { TrackedFace } from "../track/track.js";
import { FaceTrackStream } from "../track/track-stream.js";
import { FaceTracker } from "../track/tracker.js";
import type { Face, RawImage } from "../types.js";
import { probeVideo, type VideoInfo } from "../video/ffmpeg.node.js";
import { readFrames, type VideoWriter, writeVideo } from "../video/frames.node.js";
import { JsonLines, type Streams } from "./lines.js";
import { makeFolder, Outputs } from "./outputs.js";
import { OutputNames, type Photo } from "./photos.js";
import { startProgress } from "./progress.js";

/** What the commands need of a detector. */
export interface VideoDetector {
  detect(image: RawImage, options: DetectCallOptions): Promise<Face[]>;
  dispose(): void;
}

/** What is common to finding and to hiding faces in videos. */
interface VideoJob {
  readonly videos: readonly Photo[];
  /** Folder for copies. */
  readonly out?: string | undefined;
  readonly overwrite?: boolean | undefined;
  readonly inputs?: readonly (string | undefined)[];
  readonly maxSide?: number | undefined;
  readonly load: () => Promise<VideoDetector>;
  readonly streams: Streams;
  readonly signal?: AbortSignal | undefined;
}

export interface DetectVideoJob extends VideoJob {
  /** Faces are looked for in every so manieth frame. */
  readonly every: number;
}

export interface RedactVideoJob extends VideoJob {
  readonly out: string;
  readonly options: RedactOptions;
  /** Least score of what is hidden. */
  readonly threshold: number;
}

/** How long a face stays hidden before it was first found and after it was last found. */
const AROUND_SECONDS = 0.3;

/**
 * Follows faces through videos: a JSON line a frame, and annotated copies if wished. A video that fails has its own error
 * line and does not stop the others.
 *
 * @returns how many failed. @throws as `detectPhotos`
 */
export function detectVideos(job: DetectVideoJob): Promise<number> {
  return eachVideo(job, async ({ file, detector, lines, copy }) => {
    const { every, maxSide, signal } = job;
    const info = await probeVideo(file, signal);
    const tracked = new FaceTrackStream(detector, { every, maxSide, signal });
    const writer = copy === undefined ? undefined : writeVideo(copy, info, file, signal);
    await withWriter(writer, async () => {
      await eachFrame(file, info, job, async (image, frame, time) => {
        const faces = await tracked.push(tracked.looks ? image : undefined, time);
        const { width, height } = info;
        const seconds = Number(time.toFixed(4));
        const found = faces.map((face) => ({ ...faceLine(face), track: face.track }));
        await lines.write({ file, frame, time: seconds, width, height, faces: found });
        await writer?.write(annotate(image, faces));
        return !lines.closed;
      });
    });
  });
}

/**
 * Copies of videos in which every face is hidden: first all frames are looked at, then each face is hidden from a little
 * before it was first found until a little after it was last found, also where it was missed between. A JSON line a video.
 *
 * @returns how many failed. @throws as `detectPhotos`
 */
export function redactVideos(job: RedactVideoJob): Promise<number> {
  return eachVideo(job, async ({ file, detector, lines, copy }) => {
    const info = await probeVideo(file, job.signal);
    const { boxes, faces } = await placesToHide(file, info, job, detector);
    const writer = writeVideo(copy as string, info, file, job.signal);
    await withWriter(writer, async () => {
      await eachFrame(file, info, job, async (image, frame) => {
        const hidden = (boxes[frame] ?? []).map((box) => ({ box }));
        await writer.write(redact(image, hidden, job.options));
        return true;
      });
    });
    const { width, height } = info;
    return () => lines.write({ file, width, height, frames: boxes.length, faces });
  });
}

async function placesToHide(
  file: string,
  info: VideoInfo,
  job: RedactVideoJob,
  detector: VideoDetector,
): Promise<{ boxes: Face["box"][][]; faces: number }> {
  const { threshold, maxSide, signal } = job;
  const least = Math.min(0.1, threshold);
  const thresholds = { lowThreshold: least, highThreshold: threshold, newThreshold: threshold };
  const tracker = new FaceTracker({ ...thresholds, smooth: false });
  const tracks: TrackedFace[][] = [];
  const alone: Face["box"][][] = [];
  const ids = new Set<number>();
  await eachFrame(file, info, job, async (image, _, time) => {
    const found = await detector.detect(image, { maxSide, signal, visThreshold: least });
    const { faces } = tracker.update(found, time);
    for (const { track } of faces) ids.add(track);
    tracks.push(faces);
    // Also what is not seen a second time.
    alone.push(found.filter(({ score }) => score >= threshold).map(({ box }) => box));
    return true;
  });
  const around = Math.ceil(AROUND_SECONDS * info.framesPerSecond);
  const filled = fillGaps(tracks, around);
  return { boxes: filled.map((boxes, n) => [...boxes, ...alone[n]]), faces: ids.size };
}

interface Work {
  readonly file: string;
  readonly detector: VideoDetector;
  readonly lines: JsonLines;
  /** Where the copy is made; it takes its name when the work is done. */
  readonly copy: string | undefined;
}

/** Does the same with each video; what it returns is done once the copy is in its place. */
async function eachVideo(
  job: VideoJob,
  work: (video: Work) => Promise<(() => Promise<void>) | undefined | void>,
): Promise<number> {
  const { videos, signal } = job;
  const copies = await planCopies(job);
  const lines = new JsonLines(job.streams.stdout);
  const detector = await job.load();
  let failed = 0;
  try {
    for (const video of videos) {
      const { file } = video;
      const target = copies.get(video);
      const copy = target && temporaryName(target);
      try {
        if (video.error) throw video.error;
        const then = await work({ file, detector, lines, copy });
        if (copy && target) await rename(copy, target);
        await then?.();
      } catch (error) {
        if (copy) await rm(copy, { force: true });
        if (signal?.aborted) break;
        if (isFatal(error)) throw error;
        failed++;
        await lines.write({ file, error: errorLine(error) });
      }
      if (lines.closed) break;
    }
  } finally {
    detector.dispose();
  }
  return failed;
}

/** Without ffmpeg no video can be read. */
function isFatal(error: unknown): boolean {
  return (error as { code?: unknown }).code === "FFMPEG_MISSING";
}

async function planCopies({ videos, out, overwrite, inputs = [] }: VideoJob) {
  const planned = new Map<Photo, string>();
  if (out === undefined) return planned;
  await makeFolder(out);
  const names = new OutputNames(out, videos);
  for (const video of videos) {
    planned.set(video, names.next(video.file, path.extname(video.file)));
  }
  const outputs = new Outputs({
    overwrite,
    inputs: [...videos.map(({ file }) => file), ...inputs],
  });
  await outputs.check(...planned.values());
  return planned;
}

/** A hidden neighbour of the same extension, which tells ffmpeg the container. */
function temporaryName(file: string): string {
  const { dir, ext } = path.parse(file);
  return path.join(dir, `.${randomBytes(6).toString("hex")}${ext}`);
}

async function withWriter(
  writer: VideoWriter | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    await writer?.finish();
  } catch (error) {
    writer?.abandon();
    throw error;
  }
}

const BAR = "{bar} {value}/{total} frames  {label}";

/** @param visit returns whether to go on */
async function eachFrame(
  file: string,
  info: VideoInfo,
  { streams, signal }: VideoJob,
  visit: (image: RawImage, frame: number, seconds: number) => Promise<boolean>,
): Promise<void> {
  const progress = startProgress(streams, info.frames ?? 0, BAR);
  try {
    let frame = 0;
    for await (const image of readFrames(file, info, signal)) {
      progress.update(frame, file);
      if (!(await visit(image, frame, frame / info.framesPerSecond))) break;
      frame++;
    }
  } finally {
    progress.stop();
  }
}

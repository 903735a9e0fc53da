import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { errorLine, faceLine } from "../detect/line.js";
import type { DetectCallOptions } from "../detect/options.js";
import { annotate } from "../draw/annotate.js";
import { RetinaFaceError } from "../errors.js";
import { printable } from "../printable.js";
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
  /** Least score of a face that none was there before; default the tracker's. */
  readonly threshold?: number | undefined;
}

export interface RedactVideoJob extends VideoJob {
  readonly out: string;
  readonly options: RedactOptions;
  /** Least score of what is hidden. */
  readonly threshold: number;
}

/** Fainter faces are followed nowhere. */
const FAINT = 0.1;
/** Faces of at least this score are matched first, as published. */
const SURE = 0.5;

/** Thresholds of a tracker whose new faces need this score. */
function followedFrom(threshold: number, sure = threshold) {
  return {
    lowThreshold: Math.min(FAINT, threshold),
    highThreshold: Math.min(sure, threshold),
    newThreshold: threshold,
  };
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
    const { every, maxSide, threshold, signal } = job;
    const info = await probeVideo(file, signal);
    const thresholds = threshold === undefined ? {} : followedFrom(threshold, SURE);
    const tracked = new FaceTrackStream(detector, { every, maxSide, signal, ...thresholds });
    const writer = copy === undefined ? undefined : writeVideo(copy, info, file, signal);
    await withWriter(writer, async () => {
      const trouble = await eachFrame(file, info, job, async (image, frame, time) => {
        const faces = await tracked.push(tracked.looks ? image : undefined, time);
        const { width, height } = info;
        const seconds = Number(time.toFixed(4));
        const found = faces.map((face) => ({ ...faceLine(face), track: face.track }));
        await lines.write({ file, frame, time: seconds, width, height, faces: found });
        await writer?.write(annotate(image, faces));
        return !lines.closed;
      });
      if (trouble) job.streams.stderr.write(`${printable(`${file}: ${trouble}`)}\n`);
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
    const { boxes, faces, trouble } = await placesToHide(file, info, job, detector);
    const writer = writeVideo(copy as string, info, file, job.signal);
    await withWriter(writer, async () => {
      await eachFrame(file, info, job, async (image, frame) => {
        const hidden = (boxes[frame] ?? []).map((box) => ({ box }));
        await writer.write(redact(image, hidden, job.options));
        return true;
      });
    });
    const { width, height } = info;
    const warnings = trouble ? { warnings: [trouble] } : {};
    return () => lines.write({ file, width, height, frames: boxes.length, ...warnings, faces });
  });
}

async function placesToHide(
  file: string,
  info: VideoInfo,
  job: RedactVideoJob,
  detector: VideoDetector,
): Promise<{ boxes: Face["box"][][]; faces: number; trouble: string }> {
  const { threshold, maxSide, signal } = job;
  const thresholds = followedFrom(threshold);
  const tracker = new FaceTracker({ ...thresholds, smooth: false });
  const tracks: TrackedFace[][] = [];
  const alone: Face["box"][][] = [];
  const ids = new Set<number>();
  const trouble = await eachFrame(file, info, job, async (image, _, time) => {
    const call = { maxSide, signal, visThreshold: thresholds.lowThreshold };
    const found = await detector.detect(image, call);
    const { faces } = tracker.update(found, time);
    for (const { track } of faces) ids.add(track);
    tracks.push(faces);
    // Also what is not seen a second time.
    alone.push(found.filter(({ score }) => score >= threshold).map(({ box }) => box));
    return true;
  });
  const around = Math.ceil(AROUND_SECONDS * info.framesPerSecond);
  const filled = fillGaps(tracks, around);
  const boxes = filled.map((each, n) => [...each, ...alone[n]]);
  return { boxes, faces: ids.size, trouble };
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

/**
 * @param visit returns whether to go on
 * @returns what is amiss with the video, which showed all the frames that could be decoded
 * @throws RetinaFaceError `VIDEO_UNREADABLE` where that are none
 */
async function eachFrame(
  file: string,
  info: VideoInfo,
  { streams, signal }: VideoJob,
  visit: (image: RawImage, frame: number, seconds: number) => Promise<boolean>,
): Promise<string> {
  const progress = startProgress(streams, info.frames ?? 0, BAR);
  const frames = readFrames(file, info, signal);
  try {
    for (let frame = 0; ; frame++) {
      const { done, value } = await frames.next();
      if (done) {
        if (frame > 0) return value && `some of it could not be decoded: ${value}`;
        throw new RetinaFaceError(
          "VIDEO_UNREADABLE",
          `no frame of ${file} can be decoded: fetch or export the file again${value && ` (${value})`}`,
        );
      }
      progress.update(frame, file);
      if (!(await visit(value, frame, frame / info.framesPerSecond))) return "";
    }
  } finally {
    progress.stop();
    await frames.return("");
  }
}

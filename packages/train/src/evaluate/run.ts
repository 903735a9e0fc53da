import type { RawImage } from "retinaface-webgpu";
import { loadImage } from "../data/image.js";
import type { FaceRecord, Problem } from "../data/record.js";
import type { Detect } from "./detections.js";
import type { EvaluatedImage } from "./evaluate.js";

export interface RunOptions {
  /** Called before each image with the number of those done. */
  readonly onProgress?: ((done: number, id: string) => void) | undefined;
  /** Called when all detectors have looked at an image. */
  readonly onFound?: ((record: FaceRecord) => void) | undefined;
}

/** Images with their detections, and those that could not be read. */
export interface RunResult {
  readonly images: EvaluatedImage[];
  readonly problems: Problem[];
}

/** What several detectors found in the same images. */
export interface RunsResult {
  /** A list for each detector, in their order. */
  readonly images: readonly EvaluatedImage[][];
  readonly problems: Problem[];
}

async function load({ image, id }: FaceRecord): Promise<RawImage | Problem> {
  try {
    return await loadImage(image);
  } catch (error) {
    const file = typeof image === "string" ? image : id;
    return { file, message: (error as Error).message };
  }
}

/**
 * Runs detectors over labelled images, all of them on one image before the next, so that what else the machine does falls
 * on all alike. The next image is decoded while the detectors work.
 * @throws what a detector throws; an image that cannot be read is a problem instead.
 */
export async function runDetectors(
  records: readonly FaceRecord[],
  detectors: readonly Detect[],
  { onProgress, onFound }: RunOptions = {},
): Promise<RunsResult> {
  const images = detectors.map((): EvaluatedImage[] => []);
  const problems: Problem[] = [];
  let next = records.length > 0 ? load(records[0]) : undefined;
  for (const [i, record] of records.entries()) {
    onProgress?.(i, record.id);
    const image = await next!;
    next = i + 1 < records.length ? load(records[i + 1]) : undefined;
    if ("message" in image) {
      problems.push(image);
      continue;
    }
    for (const [d, detect] of detectors.entries()) {
      images[d].push({ record, detections: await detect(image) });
    }
    onFound?.(record);
  }
  return { images, problems };
}

/**
 * Runs a detector over labelled images. The next image is decoded while the detector works.
 * @throws what the detector throws; an image that cannot be read is a problem instead.
 */
export async function runDetector(
  records: readonly FaceRecord[],
  detect: Detect,
  options: RunOptions = {},
): Promise<RunResult> {
  const { images, problems } = await runDetectors(records, [detect], options);
  return { images: images[0], problems };
}

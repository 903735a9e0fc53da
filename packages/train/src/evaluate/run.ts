import { loadImage } from "../data/image.js";
import type { FaceRecord, Problem } from "../data/record.js";
import type { Detect } from "./detections.js";
import type { EvaluatedImage } from "./evaluate.js";

export interface RunOptions {
  /** Called before each image with the number of those done. */
  readonly onProgress?: ((done: number, id: string) => void) | undefined;
}

/** Images with their detections, and those that could not be read. */
export interface RunResult {
  readonly images: EvaluatedImage[];
  readonly problems: Problem[];
}

/**
 * Runs a detector over labelled images. The next image is decoded while the detector works.
 * @throws what the detector throws; an image that cannot be read is a problem instead.
 */
export async function runDetector(
  records: readonly FaceRecord[],
  detect: Detect,
  { onProgress }: RunOptions = {},
): Promise<RunResult> {
  const result: RunResult = { images: [], problems: [] };
  const load = async (record: FaceRecord) => {
    try {
      return await loadImage(record.image);
    } catch (error) {
      const file = typeof record.image === "string" ? record.image : record.id;
      return { file, message: (error as Error).message } satisfies Problem;
    }
  };
  let next = records.length > 0 ? load(records[0]) : undefined;
  for (const [i, record] of records.entries()) {
    onProgress?.(i, record.id);
    const image = await next!;
    next = i + 1 < records.length ? load(records[i + 1]) : undefined;
    if ("message" in image) result.problems.push(image);
    else result.images.push({ record, detections: await detect(image) });
  }
  return result;
}

import type { Device } from "@retinaface-webgpu/tensor";
import { type DetectOptions, RetinaFace } from "retinaface-webgpu";
import type { FaceRecord, Problem } from "../data/record.js";
import { packFaces } from "../evaluate/detections.js";
import { type Evaluation, evaluateDetections } from "../evaluate/evaluate.js";
import { type RunOptions, runDetector } from "../evaluate/run.js";

/** How {@link validateModel} looks at images. */
export interface ValidateOptions extends RunOptions {
  /** Thresholds and `maxSide` of the detector; every face above the confidence threshold counts. */
  readonly detect: DetectOptions;
}

/**
 * Measures a model, as `writeModel` gives it, on labelled images.
 * @param device stays the caller's
 */
export async function validateModel(
  device: Device,
  model: Uint8Array<ArrayBuffer>,
  records: readonly FaceRecord[],
  { detect, onProgress }: ValidateOptions,
): Promise<{ evaluation: Evaluation; problems: Problem[] }> {
  const detector = await RetinaFace.load({ ...detect, device, weights: model, visThreshold: 0 });
  try {
    const { images, problems } = await runDetector(
      records,
      async (image) => packFaces(await detector.detect(image)),
      { onProgress },
    );
    return { evaluation: evaluateDetections(images), problems };
  } finally {
    detector.dispose();
  }
}

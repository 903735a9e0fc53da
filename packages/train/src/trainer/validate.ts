import type { Device, OwnBytes } from "@retinaface-webgpu/tensor";
import { DEFAULT_THRESHOLDS, RetinaFace } from "retinaface-webgpu";
import type { FaceRecord, Problem } from "../data/record.js";
import { type Detect, packFaces } from "../evaluate/detections.js";
import { type Evaluation, evaluateDetections } from "../evaluate/evaluate.js";
import { type RunOptions, runDetector } from "../evaluate/run.js";
import { type DetectPass, detectAtScales, type TestScale } from "../evaluate/test-scales.js";
import { detectorOn } from "./open-device.js";

/** How {@link validateModel} looks at images. */
export interface ValidateOptions extends RunOptions {
  readonly scale: TestScale;
}

/** A model, as `writeModel` gives it, as a detector of everything above the confidence threshold. */
export async function loadModel(
  device: Device,
  model: OwnBytes,
  scale: TestScale,
): Promise<{ detect: Detect; classes: readonly string[] | undefined; dispose(): void }> {
  const detector = await RetinaFace.load({
    ...detectorOn(device),
    weights: model,
    visThreshold: 0,
  });
  const pass: DetectPass = async (image, sides) => packFaces(await detector.detect(image, sides));
  const scales = { scales: [scale], mirror: false, voteThreshold: DEFAULT_THRESHOLDS.nmsThreshold };
  return {
    detect: (image) => detectAtScales(pass, image, scales),
    classes: detector.config.classes,
    dispose: () => detector.dispose(),
  };
}

/**
 * Measures a model on labelled images.
 * @param device stays the caller's
 */
export async function validateModel(
  device: Device,
  model: OwnBytes,
  records: readonly FaceRecord[],
  { scale, onProgress }: ValidateOptions,
): Promise<{ evaluation: Evaluation; problems: Problem[] }> {
  const { detect, classes, dispose } = await loadModel(device, model, scale);
  try {
    const { images, problems } = await runDetector(records, detect, { onProgress });
    return { evaluation: evaluateDetections(images, { classes }), problems };
  } finally {
    dispose();
  }
}

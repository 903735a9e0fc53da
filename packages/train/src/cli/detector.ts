import { type LoadOptions, OptionError, RetinaFace } from "retinaface-webgpu";
import { packFaces } from "../evaluate/detections.js";
import type { DetectPass } from "../evaluate/test-scales.js";

/** A loaded detector for an evaluation. */
export interface LoadedDetector {
  readonly pass: DetectPass;
  dispose(): void;
}

/** Loads weights; every face above the confidence threshold counts, whatever its score. */
export async function loadDetector(
  weights: string | undefined,
  options: LoadOptions,
): Promise<LoadedDetector> {
  if (weights === "") throw new OptionError("--weights needs a file name");
  const detector = await RetinaFace.load({ ...options, weights, visThreshold: 0 });
  return {
    pass: async (image, maxSide) => packFaces(await detector.detect(image, { maxSide })),
    dispose: () => detector.dispose(),
  };
}

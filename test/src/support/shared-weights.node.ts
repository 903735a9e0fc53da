import { existsSync } from "node:fs";
import path from "node:path";
import type { Test } from "uvu";
import { repository } from "./repository.node.js";
import { sharedPath } from "./shared-files.node.js";
import { skip } from "./skip.js";

/** The weights that ship with the package. */
export const bundledWeights = path.join(
  repository,
  "packages/retinaface/weights/default.safetensors",
);

const sharedWeights = sharedPath("weights/mobilenet0.25_Final.pth");
const sharedPhoto = sharedPath("images/portraits/astronaut.png");
/** A drawn picture of three faces, part of the package. */
export const samplePhoto = path.join(repository, "packages/retinaface/assets/sample.png");

/** Weights that find faces, a photo with exactly one face. */
export interface FaceData {
  readonly weights: string;
  readonly photo: string;
}

const weights = [bundledWeights, sharedWeights].find(existsSync);
const photo = [sharedPhoto, samplePhoto].find(existsSync);

/** Trained weights and a photo, or undefined where the machine has none. */
export const faceData: FaceData | undefined = weights && photo ? { weights, photo } : undefined;

/** Why `faceData` is undefined. */
export const noFaceData =
  "needs bundled weights and sample, or ../shared/weights and ../shared/images";

/** Registers a test that looks for a real face, or a skip that says what is absent. */
export function faceTest(
  test: Test,
  name: string,
  run: (data: FaceData) => Promise<void> | void,
): void {
  const data = faceData;
  if (data) test(name, () => run(data));
  else skip(test, name, noFaceData);
}

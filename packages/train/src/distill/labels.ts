import { type Device, tensor } from "@retinaface-webgpu/tensor";
import type { Sample } from "../augment/sample.js";
import { type MatchOptions, matchPriors } from "../targets/match.js";
import type { LabelTensors } from "./loss.js";

/** A prior learns a label only where it lies on the face this well. */
const MATCH = { positive: 0.5, negative: 0.5, forced: 0.35 };

/** Stands for an unknown coordinate while landmarks are encoded: far beyond any that is known. */
const UNKNOWN = 1e9;
const FAR = 1e6;

/** Landmarks of faces that have some, with the unknown ones marked; of the others, all NaN. */
function markUnknown(landmarks: Float32Array): Float32Array {
  return landmarks.map((value, i) => {
    const face = Math.floor(i / 10) * 10;
    const some = landmarks.subarray(face, face + 10).some(Number.isFinite);
    return some && !Number.isFinite(value) ? UNKNOWN : value;
  });
}

/** Sets `known` to 1 for the known landmarks of the prior whose ten begin at `from`, the others to 0. */
function keepKnown(landmarks: Float32Array, known: Float32Array, from: number): void {
  for (let i = from; i < from + 10; i++) {
    if (Math.abs(landmarks[i]) < FAR) known[i] = 1;
    else landmarks[i] = 0;
  }
}

/**
 * The labels of a batch as {@link LabelTensors}, or undefined where it has none. Faces without landmarks
 * are labels of class and box. Faces with some are labels of the known ones alone: their boxes only say
 * which priors are meant.
 */
export function uploadLabels(
  device: Device,
  samples: readonly Sample[],
  priors: Float32Array,
  variances: MatchOptions["variances"],
): LabelTensors | undefined {
  if (samples.every(({ boxes }) => boxes.length === 0)) return undefined;
  const faces = samples.map(({ boxes, landmarks }) => ({
    boxes,
    landmarks: markUnknown(landmarks),
  }));
  const targets = matchPriors(faces, priors, { ...MATCH, variances });
  const { labels, landmMask, landmTargets } = targets;
  const boxed = new Float32Array(labels.length);
  const known = new Float32Array(landmTargets.length);
  for (let p = 0; p < labels.length; p++) {
    if (labels[p] !== 1) continue;
    if (landmMask[p] === 0) boxed[p] = 1;
    else keepKnown(landmTargets, known, p * 10);
  }
  const shape = [samples.length, priors.length / 4];
  return {
    faces: tensor(device, boxed, [...shape, 1]),
    loc: tensor(device, targets.locTargets, [...shape, 4]),
    landms: tensor(device, landmTargets, [...shape, 10]),
    landmMask: tensor(device, known, [...shape, 10]),
  };
}

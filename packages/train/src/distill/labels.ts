import { type Device, gather, isHostDevice, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { BOX_NUMBERS, LANDMARK_COORDINATES } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import type { MatchOptions } from "../objective/assign.js";
import { IGNORED_COVER, matchPriors, pickRows } from "../objective/match.js";
import { cornersOf, eachOverlap, isSound } from "../objective/overlaps.js";
import type { LabelTensors } from "./loss.js";

/** A prior learns a label only where it lies on the face this well; the least for a face's best prior. */
const MATCH = { positive: 0.4, negative: 0.4, forced: 0.2 };

/** Stands for an unknown coordinate while landmarks are encoded: far beyond any that is known. */
const UNKNOWN = 1e9;
const FAR = 1e6;

/** Landmarks of faces that have some, with the unknown ones marked; of the others, all NaN. */
function markUnknown(landmarks: Float32Array): Float32Array {
  return landmarks.map((value, i) => {
    const face = i - (i % LANDMARK_COORDINATES);
    const some = landmarks.subarray(face, face + LANDMARK_COORDINATES).some(Number.isFinite);
    return some && !Number.isFinite(value) ? UNKNOWN : value;
  });
}

/** Which row each prior has, here and on the device. */
interface RowIndex {
  readonly rows: Int32Array;
  readonly tensor: Tensor;
}

/** The rows of `[rows, width]` at `index`, one a prior, zeros beyond the last. */
function spread(rows: Float32Array, width: number, index: RowIndex): Tensor {
  const { device, shape } = index.tensor;
  if (isHostDevice(device)) {
    const values = new Float32Array(index.rows.length * width);
    for (let p = 0; p < index.rows.length; p++) {
      const from = index.rows[p] * width;
      if (from >= rows.length) continue;
      for (let k = 0; k < width; k++) values[p * width + k] = rows[from + k];
    }
    return tensor(device, values, [...shape, width]);
  }
  const some = rows.length > 0 ? rows : new Float32Array(width);
  return gather(tensor(device, some, [some.length / width, width]), index.tensor);
}

/** Sets `known` to 1 for the known landmarks of the face whose ten begin at `from`, the others to 0. */
function keepKnown(landmarks: Float32Array, known: Float32Array, from: number): void {
  for (let i = from; i < from + LANDMARK_COORDINATES; i++) {
    if (Math.abs(landmarks[i]) < FAR) known[i] = 1;
    else landmarks[i] = 0;
  }
}

/** What labels say of priors that are no labelled face. */
interface Quiet {
  /** 0 where an ignored face covers the prior: it takes no part. */
  readonly counted: Float32Array;
  /** 1 where no face can be: in a part of the view that is labelled completely, off every label. */
  readonly background: Float32Array;
}

function liesIn(x: number, y: number, parts: Float32Array): boolean {
  for (let at = 0; at < parts.length; at += 4) {
    if (x >= parts[at] && x < parts[at + 2] && y >= parts[at + 1] && y < parts[at + 3]) return true;
  }
  return false;
}

/** What labels say of priors that are no face, as tensors. */
export function uploadQuiet(device: Device, samples: readonly Sample[], priors: Float32Array) {
  const shape = [samples.length, priors.length / BOX_NUMBERS, 1];
  const { counted, background } = quietOf(samples, priors);
  return {
    counted: tensor(device, counted, shape),
    background: tensor(device, background, shape),
  };
}

/** Whether a batch has no labels at all. */
export function hasNoLabels(samples: readonly Sample[]): boolean {
  return samples.every(({ boxes, complete }) => boxes.length === 0 && !complete?.length);
}

function quietOf(samples: readonly Sample[], priors: Float32Array): Quiet {
  const count = priors.length / BOX_NUMBERS;
  const corners = cornersOf(priors);
  const counted = new Float32Array(samples.length * count).fill(1);
  const background = new Float32Array(samples.length * count);
  for (const [i, { boxes, ignored, complete }] of samples.entries()) {
    const first = i * count;
    for (let p = 0; complete && p < count; p++) {
      const at = p * BOX_NUMBERS;
      if (liesIn(priors[at], priors[at + 1], complete)) background[first + p] = 1;
    }
    for (let f = 0; f < ignored.length; f++) {
      const box = boxes.subarray(f * BOX_NUMBERS, (f + 1) * BOX_NUMBERS);
      if (!isSound(box)) continue;
      eachOverlap(corners, box, (p, intersection, area) => {
        background[first + p] = 0;
        if (ignored[f] && intersection >= IGNORED_COVER * area) counted[first + p] = 0;
      });
    }
  }
  return { counted, background };
}

/**
 * The labels of a batch as {@link LabelTensors}, or undefined where it has none. Faces without landmarks
 * are labels of class and box, those with all landmarks of these too. Faces with some are labels of the
 * known ones alone: their boxes only say which priors are meant.
 */
export function uploadLabels(
  device: Device,
  samples: readonly Sample[],
  priors: Float32Array,
  variances: MatchOptions["variances"],
  assignment?: MatchOptions["assignment"],
): LabelTensors | undefined {
  if (hasNoLabels(samples)) return undefined;
  const faces = samples.map(({ boxes, landmarks, ignored }) => ({
    boxes,
    landmarks: markUnknown(landmarks),
    ignored,
  }));
  const targets = matchPriors(faces, priors, { ...MATCH, variances, assignment });
  const { labels } = targets;
  const { loc, landms: points } = targets.heads;
  // Few priors are labelled: their rows go to the GPU, and for each prior the number of its row.
  const positive: number[] = [];
  const rowOf = new Int32Array(labels.length).fill(labels.length);
  for (let p = 0; p < labels.length; p++) {
    if (labels[p] === 1) rowOf[p] = positive.push(p) - 1;
  }
  const landms = pickRows(points.values, LANDMARK_COORDINATES, positive);
  const known = new Float32Array(landms.length);
  const boxed = new Float32Array(positive.length).fill(1);
  for (const [row, p] of positive.entries()) {
    if (points.mask[p] === 0) continue;
    const from = row * LANDMARK_COORDINATES;
    keepKnown(landms, known, from);
    if (known.subarray(from, from + LANDMARK_COORDINATES).includes(0)) boxed[row] = 0;
  }
  const shape = [samples.length, priors.length / 4];
  const index = { rows: rowOf, tensor: tensor(device, rowOf, shape, { dtype: "i32" }) };
  return {
    faces: spread(boxed, 1, index),
    loc: spread(pickRows(loc.values, BOX_NUMBERS, positive), BOX_NUMBERS, index),
    landms: spread(landms, LANDMARK_COORDINATES, index),
    landmMask: spread(known, LANDMARK_COORDINATES, index),
    ...uploadQuiet(device, samples, priors),
  };
}

import { type Device, gather, mul, type Tensor, tensor, where } from "@retinaface-webgpu/tensor";
import {
  anchorsPerCellOf,
  type DetectorConfig,
  LANDMARK_COORDINATES,
  type NetworkOutput,
  RETINAFACE_HEADS,
} from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import { encode, tableOf } from "../objective/face-tables.js";
import { isFaceOf } from "../objective/multibox.js";
import type { ObjectiveInput } from "../objective/objective.js";
import { matchBySimOta, uploadForSimOta } from "../objective/simota.js";
import { hasNoLabels, uploadQuiet } from "./labels.js";
import type { LabelTensors } from "./loss.js";

const [, BOXES, LANDMARKS] = RETINAFACE_HEADS;

/** Faces whose unknown landmarks are 0, which of them are known, and whether a face's box is a label. */
function knownOf({ boxes, landmarks, ...rest }: Sample) {
  const known = Float32Array.from(landmarks, (value) => Number(Number.isFinite(value)));
  const boxed = Float32Array.from({ length: landmarks.length / LANDMARK_COORDINATES }, (_, f) => {
    const own = known.subarray(f * LANDMARK_COORDINATES, (f + 1) * LANDMARK_COORDINATES);
    // Of a face with some landmarks the box only says which priors are meant.
    return Number(own.every((value) => value === own[0]));
  });
  const filled = landmarks.map((value) => (Number.isFinite(value) ? value : 0));
  return { faces: { ...rest, boxes, landmarks: filled }, known, boxed };
}

/** Rows of the batch's faces in the order of its tables, which have room for so many an image. */
function tableOfRows(device: Device, rows: readonly Float32Array[], room: number, width: number) {
  const values = new Float32Array(rows.length * room * width);
  for (const [image, own] of rows.entries()) values.set(own, image * room * width);
  return tensor(device, values, [rows.length * room, width]);
}

/** What {@link labelsBySimOta} has to know of a batch; undefined where it has no labels. */
export function uploadSimOtaLabels(
  device: Device,
  input: Pick<ObjectiveInput, "samples" | "priors" | "images">,
  { anchors }: DetectorConfig,
): Record<string, Tensor> | undefined {
  const { samples, priors } = input;
  if (hasNoLabels(samples)) return undefined;
  const all = samples.map(knownOf);
  const faces = all.map((each) => each.faces);
  const perCell = anchorsPerCellOf(anchors);
  const levels = anchors.steps.map((stride, i) => ({ stride, anchors: perCell[i] }));
  const targets = uploadForSimOta(device, faces, input, levels, [BOXES, LANDMARKS]);
  const [, room] = targets.faces.shape;
  const table = (rows: Float32Array[], width: number) => tableOfRows(device, rows, room, width);
  return {
    ...targets,
    ...uploadQuiet(device, samples, priors),
    known: table(
      all.map(({ known }) => known),
      LANDMARK_COORDINATES,
    ),
    boxed: table(
      all.map(({ boxed }) => boxed),
      1,
    ),
  };
}

/** Labels whose priors SimOTA finds by what the student says. Called where no gradient is recorded. */
export function labelsBySimOta(
  student: NetworkOutput,
  targets: Readonly<Record<string, Tensor>>,
  variances: DetectorConfig["variances"],
): LabelTensors {
  const matched = matchBySimOta(student, targets, RETINAFACE_HEADS, variances);
  const isFace = isFaceOf(matched);
  const of = (table: Tensor) => mul(isFace, gather(table, matched.rows));
  const encoded = (head: typeof BOXES | typeof LANDMARKS) =>
    encode(head, gather(targets[tableOf(head)], matched.rows), matched.priors, variances);
  const [faces, landmMask] = [of(targets.boxed), of(targets.known)];
  return {
    faces,
    loc: where(faces, encoded(BOXES), 0),
    landms: where(landmMask, encoded(LANDMARKS), 0),
    landmMask,
    counted: targets.counted,
    background: targets.background,
  };
}

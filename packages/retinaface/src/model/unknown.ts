import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "../errors.js";
import { quote } from "../weights/errors.js";

const REMEDY =
  "Give one whose names are those of the public PyTorch checkpoints (body.*, fpn.*, ssh1.*, ClassHead.*, …), of " +
  "Face-Detector-1MB-with-landmark's slim and RFB, of Ultra-Light-Fast-Generic-Face-Detector, or of torchvision's " +
  "RetinaNet.";
/** How many names of each kind a message lists. */
const MAX_LISTED = 6;

/** The error for a checkpoint of no network that is known here. */
export function unknown(what: string, network = "RetinaFace"): RetinaFaceError {
  return new RetinaFaceError(
    "CHECKPOINT_UNKNOWN",
    `This checkpoint is not a ${network} network: ${what} ${REMEDY}`,
  );
}

/** The first names of some, quoted. */
export function listNames(names: readonly string[]): string {
  const rest = names.length - MAX_LISTED;
  const shown = names.slice(0, MAX_LISTED).map(quote).join(", ");
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/**
 * Outputs of a convolution, from its weights. They decide how much memory a network takes before any other shape is
 * looked at, so that what is no convolution's weight is refused here.
 */
export function outputsAt(state: StateDict, name: string, inputs?: number): number {
  const weight = state.get(name);
  if (!weight) throw unknown(`it has no ${quote(name)}.`);
  const { shape, data } = weight;
  const fits = shape.length === 4 && data.length > 0 && (inputs ?? shape[1]) === shape[1];
  if (fits) return shape[0];
  const expected = `outputs, ${inputs ?? "inputs"}, height, width`;
  throw unknown(`${quote(name)} has the shape [${shape.join(", ")}], expected [${expected}].`);
}

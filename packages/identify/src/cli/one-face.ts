import { RetinaFaceError } from "retinaface-webgpu";
import type { PlacedFace } from "./looker.js";

/** Which face of a picture is the one whose folder it lies in. */
export interface OneFaceOptions {
  /** The largest of several; else several are an error, as nothing tells which is meant. */
  readonly largest?: boolean | undefined;
}

/** @throws RetinaFaceError `FACE_NOT_FOUND`, `FACE_AMBIGUOUS` */
export function oneFace(
  faces: readonly PlacedFace[],
  { largest }: OneFaceOptions = {},
): PlacedFace {
  if (faces.length === 0) {
    throw new RetinaFaceError(
      "FACE_NOT_FOUND",
      "no face was found: leave the picture out, or give --whole for pictures that are one face each",
    );
  }
  if (faces.length > 1 && !largest) {
    throw new RetinaFaceError(
      "FACE_AMBIGUOUS",
      `${faces.length} faces were found and nothing tells whose picture it is: cut it, or give --largest`,
    );
  }
  return faces.reduce((best, face) => (area(face) > area(best) ? face : best));
}

function area({ line: { box = [0, 0, 0, 0] } }: PlacedFace): number {
  return (box[2] - box[0]) * (box[3] - box[1]);
}

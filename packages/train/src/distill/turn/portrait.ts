import type { Random } from "@retinaface-webgpu/tensor";
import {
  areaOf,
  type Photo,
  type PhotoFace,
  type PhotoSet,
  sharedArea,
  sideOf,
  type TurnSpec,
} from "../photo.js";
import { fitHead, type HeadFit } from "./fit.js";
import { type Turn, turnPortrait } from "./turn.js";

/** Smallest side of a face that is turned, in pixels of its photo: smaller ones have too little to show from the side. */
const LEAST_SIDE = 64;
/** A box of which this share lies in a face's is the same face again. */
const SAME_COVER = 0.5;

function fitAlone({ faces: [face, ...others] }: Photo): HeadFit | undefined {
  if (!face?.landmarks || face.ignored || !face.labelled) return undefined;
  if (sideOf(face.box) < LEAST_SIDE) return undefined;
  const isSame = ({ ignored, box }: PhotoFace) =>
    ignored && sharedArea(box, face.box) > SAME_COVER * areaOf(box);
  if (!others.every(isSame)) return undefined;
  return fitHead(face.landmarks);
}

/** The photos of a set that show one large frontal face and no other; none where the set is not turned. */
export function portraitsOf({ turn, photos }: PhotoSet): Map<Photo, HeadFit> {
  const portraits = new Map<Photo, HeadFit>();
  for (const photo of turn ? photos : []) {
    const fit = fitAlone(photo);
    if (fit) portraits.set(photo, fit);
  }
  return portraits;
}

const RADIANS = Math.PI / 180;

/** Angles drawn evenly from the ellipse whose half axes are the largest ones. */
export function drawTurn(random: Random, { yaw, pitch }: TurnSpec): Turn {
  const direction = random.uniform(0, 2 * Math.PI);
  const reach = Math.sqrt(random.uniform()) * RADIANS;
  return { yaw: yaw * reach * Math.cos(direction), pitch: pitch * reach * Math.sin(direction) };
}

/** A portrait with its head turned, as a photo of the level that suffices for a scale. */
export function turnedPhoto(photo: Photo, fit: HeadFit, turn: Turn, scale: number): Photo {
  const { pyramid, box, landmarks, matte } = turnPortrait(photo.pyramid, fit, turn, scale);
  return { id: photo.id, pyramid, faces: [{ box, landmarks, labelled: true }], matte };
}

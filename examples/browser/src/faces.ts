import { type Face, LANDMARK_NAMES, nms, type TrackedFace } from "retinaface-webgpu";

/** What the sliders decide. */
export interface Cutoffs {
  /** Candidates that overlap a better one by more than this are dropped. */
  readonly nms: number;
  /** Faces scoring less are not shown. */
  readonly score: number;
}

/** As many faces as a detector keeps by default. */
const MOST_FACES = 750;

/** The faces that a detector with these thresholds gives, from candidates of an earlier pass. */
export function facesOf(candidates: readonly Face[], cutoffs: Cutoffs): Face[] {
  const boxes = candidates.flatMap(({ box }) => box);
  const scores = candidates.map(({ score }) => score);
  const kept = nms(boxes, scores, cutoffs.nms, MOST_FACES);
  return Array.from(kept, (i) => candidates[i]).filter(({ score }) => score >= cutoffs.score);
}

/** Which face it is over the frames of a video, where that is known. */
export function trackOf(face: Face): number | undefined {
  return "track" in face ? (face as TrackedFace).track : undefined;
}

/** The JSON that the command line prints for a photo. */
export function toJson(file: string, width: number, height: number, faces: readonly Face[]) {
  const pixels = (value: number) => Number(value.toFixed(2));
  return {
    file,
    width,
    height,
    faces: faces.map((face) => ({
      box: face.box.map(pixels),
      score: Number(face.score.toFixed(6)),
      landmarks: LANDMARK_NAMES.map((name) => face.landmarks[name].map(pixels)),
      track: trackOf(face),
    })),
  };
}

import { type Face, LANDMARK_NAMES, nms } from "retinaface-webgpu";

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

/** The JSON that the command line prints for a photo. */
export function toJson(file: string, width: number, height: number, faces: readonly Face[]) {
  const pixels = (value: number) => Number(value.toFixed(2));
  return {
    file,
    width,
    height,
    faces: faces.map(({ box, score, landmarks }) => ({
      box: box.map(pixels),
      score: Number(score.toFixed(6)),
      landmarks: LANDMARK_NAMES.map((name) => landmarks[name].map(pixels)),
    })),
  };
}

import { LANDMARK_COORDINATES } from "retinaface-webgpu";
import { bandOf, type ScoreBands } from "../data/score-bands.js";
import type { FusedFaces } from "./fuse.js";

/** An image's line of JSON, as `parseJsonl` reads it. */
export interface PseudoLabel {
  readonly image: string;
  readonly width: number;
  readonly height: number;
  readonly faces: readonly {
    readonly box: readonly number[];
    readonly landmarks?: readonly (readonly number[])[];
    readonly score: number;
    /** The class, where the networks tell several. */
    readonly label?: string;
    /** Too doubtful to train as a face or as background. */
    readonly ignored?: true;
  }[];
}

const pixels = (value: number) => Number(value.toFixed(2));

/** Labels of one image: faces from one score on, ignored ones from the other; what scores less is background. */
export function pseudoLabel(
  image: string,
  { width, height }: { readonly width: number; readonly height: number },
  { boxes, scores, landmarks, classes }: FusedFaces,
  bands: ScoreBands,
): PseudoLabel {
  const faces = Array.from(scores, (score, i) => {
    const band = bandOf(score, bands);
    if (!band) return undefined;
    const points = landmarks.subarray(i * LANDMARK_COORDINATES, (i + 1) * LANDMARK_COORDINATES);
    const pairs = Array.from({ length: points.length / 2 }, (_, p) =>
      [...points.subarray(p * 2, p * 2 + 2)].map(pixels),
    );
    return {
      box: [...boxes.subarray(i * 4, i * 4 + 4)].map(pixels),
      ...(points.every(Number.isFinite) && { landmarks: pairs }),
      score: Number(score.toFixed(4)),
      ...(classes && { label: classes[i] }),
      ...(band === "ignored" && { ignored: true as const }),
    };
  });
  return { image, width, height, faces: faces.filter((face) => face !== undefined) };
}

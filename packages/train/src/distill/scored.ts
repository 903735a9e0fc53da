import { LANDMARK_COORDINATES } from "retinaface-webgpu";
import { isNumbers, isObject } from "../data/json.js";
import { bandOf, ENSEMBLE_BANDS } from "../data/score-bands.js";
import { DataError } from "../errors.js";
import { areaOf, type PhotoFace, sharedArea, sideOf } from "./photo.js";

/** A photo and its faces as an ensemble of detectors labelled it. */
export interface ScoredPhoto {
  /** Path beside the table. */
  readonly image: string;
  readonly faces: readonly PhotoFace[];
}

/** Landmarks count from this score and this side in pixels on. */
const POINTS_SCORE = 0.6;
const POINTS_SIDE = 12;
/** Faces up to this score are hard ones: turned, bent down, covered, blurred. Views aim at them more often. */
const HARD = 0.7;
const HARD_WEIGHT = 2;
/** Smaller faces are many and alike once enlarged: views aim at them less often. */
const SMALL_SIDE = 16;
const SMALL_WEIGHT = 0.35;

function readFace(value: unknown, where: string): PhotoFace | undefined {
  const known = isObject(value) && isNumbers(value.box, 4) && typeof value.score === "number";
  if (!known) throw new DataError(`${where}: a face needs a "box" of four numbers and a "score"`);
  const { box, score, landmarks } = value as { box: number[]; score: number; landmarks?: unknown };
  const band = bandOf(score, ENSEMBLE_BANDS);
  if (!band) return undefined;
  const [x1, y1, x2, y2] = box;
  const side = sideOf([x1, y1, x2, y2]);
  if (!(side > 0)) return undefined;
  const exact =
    score >= POINTS_SCORE && side >= POINTS_SIDE && isNumbers(landmarks, LANDMARK_COORDINATES);
  const weight = (score < HARD ? HARD_WEIGHT : 1) * (side < SMALL_SIDE ? SMALL_WEIGHT : 1);
  return {
    box: [x1, y1, x2, y2],
    labelled: true,
    ...(exact ? { landmarks: landmarks as number[] } : {}),
    ...(band === "ignored" ? { ignored: true } : { weight }),
  };
}

/** A worse box that shares this much with a better one, or lies in it so far, is the same face again. */
const SAME_IOU = 0.4;
const SAME_COVER = 0.7;

type Box = PhotoFace["box"];

function isSame(a: Box, b: Box): boolean {
  const shared = sharedArea(a, b);
  const union = areaOf(a) + areaOf(b) - shared;
  return shared / union > SAME_IOU || shared / Math.min(areaOf(a), areaOf(b)) > SAME_COVER;
}

/** The faces, best first as they come sorted here, with those found twice ignored. */
function withoutDoubles(faces: readonly PhotoFace[]): PhotoFace[] {
  const kept: PhotoFace[] = [];
  return faces.map((face) => {
    if (kept.some(({ box }) => isSame(box, face.box))) return { ...face, ignored: true };
    if (!face.ignored) kept.push(face);
    return face;
  });
}

const scoreOf = (face: unknown) => (isObject(face) ? Number(face.score) : 0);

/**
 * Reads the labels of an ensemble, one JSON object a line:
 *
 * ```json
 * {"image": "a.jpg", "faces": [{"box": [x1, y1, x2, y2], "landmarks": [10 numbers], "score": 0.9}]}
 * ```
 *
 * @throws {DataError} with file and line for what is not that
 */
export function parseScored(text: string, file: string): ScoredPhoto[] {
  const photos: ScoredPhoto[] = [];
  for (const [i, row] of text.split("\n").entries()) {
    if (row.trim() === "") continue;
    const where = `${file}:${i + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch (cause) {
      throw new DataError(
        `${where} is not JSON: ${(cause as Error).message}; mend the line or take it out`,
        { cause },
      );
    }
    if (!isObject(value) || typeof value.image !== "string" || !Array.isArray(value.faces)) {
      throw new DataError(`${where}: a photo needs an "image" and a list of "faces"`);
    }
    const sorted = value.faces.toSorted((a, b) => scoreOf(b) - scoreOf(a));
    const faces = sorted.map((face) => readFace(face, where));
    photos.push({
      image: value.image,
      faces: withoutDoubles(faces.filter((face) => face !== undefined)),
    });
  }
  return photos;
}

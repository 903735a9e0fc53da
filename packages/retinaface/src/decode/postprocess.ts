import { NumericError, OptionError } from "../errors.js";
import { DEFAULT_THRESHOLDS, type Face, type Point, type Thresholds } from "../types.js";
import { decodeBoxes, decodeLandmarks, LANDMARK_COORDINATES } from "./codec.js";
import { nms, orderByScore } from "./nms.js";

/**
 * How the network's input lies over the original image. The input is the image scaled by
 * `scaleX`, `scaleY`, then padded on the right and at the bottom to `width` × `height`.
 */
export interface Frame {
  /** Width in pixels that the fraction 1 stands for: the input's, padding included. */
  width: number;
  height: number;
  /** Input pixels for one pixel of the original image. */
  scaleX: number;
  scaleY: number;
}

/** Raw network outputs of one image and what is needed to read them. */
export interface PostprocessInput {
  /** `[N, 4]` box offsets. */
  loc: Float32Array;
  /** `[N]` face probabilities (after softmax). */
  scores: Float32Array;
  /**
   * `[N]` face logit minus background logit. Where given, they order the candidates: as the scores do, but they still
   * tell apart those that score alike in single precision, near 1.
   */
  margins?: Float32Array;
  /** `[N, 10]` landmark offsets. */
  landms: Float32Array;
  /** `[N, 4]` from {@link priorBoxes} for the frame's size. */
  priors: Float32Array;
  variances: readonly [centre: number, size: number];
  frame: Frame;
  thresholds: Omit<Thresholds, "visThreshold">;
}

/**
 * Faces from the network's outputs: candidates above the confidence threshold, the best `topK` of
 * them, NMS in pixels of the original image, the best `keepTopK`. `visThreshold` is applied apart,
 * by {@link visible}.
 *
 * @returns Faces from best to worst; equals in the order of the priors.
 * @throws NumericError when a score is NaN or a candidate's box or landmark is not finite.
 */
export function postprocess(input: PostprocessInput): Face[] {
  const { scores, priors, variances, frame, thresholds } = input;
  checkRows("loc", input.loc, 4, scores.length);
  checkRows("landms", input.landms, LANDMARK_COORDINATES, scores.length);
  checkRows("priors", priors, 4, scores.length);
  checkRows("margins", input.margins ?? scores, 1, scores.length);
  const chosen = candidates(input, thresholds);
  const rows = decodeRows({
    loc: takeRows(input.loc, 4, chosen),
    landms: takeRows(input.landms, LANDMARK_COORDINATES, chosen),
    priors: takeRows(priors, 4, chosen),
    variances,
    frame,
  });
  const chosenScores = takeRows(scores, 1, chosen);
  const kept = nms(rows.boxes, chosenScores, thresholds.nmsThreshold, thresholds.keepTopK);
  return Array.from(kept, (i) => toFace(rows, i, chosenScores[i]));
}

/** Boxes `[N, 4]` and landmarks `[N, 10]` in pixels of the original image. */
export interface DecodedRows {
  boxes: Float64Array;
  points: Float64Array;
}

/** Decodes rows of offsets with the priors they belong to. */
export function decodeRows(
  input: Pick<PostprocessInput, "loc" | "landms" | "priors" | "variances" | "frame">,
): DecodedRows {
  const { loc, landms, priors, variances, frame } = input;
  const boxes = decodeBoxes(loc, priors, variances);
  const points = decodeLandmarks(landms, priors, variances);
  toPixels(boxes, frame);
  toPixels(points, frame);
  return { boxes, points };
}

/** Faces scoring at least `visThreshold`, in their order. */
export function visible(faces: readonly Face[], visThreshold: number): Face[] {
  return faces.filter((face) => face.score >= visThreshold);
}

const FRACTIONS = ["confidenceThreshold", "nmsThreshold", "visThreshold"] as const;
const COUNTS = ["topK", "keepTopK"] as const;

/**
 * Fills in defaults and checks ranges.
 *
 * @throws OptionError that names the option.
 */
export function resolveThresholds(
  options: Partial<Thresholds> = {},
  defaults: Thresholds = DEFAULT_THRESHOLDS,
): Thresholds {
  const resolved = { ...defaults };
  for (const name of FRACTIONS) {
    const value = options[name] ?? defaults[name];
    if (!(value >= 0 && value <= 1)) {
      throw new OptionError(`${name} must be a number from 0 to 1, got ${value}`);
    }
    resolved[name] = value;
  }
  for (const name of COUNTS) {
    const value = options[name] ?? defaults[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new OptionError(`${name} must be a whole number of at least 1, got ${value}`);
    }
    resolved[name] = value;
  }
  return resolved;
}

function checkRows(name: string, values: Float32Array, columns: number, rows: number): void {
  if (values.length !== rows * columns) {
    throw new OptionError(
      `${name} must be [${rows}, ${columns}] for ${rows} scores, got ${values.length} values`,
    );
  }
}

/** Indices of the best `topK` scores above the threshold, best first. */
function candidates(
  { scores, margins = scores }: PostprocessInput,
  { confidenceThreshold, topK }: PostprocessInput["thresholds"],
): Uint32Array {
  const above = new Uint32Array(scores.length);
  let count = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (score > confidenceThreshold) above[count++] = i;
    else if (Number.isNaN(score)) {
      throw new NumericError(
        `score ${i} is NaN: check that the input image and the weights are finite numbers`,
      );
    }
  }
  const passing = above.subarray(0, count);
  return orderByScore(takeRows(margins, 1, passing), topK).map((n) => passing[n]);
}

function takeRows(values: Float32Array, columns: number, rows: Uint32Array): Float32Array {
  const taken = new Float32Array(rows.length * columns);
  for (let n = 0; n < rows.length; n++) {
    const from = rows[n] * columns;
    for (let c = 0; c < columns; c++) taken[n * columns + c] = values[from + c];
  }
  return taken;
}

function toPixels(coordinates: Float64Array, frame: Frame): void {
  const x = frame.width / frame.scaleX;
  const y = frame.height / frame.scaleY;
  for (let i = 0; i < coordinates.length; i += 2) {
    coordinates[i] = coordinates[i] * x;
    coordinates[i + 1] = coordinates[i + 1] * y;
  }
}

/** One decoded row as a face. @throws NumericError when a landmark is not finite. */
export function toFace(rows: DecodedRows, row: number, score: number): Face {
  const start = row * LANDMARK_COORDINATES;
  const points = rows.points.subarray(start, start + LANDMARK_COORDINATES);
  if (!points.every(Number.isFinite)) throw new NumericError("a landmark is not finite");
  const [x1, y1, x2, y2] = rows.boxes.subarray(row * 4, row * 4 + 4);
  const point = (n: number): Point => [points[n * 2], points[n * 2 + 1]];
  return {
    box: [x1, y1, x2, y2],
    score,
    landmarks: {
      leftEye: point(0),
      rightEye: point(1),
      nose: point(2),
      leftMouth: point(3),
      rightMouth: point(4),
    },
  };
}

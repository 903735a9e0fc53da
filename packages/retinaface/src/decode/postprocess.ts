import { NumericError, OptionError } from "../errors.js";
import { BOX_NUMBERS, boxHead, RETINAFACE_HEADS, regressionHeads } from "../model/heads.js";
import type { Face, HeadSpec, Thresholds } from "../types.js";
import { toFace } from "./face.js";
import { nms, orderByScore } from "./nms.js";
import { decodeRows, type Frame } from "./rows.js";

/** Raw network outputs of one image and what is needed to read them. */
export interface PostprocessInput {
  /** `[N, 4]` box offsets. */
  loc: Float32Array;
  /** `[N]` face probabilities (after softmax); with several classes the best one's. */
  scores: Float32Array;
  /**
   * `[N]` face logit minus background logit. Where given, they order the candidates: as the scores do, but they still
   * tell apart those that score alike in single precision, near 1.
   */
  margins?: Float32Array;
  /** `[N, 10]` landmark offsets, where the network has a head for them. */
  landms?: Float32Array;
  /** `[N, width]` of each further head, by its name. */
  values?: Readonly<Record<string, Float32Array>>;
  /** `[N]`: the class of each prior, from 1, where there are several. */
  labels?: ArrayLike<number>;
  /** Default {@link RETINAFACE_HEADS}. */
  heads?: readonly HeadSpec[];
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
  const { scores, priors, variances, frame, thresholds, heads = RETINAFACE_HEADS } = input;
  const outputs: Record<string, Float32Array> = { ...input.values };
  for (const { name, width } of regressionHeads(heads)) {
    const rows = outputs[name] ?? input[name as "loc"];
    checkRows(name, rows ?? new Float32Array(0), width, scores.length);
    outputs[name] = rows;
  }
  checkRows("priors", priors, BOX_NUMBERS, scores.length);
  checkRows("margins", input.margins ?? scores, 1, scores.length);
  const chosen = candidates(input, thresholds);
  const taken = regressionHeads(heads).map(({ name, width }): [string, Float32Array] => [
    name,
    takeRows(outputs[name], width, chosen),
  ]);
  const rows = decodeRows(heads, Object.fromEntries(taken), {
    priors: takeRows(priors, BOX_NUMBERS, chosen),
    variances,
    frame,
  });
  const chosenScores = takeRows(scores, 1, chosen);
  const boxes = rows[boxHead(heads).name];
  const kept = nms(boxes, chosenScores, thresholds.nmsThreshold, thresholds.keepTopK);
  return Array.from(kept, (i) =>
    toFace(heads, rows, i, chosenScores[i], input.labels?.[chosen[i]]),
  );
}

/** Faces scoring at least `visThreshold`, in their order. */
export function visible(faces: readonly Face[], visThreshold: number): Face[] {
  return faces.filter((face) => face.score >= visThreshold);
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

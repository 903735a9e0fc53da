import { keyMargin } from "@retinaface-webgpu/kernels-wgsl";
import { toFace } from "../decode/face.js";
import { bestClass, probabilityOf, thresholdKey } from "../decode/margin.js";
import { nms, orderByScore } from "../decode/nms.js";
import { decodeRows, type Frame } from "../decode/rows.js";
import { NumericError } from "../errors.js";
import { BOX_NUMBERS, boxHead, classHead, regressionHeads } from "../model/heads.js";
import type { Face, HeadSpec, Thresholds } from "../types.js";

/** What a head predicts at a level: channels `offset …` of pixels `stride` floats apart. */
export interface HeadValues {
  readonly values: Float32Array;
  readonly offset: number;
  readonly stride: number;
  /** NHWC. */
  readonly shape: readonly number[];
}

/** One pyramid level's head outputs, by the heads' names. */
export type LevelValues = Readonly<Record<string, HeadValues>>;

/** What the outputs are read with. */
export interface FinderSpec {
  readonly heads: readonly HeadSpec[];
  /** `[N, 4]` of `priorBoxes`, or what gives the rows of some. */
  readonly priors: Float32Array | ((indices: readonly number[]) => Float32Array);
  readonly variances: readonly [centre: number, size: number];
}

/** Priors that score enough: which they are, where their numbers lie, and how they score. */
interface Candidates {
  readonly priors: number[];
  readonly levels: number[];
  /** Cell and anchor within the level. */
  readonly places: number[];
  readonly margins: number[];
  readonly labels: number[];
}

/**
 * Post-processing on the host, straight from where the network's outputs lie: only priors above the thresholds are looked
 * at any closer. The same faces as the GPU's, which decides by the same rules.
 *
 * @returns faces scoring at least `visThreshold`, best first
 * @throws NumericError when a score or a face is not finite
 */
export function findFaces(
  levels: readonly LevelValues[],
  { heads, priors, variances }: FinderSpec,
  frame: Frame,
  thresholds: Thresholds,
): Face[] {
  const { confidenceThreshold, visThreshold, nmsThreshold, topK, keepTopK } = thresholds;
  const classes = classHead(heads);
  // A face is only suppressed by a better one: those that will not be shown need not compete.
  const least = keyMargin(thresholdKey(confidenceThreshold, visThreshold));
  const found = candidates(levels, classes, least);
  const order = orderByScore(found.margins, topK);
  const rows = gatherRows(
    levels,
    heads,
    Array.from(order, (n) => ({ level: found.levels[n], place: found.places[n] })),
  );
  const chosen = Array.from(order, (n) => found.priors[n]);
  const chosenPriors = rowsOf(priors, chosen);
  const decoded = decodeRows(heads, rows, { priors: chosenPriors, variances, frame });
  const margins = Array.from(order, (n) => found.margins[n]);
  const kept = nms(decoded[boxHead(heads).name], margins, nmsThreshold, keepTopK);
  return Array.from(kept, (i) => {
    const label = classes.width > 2 ? found.labels[order[i]] : undefined;
    return toFace(heads, decoded, i, probabilityOf(margins[i]), label);
  });
}

/** The priors of some places. */
export function rowsOf(priors: FinderSpec["priors"], chosen: readonly number[]): Float32Array {
  if (typeof priors === "function") return priors(chosen);
  const rows = new Float32Array(chosen.length * BOX_NUMBERS);
  for (const [i, prior] of chosen.entries()) {
    const from = prior * BOX_NUMBERS;
    rows.set(priors.subarray(from, from + BOX_NUMBERS), i * BOX_NUMBERS);
  }
  return rows;
}

function candidates(
  levels: readonly LevelValues[],
  { name, width }: HeadSpec,
  least: number,
): Candidates {
  const found: Candidates = { priors: [], levels: [], places: [], margins: [], labels: [] };
  let first = 0;
  for (const [level, heads] of levels.entries()) {
    const { values, offset, stride, shape } = heads[name];
    const [, rows, columns, channels] = shape;
    const anchors = channels / width;
    for (let cell = 0; cell < rows * columns; cell++) {
      for (let anchor = 0; anchor < anchors; anchor++) {
        const at = cell * stride + offset + anchor * width;
        const label = width > 2 ? bestClass(values.subarray(at, at + width)) : 1;
        const margin = Math.fround(values[at + label] - values[at]);
        // Infinite logits make it infinite or undefined, unless both are finite and far apart.
        if (!Number.isFinite(margin)) checkFinite(values.subarray(at, at + width));
        if (!(margin >= least)) continue;
        found.priors.push(first + cell * anchors + anchor);
        found.levels.push(level);
        found.places.push(cell * anchors + anchor);
        found.margins.push(margin);
        found.labels.push(label);
      }
    }
    first += rows * columns * anchors;
  }
  return found;
}

/** @throws NumericError for logits that are not all finite */
export function checkFinite(logits: Float32Array): void {
  if (logits.every(Number.isFinite)) return;
  throw new NumericError(
    "a score is not a finite number: check that the input image and the weights are, and are not too large",
  );
}

/** The numbers of each head that regresses, a row a candidate: of its level, the place in it. */
export function gatherRows(
  levels: readonly LevelValues[],
  heads: readonly HeadSpec[],
  chosen: readonly { readonly level: number; readonly place: number }[],
): Record<string, Float32Array> {
  const rows: Record<string, Float32Array> = {};
  for (const { name, width } of regressionHeads(heads)) {
    const taken = new Float32Array(chosen.length * width);
    for (const [i, { level, place }] of chosen.entries()) {
      const { values, offset, stride, shape } = levels[level][name];
      const anchors = shape[3] / width;
      const cell = Math.floor(place / anchors);
      const at = cell * stride + offset + (place - cell * anchors) * width;
      taken.set(values.subarray(at, at + width), i * width);
    }
    rows[name] = taken;
  }
  return rows;
}

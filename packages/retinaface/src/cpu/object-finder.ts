import { keyMargin } from "@retinaface-webgpu/kernels-wgsl";
import { toFace } from "../decode/face.js";
import { probabilityOf, thresholdKey } from "../decode/margin.js";
import { nms, orderByScore } from "../decode/nms.js";
import { decodeRows, type Frame } from "../decode/rows.js";
import { BOX_NUMBERS, boxHead, classHead } from "../model/heads.js";
import type { Face, HeadSpec, Thresholds } from "../types.js";
import {
  checkFinite,
  type FinderSpec,
  gatherRows,
  type LevelValues,
  rowsOf,
} from "./face-finder.js";

/** A class of a prior that scores enough. */
interface Candidate {
  readonly level: number;
  /** Cell and anchor within the level, counted through. */
  readonly place: number;
  readonly prior: number;
  readonly margin: number;
  /** From 1. */
  readonly label: number;
}

/** Sides of boxes that are more than so many times those of their priors are not believed. */
const MOST_GROWTH = Math.log(1000 / 16);

/**
 * Post-processing of RetinaNet (Lin et al. 2017), as torchvision has it: every class of a prior is a candidate by itself;
 * of each level the best `topK` above the thresholds are decoded and cut to the image, and suppressed class by class.
 *
 * @returns objects scoring at least `visThreshold`, best first, each with its label
 * @throws NumericError when a score or a box is not finite
 */
export function findObjects(
  levels: readonly LevelValues[],
  { heads, priors, variances }: FinderSpec,
  frame: Frame,
  thresholds: Thresholds,
): Face[] {
  const found = candidates(levels, classHead(heads), thresholds);
  const chosen = rowsOf(
    priors,
    found.map(({ prior }) => prior),
  );
  const rows = gatherRows(levels, heads, found);
  const { name: box } = boxHead(heads);
  limitGrowth(rows[box], variances[1]);
  const decoded = decodeRows(heads, rows, { priors: chosen, variances, frame });
  const boxes = decoded[box];
  cutToImage(boxes, frame);
  return suppressByClass(found, boxes, thresholds).map((i) =>
    toFace(heads, decoded, i, probabilityOf(found[i].margin), found[i].label),
  );
}

/** The best of each level, level by level. */
function candidates(
  levels: readonly LevelValues[],
  { name, width }: HeadSpec,
  { confidenceThreshold, visThreshold, topK }: Thresholds,
): Candidate[] {
  const least = keyMargin(thresholdKey(confidenceThreshold, visThreshold));
  let first = 0;
  return levels.flatMap((heads, level) => {
    const { values, offset, stride, shape } = heads[name];
    const [, rows, columns, channels] = shape;
    const anchors = channels / width;
    const found: Candidate[] = [];
    for (let place = 0; place < rows * columns * anchors; place++) {
      const cell = Math.floor(place / anchors);
      const at = cell * stride + offset + (place - cell * anchors) * width;
      for (let label = 1; label < width; label++) {
        const margin = Math.fround(values[at + label] - values[at]);
        if (!Number.isFinite(margin)) checkFinite(values.subarray(at, at + width));
        if (margin >= least) found.push({ level, place, prior: first + place, margin, label });
      }
    }
    first += rows * columns * anchors;
    const margins = found.map(({ margin }) => margin);
    return Array.from(orderByScore(margins, topK), (n) => found[n]);
  });
}

/** Holds the growth of boxes within bounds. */
function limitGrowth(boxes: Float32Array, sizeVariance: number): void {
  const most = MOST_GROWTH / sizeVariance;
  for (let i = 0; i < boxes.length; i += BOX_NUMBERS) {
    for (let side = i + 2; side < i + BOX_NUMBERS; side++)
      boxes[side] = Math.min(boxes[side], most);
  }
}

function cutToImage(boxes: Float64Array, { width, height, scaleX, scaleY }: Frame): void {
  const [right, bottom] = [width / scaleX, height / scaleY];
  for (let i = 0; i < boxes.length; i += 2) {
    boxes[i] = Math.min(Math.max(boxes[i], 0), right);
    boxes[i + 1] = Math.min(Math.max(boxes[i + 1], 0), bottom);
  }
}

/** Which candidates stay, best first; equals in their order. */
function suppressByClass(
  found: readonly Candidate[],
  boxes: Float64Array,
  { nmsThreshold, keepTopK }: Thresholds,
): number[] {
  const labels = new Set(found.map(({ label }) => label));
  const kept = [...labels].flatMap((label) => {
    const own = [...found.keys()].filter((i) => found[i].label === label);
    const ownBoxes = Float64Array.from(own.flatMap((i) => [...boxes.subarray(i * 4, i * 4 + 4)]));
    const margins = own.map((i) => found[i].margin);
    return Array.from(nms(ownBoxes, margins, nmsThreshold, keepTopK, 0), (n) => own[n]);
  });
  kept.sort((a, b) => found[b].margin - found[a].margin || a - b);
  return kept.slice(0, keepTopK);
}

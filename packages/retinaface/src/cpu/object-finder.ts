import { keyMargin } from "@retinaface-webgpu/kernels-wgsl";
import { toFace } from "../decode/face.js";
import { probabilityOf, thresholdKey } from "../decode/margin.js";
import { nms, orderByScore } from "../decode/nms.js";
import { decodeRows, type Frame } from "../decode/postprocess.js";
import { boxHead, classHead, regressionHeads } from "../model/heads.js";
import type { Face, HeadSpec, Thresholds } from "../types.js";
import { checkFinite, type FinderSpec, type LevelValues, rowsOf } from "./face-finder.js";

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
  const rows = gather(levels, heads, found, variances[1]);
  const decoded = decodeRows(heads, rows, { priors: chosen, variances, frame });
  const boxes = decoded[boxHead(heads).name];
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

/** The numbers of each head at the candidates; a box's growth is held within bounds. */
function gather(
  levels: readonly LevelValues[],
  heads: readonly HeadSpec[],
  found: readonly Candidate[],
  sizeVariance: number,
): Record<string, Float32Array> {
  const rows: Record<string, Float32Array> = {};
  for (const { name, width, meaning } of regressionHeads(heads)) {
    const taken = new Float32Array(found.length * width);
    for (const [i, { level, place }] of found.entries()) {
      const { values, offset, stride, shape } = levels[level][name];
      const anchors = shape[3] / width;
      const cell = Math.floor(place / anchors);
      const at = cell * stride + offset + (place - cell * anchors) * width;
      taken.set(values.subarray(at, at + width), i * width);
      if (meaning !== "box") continue;
      for (let side = i * width + 2; side < (i + 1) * width; side++) {
        taken[side] = Math.min(taken[side], MOST_GROWTH / sizeVariance);
      }
    }
    rows[name] = taken;
  }
  return rows;
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

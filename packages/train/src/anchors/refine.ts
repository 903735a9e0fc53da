import { type AnchorConfig, anchorShapes, OptionError } from "retinaface-webgpu";
import { closest, type Size } from "./k-means.js";

/** How anchors follow faces. */
export interface RefineOptions {
  /** Share of the way to the mean of its faces that an anchor goes, in logarithms of sides: above 0, at most 1. */
  readonly rate: number;
  /** Least IoU of a face with its closest anchor, both at the same place: smaller ones would pull it to where no face is matched. */
  readonly least: number;
}

/** @throws {OptionError} for a rate out of range */
export function checkRefineRate(rate: number): void {
  if (rate > 0 && rate <= 1) return;
  throw new OptionError(`refineAnchors must be above 0 and at most 1, not ${rate}`);
}

/** All anchors of a cell: their sizes, and which of `minSizes` each has. */
function anchorSizes(anchors: AnchorConfig) {
  return anchors.minSizes.flatMap((sides, level) =>
    anchorShapes(anchors, level).map(({ side, ratio }) => {
      const size: Size = [side * Math.sqrt(ratio), side / Math.sqrt(ratio)];
      return { level, index: sides.indexOf(side), size };
    }),
  );
}

/**
 * Anchors one step nearer to the faces of a batch: k-means' step of assigning each face to the closest (distance 1 − IoU, as
 * {@link clusterSizes} has it) and sequential k-means' step of moving the mean (MacQueen 1967), with a constant rate, so that
 * it follows what training shows. Sides move; levels, steps and ratios stay.
 *
 * @param sizes of faces, in pixels of the network's input
 */
export function refineAnchors(
  anchors: AnchorConfig,
  sizes: readonly Size[],
  { rate, least }: RefineOptions,
): AnchorConfig {
  const pulls = anchors.minSizes.map((sides) => sides.map(() => ({ sum: 0, faces: 0 })));
  const known = anchorSizes(anchors);
  const centres = known.map(({ size }) => size);
  for (const size of sizes) {
    const found = closest(size, centres);
    if (found.iou < least) continue;
    const { level, index } = known[found.index];
    const pull = pulls[level][index];
    pull.sum += Math.log(Math.sqrt(size[0] * size[1]) / anchors.minSizes[level][index]);
    pull.faces++;
  }
  const minSizes = anchors.minSizes.map((sides, level) =>
    sides.map((side, index) => {
      const { sum, faces } = pulls[level][index];
      return faces === 0 ? side : side * Math.exp((rate * sum) / faces);
    }),
  );
  return { ...anchors, minSizes };
}

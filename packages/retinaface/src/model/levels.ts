import { OptionError } from "../errors.js";
import type { AnchorConfig } from "../types.js";
import type { BackboneStage } from "./backbones/backbone.js";

/** One level of the pyramid. A network has a list of them, fine to coarse. */
export interface Level {
  /** Input pixels between two cells: a level has `ceil(side / stride)` cells a side. */
  readonly stride: number;
  /** Channels of the feature map that the heads read. */
  readonly channels: number;
  /** Anchors a cell. */
  readonly anchors: number;
}

/** The paper's pyramid has five levels, RetinaNet's too; a sixth has one cell for an input of 128 pixels. */
export const MAX_LEVELS = 6;

/** Names in checkpoints of what stands at a place in the list of levels, those of the public PyTorch files. */
export const LEVEL_NAMES = {
  lateral: (level: number) => `output${level + 1}`,
  merge: (level: number) => `merge${level + 1}`,
  /** Counted from the first level beyond the backbone. */
  extra: (n: number) => `extra${n + 1}`,
  context: (level: number) => `ssh${level + 1}`,
  /** Context modules of a cascade's second stage. */
  cascade: (level: number) => `cascade${level + 1}`,
} as const;

/** How many anchors each cell of a level has. */
export function anchorsPerCellOf({ minSizes, ratios = [1] }: AnchorConfig): number[] {
  return minSizes.map((sizes) => sizes.length * ratios.length);
}

/** The stages whose maps feed the pyramid: the last of each stride, the coarsest `count`, by their places. */
export function pyramidStages(stages: readonly BackboneStage[], count: number): number[] {
  const ends = [...stages.keys()].filter((i) => stages[i].stride !== stages[i + 1]?.stride);
  return ends.slice(-count);
}

/**
 * The levels of a network over a backbone.
 *
 * @param channels of every level, or undefined where the heads read the backbone's maps
 * @param anchorsPerCell anchors of each level, fine to coarse
 * @param extra the last so many levels are made from the backbone's coarsest map, by halving again and again
 * @throws OptionError for more levels than there can be
 */
export function levelsOf(
  stages: readonly BackboneStage[],
  channels: number | undefined,
  anchorsPerCell: readonly number[],
  extra: number,
): Level[] {
  const count = anchorsPerCell.length;
  if (count < 1 || count > MAX_LEVELS || !anchorsPerCell.every(isCount)) {
    throw new OptionError(
      `a network has 1 to ${MAX_LEVELS} levels of at least one anchor a cell, not ` +
        `[${anchorsPerCell.join(", ")}]: give anchorsPerCell one whole number a level`,
    );
  }
  const fed = pyramidStages(stages, count - extra);
  const from = fed.map((i) => stages[i].stride);
  if (
    !(Number.isSafeInteger(extra) && extra >= 0) ||
    from.length + extra !== count ||
    extra === count
  ) {
    const strides = [...new Set(stages.map(({ stride }) => stride))];
    throw new OptionError(
      `${count} levels, ${extra} of them extra, do not fit a backbone with maps of stride ` +
        `${strides.join(", ")}: give extraLevels, or fewer anchorsPerCell`,
    );
  }
  const coarsest = from[from.length - 1];
  const beyond = Array.from({ length: extra }, (_, i) => coarsest * 2 ** (i + 1));
  return [...from, ...beyond].map((stride, i) => ({
    stride,
    channels: channels ?? stages[fed[i]].channels,
    anchors: anchorsPerCell[i],
  }));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** @throws OptionError where anchors are for other levels than a network's */
export function checkAnchorsFit(levels: readonly Level[], anchors: AnchorConfig): void {
  const remedy = "give the configuration that the weights were trained with";
  const [own, given] = [levels.map((level) => level.anchors), anchorsPerCellOf(anchors)];
  if (`${own}` !== `${given}`) {
    throw new OptionError(
      `the heads have ${own.join(", ")} anchors a cell at their levels, the configuration ` +
        `${given.join(", ")}: ${remedy}`,
    );
  }
  const strides = levels.map(({ stride }) => stride);
  if (`${strides}` !== `${anchors.steps}`) {
    throw new OptionError(
      `the network's levels have strides ${strides.join(", ")}, the configuration's steps are ` +
        `${anchors.steps.join(", ")}: ${remedy}`,
    );
  }
}

import { OptionError } from "../errors.js";
import { DEFAULT_CONFIG, type DetectorConfig, type HeadSpec } from "../types.js";
import { boxHead, classHead } from "./heads.js";

/** Cascade regression (Deng et al. 2020): a second stage, relative to the boxes of a first; see `cascade-boxes.ts`. */

/** The scale of sizes that a network with a cascade is made for. */
export const CASCADE_SIZE_VARIANCE = DEFAULT_CONFIG.variances[1];

/** What the outputs of the first stage, and those of the second before they are joined with it, are called. */
export const FIRST = "first.";
export const SECOND = "second.";

/** The first stage's heads: whether there is anything, and its box. */
export function firstHeads(heads: readonly HeadSpec[]): HeadSpec[] {
  return [{ ...classHead(heads), width: 2 }, boxHead(heads)].map((head) => ({
    ...head,
    name: FIRST + head.name,
    module: `First${head.module}`,
  }));
}

/** @throws OptionError where sizes are scaled otherwise than a network with a cascade takes for granted */
export function checkCascade({ variances }: Pick<DetectorConfig, "variances">): void {
  if (variances[1] === CASCADE_SIZE_VARIANCE) return;
  throw new OptionError(
    `a network with a cascade has variances [centre, ${CASCADE_SIZE_VARIANCE}], not [${variances.join(", ")}]: ` +
      "give those of the configuration that it was trained with",
  );
}

/** Whether a head's numbers are relative to a box. */
export function isRelative({ meaning }: HeadSpec): boolean {
  return meaning === "box" || meaning === "points";
}

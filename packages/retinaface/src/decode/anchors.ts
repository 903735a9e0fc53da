import { OptionError } from "../errors.js";
import type { AnchorConfig } from "../types.js";

const isPositive = (value: number): boolean => Number.isFinite(value) && value > 0;

/** @throws OptionError for levels that do not match or sizes that are not positive. */
export function checkAnchors({ minSizes, steps, ratios = [1] }: AnchorConfig): void {
  if (minSizes.length === 0 || minSizes.length !== steps.length) {
    throw new OptionError(
      `anchors need as many steps as levels of minSizes, got ${steps.length} and ${minSizes.length}`,
    );
  }
  if (minSizes.some((sizes) => sizes.length === 0) || ratios.length === 0) {
    throw new OptionError("anchors need at least one size a level and one ratio");
  }
  if (![...minSizes.flat(), ...steps, ...ratios].every(isPositive)) {
    throw new OptionError("anchor sizes, steps and ratios must be positive and finite");
  }
}

function checkInput(height: number, width: number, config: AnchorConfig): void {
  if (!Number.isSafeInteger(height) || !Number.isSafeInteger(width) || height < 1 || width < 1) {
    throw new OptionError(
      `input size must be positive whole numbers, got height ${height}, width ${width}`,
    );
  }
  checkAnchors(config);
}

function countUnchecked(height: number, width: number, config: AnchorConfig): number {
  const ratios = config.ratios?.length ?? 1;
  let count = 0;
  for (const [level, step] of config.steps.entries()) {
    const cells = Math.ceil(height / step) * Math.ceil(width / step);
    count += cells * config.minSizes[level].length * ratios;
  }
  return count;
}

/** How many priors {@link priorBoxes} makes for an input of this size. */
export function anchorCount(height: number, width: number, config: AnchorConfig): number {
  checkInput(height, width, config);
  return countUnchecked(height, width, config);
}

/**
 * Anchors (prior boxes) of an input image: `ceil(height/step) × ceil(width/step)` cells for each
 * level, centred at `(j + 0.5) · step`.
 *
 * @returns `[N, 4]` of `cx, cy, w, h` as fractions of width and height; the order is level, row,
 * column, size, ratio.
 * @throws OptionError for sizes that are not positive or levels that do not match.
 */
export function priorBoxes(height: number, width: number, config: AnchorConfig): Float32Array {
  checkInput(height, width, config);
  const priors = new Float32Array(countUnchecked(height, width, config) * 4);
  const ratios = config.ratios ?? [1];
  const clip = config.clip ? (v: number) => Math.min(1, v) : (v: number) => v;
  let at = 0;
  for (const [level, step] of config.steps.entries()) {
    const shapes = config.minSizes[level].flatMap((size) =>
      ratios.map((ratio) => [
        clip((size * Math.sqrt(ratio)) / width),
        clip(size / Math.sqrt(ratio) / height),
      ]),
    );
    const rows = Math.ceil(height / step);
    const columns = Math.ceil(width / step);
    for (let row = 0; row < rows; row++) {
      const cy = clip(((row + 0.5) * step) / height);
      for (let column = 0; column < columns; column++) {
        const cx = clip(((column + 0.5) * step) / width);
        for (const [w, h] of shapes) {
          priors[at++] = cx;
          priors[at++] = cy;
          priors[at++] = w;
          priors[at++] = h;
        }
      }
    }
  }
  return priors;
}

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

/** One of the anchors of a cell. */
export interface AnchorShape {
  /** Side of the square of the same area, in input pixels. */
  readonly side: number;
  /** Width over height. */
  readonly ratio: number;
}

/** The anchors of a level's cells, in the order of the heads' channels. */
export function anchorShapes({ minSizes, ratios = [1], form }: AnchorConfig, level: number) {
  const sides = minSizes[level];
  const shape = (side: number, ratio: number): AnchorShape => ({ side, ratio });
  return form === "torchvision"
    ? ratios.flatMap((ratio) => sides.map((side) => shape(side, ratio)))
    : sides.flatMap((side) => ratios.map((ratio) => shape(side, ratio)));
}

/** Rounded to the even number where two are as near. */
function roundEven(value: number): number {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** Width and height of an anchor in input pixels. */
function sidesOf({ side, ratio }: AnchorShape, { form }: AnchorConfig): [number, number] {
  const sides: [number, number] = [side * Math.sqrt(ratio), side / Math.sqrt(ratio)];
  if (form !== "torchvision") return sides;
  return [2 * roundEven(sides[0] / 2), 2 * roundEven(sides[1] / 2)];
}

/** What the priors of a level have in common. */
interface PriorLevel {
  readonly step: number;
  readonly rows: number;
  readonly columns: number;
  /** Width and height of a cell's priors. */
  readonly shapes: readonly (readonly [width: number, height: number])[];
}

const clipper = ({ clip }: AnchorConfig) =>
  clip ? (v: number) => Math.min(1, v) : (v: number) => v;

/** Where in its cell a prior's centre is. */
const middleOf = ({ form }: AnchorConfig) => (form === "torchvision" ? 0 : 0.5);

function levelsOf(height: number, width: number, config: AnchorConfig): PriorLevel[] {
  const clip = clipper(config);
  return config.steps.map((step, level) => ({
    step,
    rows: Math.ceil(height / step),
    columns: Math.ceil(width / step),
    shapes: anchorShapes(config, level).map((shape) => {
      const [w, h] = sidesOf(shape, config);
      return [clip(w / width), clip(h / height)] as const;
    }),
  }));
}

/**
 * Anchors (prior boxes) of an input image: `ceil(height/step) × ceil(width/step)` cells for each
 * level, centred at `(j + 0.5) · step`, or as the configuration's form has them.
 *
 * @returns `[N, 4]` of `cx, cy, w, h` as fractions of width and height; the order is level, row,
 * column, size, ratio.
 * @throws OptionError for sizes that are not positive or levels that do not match.
 */
export function priorBoxes(height: number, width: number, config: AnchorConfig): Float32Array {
  checkInput(height, width, config);
  const priors = new Float32Array(countUnchecked(height, width, config) * 4);
  const clip = clipper(config);
  const middle = middleOf(config);
  let at = 0;
  for (const { step, rows, columns, shapes } of levelsOf(height, width, config)) {
    for (let row = 0; row < rows; row++) {
      const cy = clip(((row + middle) * step) / height);
      for (let column = 0; column < columns; column++) {
        const cx = clip(((column + middle) * step) / width);
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

/**
 * Some rows of {@link priorBoxes} without the others.
 * @param indices whole numbers below {@link anchorCount}
 * @throws OptionError as `priorBoxes`
 */
export function priorBoxesAt(
  height: number,
  width: number,
  config: AnchorConfig,
  indices: ArrayLike<number>,
): Float32Array {
  checkInput(height, width, config);
  const levels = levelsOf(height, width, config);
  const clip = clipper(config);
  const middle = middleOf(config);
  const priors = new Float32Array(indices.length * 4);
  for (let i = 0; i < indices.length; i++) {
    let rest = indices[i];
    let level = 0;
    for (; ; level++) {
      const { rows, columns, shapes } = levels[level];
      const count = rows * columns * shapes.length;
      if (rest < count) break;
      rest -= count;
    }
    const { step, columns, shapes } = levels[level];
    const cell = Math.floor(rest / shapes.length);
    const row = Math.floor(cell / columns);
    priors[i * 4] = clip(((cell - row * columns + middle) * step) / width);
    priors[i * 4 + 1] = clip(((row + middle) * step) / height);
    priors.set(shapes[rest - cell * shapes.length], i * 4 + 2);
  }
  return priors;
}

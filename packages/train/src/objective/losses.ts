import { add, mulScalar, type Tensor } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

/** Losses by their names, one element each, not yet multiplied by their weights. */
export type Losses = Readonly<Record<string, Tensor>>;

/** Losses by their names, and under `total` their weighted sum, which is what is minimised. */
export interface LossParts {
  readonly total: Tensor;
  readonly [loss: string]: Tensor;
}

/** Factors of losses by their names. A head with another loss needs one of that name. */
export interface LossWeights {
  readonly classes: number;
  readonly boxes: number;
  readonly landmarks: number;
  readonly [loss: string]: number;
}

/** What a step's figures have besides the losses: no loss can have one of these names. */
export const STEP_FIELDS = [
  "kind",
  "step",
  "learningRate",
  "total",
  "gradientNorm",
  "lossScale",
] as const;

/** @throws OptionError where a name is one of the other figures' */
export function checkLossName(name: string): void {
  if (!(STEP_FIELDS as readonly string[]).includes(name)) return;
  throw new OptionError(
    `a loss cannot be called "${name}", which names another figure of a step: give it another name`,
  );
}

/**
 * Losses with their weighted sum.
 * @throws OptionError for a loss without a weight
 */
export function weighLosses(losses: Losses, weights: Readonly<Record<string, number>>): LossParts {
  const terms = Object.entries(losses).map(([name, loss]) => {
    checkLossName(name);
    const weight = weights[name];
    if (weight !== undefined) return mulScalar(loss, weight);
    throw new OptionError(`the loss "${name}" has no weight: give one in loss.weights`);
  });
  return { total: terms.reduceRight((sum, term) => add(term, sum)), ...losses };
}

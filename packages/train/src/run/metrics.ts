import type { ValidationFigures } from "../report/report.js";
import type { Scalar } from "../report/tensorboard.js";
import { lossesOf } from "../trainer/loss-log.js";

/** A step's `StepLosses` as a line of `metrics.jsonl`. */
export interface StepMetric {
  readonly kind: "step";
  readonly step: number;
  readonly learningRate: number;
  readonly [figure: string]: number | string;
}

/** A validation's figures as a line of `metrics.jsonl`. */
export type ValidationMetric = { readonly kind: "validation" } & ValidationFigures;

/** A line of `metrics.jsonl`. */
export type Metric = StepMetric | ValidationMetric;

/** Figures under the names by which TensorBoard groups them. */
export function namedScalars(
  group: string,
  step: number,
  figures: Readonly<Record<string, number>>,
): Scalar[] {
  return Object.entries(figures).map(([name, value]) => ({ tag: `${group}/${name}`, step, value }));
}

/** Losses, learning rate and norm of a step's line. */
export function stepScalars(metric: StepMetric): Scalar[] {
  const { step, learningRate, gradientNorm } = metric;
  const training = { learningRate, ...(typeof gradientNorm === "number" && { gradientNorm }) };
  return [
    ...namedScalars("loss", step, lossesOf(metric)),
    ...namedScalars("training", step, training),
  ];
}

/** Precisions and losses of a validation's line. */
export function validationScalars({ step, ap50, ap, classAp50, losses = {} }: ValidationFigures) {
  const precisions = { ap50, ap, ...(classAp50 !== undefined && { classAp50 }) };
  return [
    ...namedScalars("validation", step, precisions),
    ...namedScalars("validation_loss", step, losses),
  ];
}

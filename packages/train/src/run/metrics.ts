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

/** A line of `metrics.jsonl`. */
export type Metric = StepMetric | ({ kind: "validation" } & ValidationFigures);

/** Figures of a line of metrics under the names by which TensorBoard groups them. */
export function scalarsOf(metric: Metric): Scalar[] {
  const { step } = metric;
  const named = (group: string, figures: Readonly<Record<string, number>>) =>
    Object.entries(figures).map(([name, value]) => ({ tag: `${group}/${name}`, step, value }));
  if (metric.kind === "validation") {
    const { ap50, ap, classAp50, losses = {} } = metric;
    const precisions: Record<string, number> = { ap50, ap };
    if (classAp50 !== undefined) precisions.classAp50 = classAp50;
    return [...named("validation", precisions), ...named("validation_loss", losses)];
  }
  const { learningRate, gradientNorm } = metric;
  const norm = typeof gradientNorm === "number" ? named("training", { gradientNorm }) : [];
  return [...named("loss", lossesOf(metric)), ...named("training", { learningRate }), ...norm];
}

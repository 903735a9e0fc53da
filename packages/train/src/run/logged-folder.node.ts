import { metricsCsv } from "../report/metrics-csv.js";
import type { Scalar } from "../report/tensorboard.js";
import { EventLog } from "./event-log.node.js";
import { type StepMetric, stepScalars } from "./metrics.js";
import { RunFolder } from "./run-folder.node.js";

/** A run's folder whose metrics go to TensorBoard and into `metrics.csv` too. */
export abstract class LoggedRunFolder<
  Extra,
  Validation extends { readonly kind: "validation"; readonly step: number },
> extends RunFolder<Extra, StepMetric | Validation> {
  /** Begun with the first metric; TensorBoard takes another file for what goes on from an earlier one. */
  #events: EventLog | undefined;

  /** What TensorBoard shows of a validation. */
  protected abstract validationScalars(metric: Validation): Scalar[];

  /** A validation follows the step whose number it bears. */
  protected override isBefore({ kind, step }: StepMetric | Validation, steps: number): boolean {
    return kind === "step" ? step < steps : step <= steps;
  }

  /** The metrics so far as `metrics.csv`. */
  writeCsv(): Promise<void> {
    return this.write("metrics.csv", metricsCsv(this.readMetrics()));
  }

  /** Writes metrics for TensorBoard too. */
  override appendMetrics(metrics: readonly (StepMetric | Validation)[]): void {
    if (metrics.length === 0) return;
    this.#events ??= this.#openEvents(metrics[0].step);
    super.appendMetrics(metrics);
    this.#events.append(metrics.flatMap((metric) => this.#scalarsOf(metric)));
  }

  override async rewindMetrics(steps: number): Promise<void> {
    await super.rewindMetrics(steps);
    this.#events = undefined;
  }

  #scalarsOf(metric: StepMetric | Validation): Scalar[] {
    return metric.kind === "step" ? stepScalars(metric) : this.validationScalars(metric);
  }

  /** TensorBoard forgets what bears the number of the first new step or a later one: also the validation before it. */
  #openEvents(step: number): EventLog {
    const log = new EventLog(this.folder, step);
    log.append(
      this.readMetrics()
        .filter((metric) => metric.step >= step)
        .flatMap((metric) => this.#scalarsOf(metric)),
    );
    return log;
  }
}

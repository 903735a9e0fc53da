import { printable } from "retinaface-webgpu/node";
import { formatProblem, type Problem } from "../data/record.js";
import type { RunListener } from "../run/train-run.node.js";
import { say } from "./console.js";
import { StepProgress } from "./step-progress.js";

/** Tells of a run, during validations too, and of each problem once. */
export class TrainProgress extends StepProgress implements RunListener {
  /** Texts of the problems told so far. */
  readonly problems = new Set<string>();
  #validation = "";

  protected override get suffix(): string {
    return this.#validation;
  }

  onValidating(done: number, images: number): void {
    this.show(`  validating: image ${done + 1} of ${images}`);
    if (done === 0 && !process.stderr.isTTY) say(`step ${this.step}: validating ${images} images`);
  }

  onValidation({ step, ap50, ap, classAp50 }: Parameters<RunListener["onValidation"]>[0]): void {
    this.#validation = `, AP ${ap50.toFixed(4)}`;
    const byClass = classAp50 === undefined ? "" : `; mean of the classes ${classAp50.toFixed(4)}`;
    const text = `AP ${ap50.toFixed(4)} at IoU 0.5, ${ap.toFixed(4)} over 0.5:0.95${byClass}`;
    this.onNotice(`step ${step}: ${text}`);
  }

  onProblem(problem: Problem): void {
    const text = printable(formatProblem(problem));
    if (!this.problems.has(text)) this.onNotice(text);
    this.problems.add(text);
  }
}

import { printable, startProgress } from "retinaface-webgpu/node";
import { formatProblem, type Problem } from "../data/record.js";
import type { RunListener } from "../run/train-run.node.js";
import { say } from "./console.js";
import { formatLosses } from "./run-command.js";
import { timeLeft } from "./time-left.js";

/** Milliseconds between two lines where there is no terminal. */
const TELL_EVERY = 10_000;

/** Tells of a run by a progress bar on a terminal, from its start and during validations; else by a line now and then. */
export class TrainProgress implements RunListener {
  /** Texts of the problems told so far. */
  readonly problems = new Set<string>();
  readonly #total: number;
  readonly #left: (done: number) => string;
  readonly #bar: ReturnType<typeof startProgress>;
  #step: number;
  #label = "getting ready";
  #validation = "";
  #spoken = Number.NEGATIVE_INFINITY;

  /** @param step done before, of so many */
  constructor(step: number, totalSteps: number) {
    this.#step = step;
    this.#total = totalSteps;
    this.#left = timeLeft(totalSteps);
    const streams = { stdout: process.stdout, stderr: process.stderr };
    this.#bar = startProgress(streams, totalSteps, "{bar} {value}/{total} steps{label}");
    this.#show();
  }

  onLosses(...[losses, rate]: Parameters<RunListener["onLosses"]>): void {
    const last = losses.at(-1);
    if (!last) return;
    this.#step = last.step + 1;
    this.#label = formatLosses(losses, rate) + this.#validation;
    this.#show();
    if (process.stderr.isTTY || performance.now() - this.#spoken < TELL_EVERY) return;
    this.#spoken = performance.now();
    say(`step ${this.#step}/${this.#total}: ${this.#label}`);
  }

  onValidating(done: number, images: number): void {
    this.#bar.update(this.#step, `  validating: image ${done + 1} of ${images}`);
    if (done === 0 && !process.stderr.isTTY) say(`step ${this.#step}: validating ${images} images`);
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

  onNotice(text: string): void {
    this.#bar.clear();
    say(text);
    this.#show();
  }

  stop(): void {
    this.#bar.stop();
  }

  #show(): void {
    this.#bar.update(this.#step, `${this.#left(this.#step)}  ${this.#label}`);
  }
}

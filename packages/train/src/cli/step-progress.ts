import { startProgress } from "retinaface-webgpu/node";
import type { StepLosses } from "../trainer/loss-log.js";
import { say } from "./console.js";
import { formatLosses } from "./run-command.js";
import { timeLeft } from "./time-left.js";

/** Milliseconds between two lines where there is no terminal. */
const TELL_EVERY = 10_000;

/** Tells of a run's steps by a progress bar on a terminal, from its start; else by a line now and then. */
export class StepProgress {
  readonly #total: number;
  readonly #left: (done: number) => string;
  readonly #bar: ReturnType<typeof startProgress>;
  #step: number;
  #label = "getting ready";
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

  /** Steps done so far. */
  protected get step(): number {
    return this.#step;
  }

  /** What is said behind the losses. */
  protected get suffix(): string {
    return "";
  }

  onLosses(losses: readonly StepLosses[], imagesPerSecond: number): void {
    const last = losses.at(-1);
    if (!last) return;
    this.#step = last.step + 1;
    this.#label = formatLosses(losses, imagesPerSecond) + this.suffix;
    this.#show();
    if (process.stderr.isTTY || performance.now() - this.#spoken < TELL_EVERY) return;
    this.#spoken = performance.now();
    say(`step ${this.#step}/${this.#total}: ${this.#label}`);
  }

  onNotice(text: string): void {
    this.#bar.clear();
    say(text);
    this.#show();
  }

  stop(): void {
    this.#bar.stop();
  }

  /** Shows something else beside the bar, until the next losses. */
  protected show(text: string): void {
    this.#bar.update(this.#step, text);
  }

  #show(): void {
    this.show(`${this.#left(this.#step)}  ${this.#label}`);
  }
}

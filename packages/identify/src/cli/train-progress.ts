import { formatLosses, say, timeLeft } from "@retinaface-webgpu/train/node";
import { startProgress } from "retinaface-webgpu/node";
import type { EmbedderRunListener } from "../training/run.node.js";

/** Milliseconds between two lines where there is no terminal. */
const TELL_EVERY = 10_000;

/** Tells of a run by a progress bar on a terminal, else by a line now and then. */
export class TrainProgress implements EmbedderRunListener {
  readonly #total: number;
  readonly #left: (done: number) => string;
  readonly #bar: ReturnType<typeof startProgress>;
  #step: number;
  #label = "getting ready";
  #spoken = Number.NEGATIVE_INFINITY;

  /** @param step done before, of so many */
  constructor(step: number, total: number) {
    this.#step = step;
    this.#total = total;
    this.#left = timeLeft(total);
    const streams = { stdout: process.stdout, stderr: process.stderr };
    this.#bar = startProgress(streams, total, "{bar} {value}/{total} steps{label}");
    this.#show();
  }

  onLosses(...[losses, rate]: Parameters<EmbedderRunListener["onLosses"]>): void {
    const last = losses.at(-1);
    if (!last) return;
    this.#step = last.step + 1;
    this.#label = formatLosses(losses, rate);
    this.#show();
    if (process.stderr.isTTY || performance.now() - this.#spoken < TELL_EVERY) return;
    this.#spoken = performance.now();
    say(`step ${this.#step}/${this.#total}: ${this.#label}`);
  }

  onValidation({ step, seen, unseen }: Parameters<EmbedderRunListener["onValidation"]>[0]): void {
    const of = ({ rank1, queries, identities }: typeof seen) =>
      `${rank1.toFixed(4)} (${queries} pictures, ${identities} enrolled)`;
    const others = unseen ? `, of those kept back ${of(unseen)}` : "";
    this.onNotice(`step ${step}: rank 1 ${of(seen)}${others}`);
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

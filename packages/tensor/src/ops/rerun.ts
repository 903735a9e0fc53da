/**
 * What is the same where a function runs twice, as `checkpoint` has it: numbers that the host draws, such as dropout's, and
 * the operations that are called. What a run leaves behind, running statistics and counts, the second one leaves alone.
 */
import { TensorError } from "../core/errors.js";
import type { TensorInfo } from "../core/tensor.js";
import type { OpSpec } from "./spec.js";

/** Two runs of one function. */
export class Rerun {
  readonly #drawn: object[] = [];
  readonly #calls: string[] = [];
  #again = false;
  #draws = 0;
  #called = 0;

  /** Runs `fn` for the first time. */
  first<R>(fn: () => R): R {
    return within(this, fn);
  }

  /** Runs it again. @throws TensorError `CHECKPOINT` where it calls other operations than before */
  again<R>(fn: () => R): R {
    [this.#again, this.#draws, this.#called] = [true, 0, 0];
    const result = within(this, fn);
    if (this.#called < this.#calls.length) differs(this.#calls[this.#called], "nothing");
    return result;
  }

  get isAgain(): boolean {
    return this.#again;
  }

  /** What was drawn at this place in the first run. */
  next(): object {
    return this.#drawn[this.#draws++] ?? differs("nothing", "a drawn number");
  }

  note(value: object): void {
    this.#drawn.push(value);
  }

  call(text: string): void {
    if (!this.#again) {
      this.#calls.push(text);
      return;
    }
    const before = this.#calls[this.#called++];
    if (before !== text) differs(before ?? "nothing", text);
  }

  /**
   * Notes an operation, for all that run; says whether it is to be left out, as it would write a second time what a first
   * run wrote.
   * @throws TensorError `CHECKPOINT` where it cannot be left out
   */
  leavesOut<A>(spec: OpSpec<A>, inputs: number, outputs: readonly TensorInfo[], attrs: A): boolean {
    const updates = (spec.updates ?? []).length > 0;
    if (!updates || outputs.length > 0) {
      const what = updates ? "" : ` ${JSON.stringify(attrs)}`;
      const shapes = outputs.map(({ shape, dtype }) => `[${shape}] ${dtype}`).join();
      for (const rerun of running) rerun.call(`${spec.name} of ${shapes}${what}`);
    }
    if (!isRerun() || !spec.updates?.some((k) => k < inputs)) return false;
    if (outputs.length === 0) return true;
    throw new TensorError(
      "CHECKPOINT",
      `checkpoint(): ${spec.name} writes what it is given, and would do so twice. Call it outside of checkpoint().`,
    );
  }
}

const running: Rerun[] = [];

function within<R>(rerun: Rerun, fn: () => R): R {
  running.push(rerun);
  try {
    return fn();
  } finally {
    running.splice(running.indexOf(rerun), 1);
  }
}

function differs(before: string, now: string): never {
  throw new TensorError(
    "CHECKPOINT",
    `checkpoint(): its function called ${now} in the backward pass where it called ${before} in the forward pass, so ` +
      "that the gradient would be another's. It must do the same both times: depend on nothing that changes in between.",
  );
}

/** One of those that run, if any: their code is there where they are. */
export function runningRerun(): Rerun | undefined {
  return running[0];
}

/** Whether what runs has run before and is to leave nothing behind. */
export function isRerun(): boolean {
  return running.some(({ isAgain }) => isAgain);
}

/** What `make` gives; where a function runs again, what it gave then. */
export function drawn<T extends object>(make: () => T): T {
  const again = running.find(({ isAgain }) => isAgain);
  const value = again ? (again.next() as T) : make();
  for (const rerun of running) if (rerun !== again && !rerun.isAgain) rerun.note(value);
  return value;
}

import { requireOptions } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { dropout } from "../ops/dropout.js";
import { eachRunDraws } from "../ops/trace.js";
import { Module } from "./module.js";

/** Options of `Dropout`. */
export interface DropoutOptions {
  /** Modules of one seed drop the same elements of tensors of one size; by default each has another. */
  readonly seed?: number | undefined;
}

let modules = 0;

/**
 * In training, sets elements to 0 with probability p and divides the others by 1 − p (Srivastava et al. 2014); after
 * `eval()`, nothing. The mask is another at every call and at every run of a plan or a compiled step, and reproducible: it follows
 * from the seed and how many calls there were.
 */
export class Dropout extends Module {
  readonly p: number;
  readonly seed: number;
  /** Calls so far. Set it to continue a run. */
  calls = 0;

  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    requireOptions("Dropout", options, ["seed"]);
    if (!(p >= 0 && p <= 1)) {
      throw new TensorError("ARGUMENT", `Dropout takes a probability from 0 to 1, not ${p}.`);
    }
    this.p = p;
    this.seed = options.seed ?? modules++;
  }

  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    const call = eachRunDraws(() => this.calls++);
    return dropout(x, {
      keep: 1 - this.p,
      seed: this.seed,
      get call() {
        return call.value;
      },
    });
  }
}

import { requireIntegers } from "../core/arguments.js";
import type { Tensor } from "../core/tensor.js";
import { gather } from "../ops/gather/forward.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** A table of vectors: indices […] (i32) → […, dimensions]. An index outside the table gives zeros. */
export class Embedding extends Module {
  readonly weight: Parameter;

  /** The vectors start normally distributed, as PyTorch's. */
  constructor(init: Init, count: number, dimensions: number) {
    super();
    requireIntegers("Embedding's sizes", [count, dimensions], 1);
    this.weight = init.normal([count, dimensions]);
  }

  override forward(indices: Tensor): Tensor {
    return gather(this.weight, indices);
  }
}

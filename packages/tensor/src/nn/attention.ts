import { requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import { showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { type AttentionOptions, scaledDotProductAttention } from "../ops/attention.js";
import { add } from "../ops/binary/forward.js";
import { matmul } from "../ops/matmul/forward.js";
import { narrow, permute, reshape } from "../ops/movement/forward.js";
import type { Init } from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/**
 * Attention of several heads side by side (Vaswani et al. 2017), batch first: [N, queries, dimensions]. Names and layouts
 * of the weights are PyTorch's, whose `in_proj_weight` holds those of queries, keys and values; they start as `Linear`'s.
 */
export class MultiheadAttention extends Module {
  readonly in_proj_weight: Parameter;
  readonly in_proj_bias: Parameter | undefined;
  readonly out_proj: Linear;
  readonly heads: number;

  constructor(init: Init, dimensions: number, heads: number, options: { bias?: boolean } = {}) {
    super();
    requireOptions("MultiheadAttention", options, ["bias"]);
    requireIntegers("MultiheadAttention's sizes", [dimensions, heads], 1);
    if (dimensions % heads !== 0) {
      throw new ShapeError(
        `MultiheadAttention: ${dimensions} dimensions do not divide into ${heads} heads`,
      );
    }
    this.heads = heads;
    this.in_proj_weight = init.uniformByFanIn([3 * dimensions, dimensions], dimensions);
    const bias = options.bias ?? true;
    this.in_proj_bias = bias ? init.constant([3 * dimensions], 0) : undefined;
    this.out_proj = new Linear(init, dimensions, dimensions, { bias });
  }

  /** Of a sequence to itself, or with keys and values from elsewhere. */
  override forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: AttentionOptions = {},
  ): Tensor {
    const dimensions = this.out_proj.weight.shape[0];
    const [q, k, v] = [query, key, value].map((x, part) => {
      if (x.rank === 3 && x.shape[2] === dimensions) return this.#project(x, part);
      throw new ShapeError(
        `MultiheadAttention takes [N, length, ${dimensions}], not ${showShape(x.shape)}`,
      );
    });
    const y = permute(scaledDotProductAttention(q, k, v, options), [0, 2, 1, 3]);
    return this.out_proj.forward(reshape(y, [query.shape[0], -1, dimensions]));
  }

  /** [N, length, dimensions] to the heads' queries, keys or values: [N, heads, length, dimensions / heads]. */
  #project(x: Tensor, part: number): Tensor {
    const [batch, length, dimensions] = x.shape;
    const weight = narrow(this.in_proj_weight, 0, part * dimensions, dimensions);
    const y = matmul(reshape(x, [-1, dimensions]), weight, { transposeB: true });
    const bias = this.in_proj_bias && narrow(this.in_proj_bias, 0, part * dimensions, dimensions);
    const shifted = bias ? add(y, bias) : y;
    const perHead = dimensions / this.heads;
    return permute(reshape(shifted, [batch, length, this.heads, perHead]), [0, 2, 1, 3]);
  }
}

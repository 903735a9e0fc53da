import { requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import { showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { add } from "../ops/binary/forward.js";
import { matmul } from "../ops/matmul/forward.js";
import { flatten, reshape } from "../ops/movement/forward.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** x · weightᵀ + bias over the last axis: `[…, inFeatures]` → `[…, outFeatures]`. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(
    init: Init,
    inFeatures: number,
    outFeatures: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    requireOptions("Linear", options, ["bias"]);
    requireIntegers("Linear's features", [inFeatures, outFeatures], 1);
    this.weight = init.uniformByFanIn([outFeatures, inFeatures], inFeatures);
    this.bias = options.bias === false ? undefined : init.uniformByFanIn([outFeatures], inFeatures);
  }

  override forward(x: Tensor): Tensor {
    const [outFeatures, inFeatures] = this.weight.shape;
    if (x.rank === 0 || x.shape[x.rank - 1] !== inFeatures) {
      throw new ShapeError(
        `Linear takes […, ${inFeatures}], not ${showShape(x.shape)}: reshape it first (nn.Flatten)`,
      );
    }
    const rows = reshape(x, [-1, inFeatures]);
    const y = matmul(rows, this.weight, { transposeB: true });
    const shaped = reshape(y, [...x.shape.slice(0, -1), outFeatures]);
    return this.bias ? add(shaped, this.bias) : shaped;
  }
}

/** Joins all axes from `startAxis` (default 1) on. NHWC flattens as h, w, c, where PyTorch has c, h, w. */
export class Flatten extends Module {
  readonly startAxis: number;

  constructor(startAxis = 1) {
    super();
    this.startAxis = startAxis;
  }

  override forward(x: Tensor): Tensor {
    return flatten(x, this.startAxis);
  }
}

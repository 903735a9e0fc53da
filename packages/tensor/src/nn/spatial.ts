import type { Tensor } from "../core/tensor.js";
import {
  type AvgPoolOptions,
  avgPool,
  globalAvgPool,
  maxPool,
  type PoolOptions,
} from "../ops/pool/forward.js";
import { type ResizeOptions, resizeNearest } from "../ops/resize/forward.js";
import { Module } from "./module.js";

/** Largest value of each window of an NHWC tensor. */
export class MaxPool2d extends Module {
  readonly options: Readonly<PoolOptions>;

  constructor(options: PoolOptions) {
    super();
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return maxPool(x, this.options);
  }
}

/** Mean of each window of an NHWC tensor. */
export class AvgPool2d extends Module {
  readonly options: Readonly<AvgPoolOptions>;

  constructor(options: AvgPoolOptions) {
    super();
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return avgPool(x, this.options);
  }
}

/** Mean over all pixels: `[n, h, w, c]` → `[n, 1, 1, c]`. */
export class GlobalAvgPool2d extends Module {
  override forward(x: Tensor): Tensor {
    return globalAvgPool(x);
  }
}

/** Nearest-neighbour resize to a size or by a scale. */
export class Upsample extends Module {
  readonly options: Readonly<ResizeOptions>;

  constructor(options: ResizeOptions) {
    super();
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return resizeNearest(x, this.options);
  }
}

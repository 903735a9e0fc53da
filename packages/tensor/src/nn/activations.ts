import type { Tensor } from "../core/tensor.js";
import { prelu } from "../ops/binary/forward.js";
import { softmax } from "../ops/softmax/forward.js";
import { type GeluOptions, gelu, sigmoid, tanh } from "../ops/unary/forward.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** x where positive, else weight · x with a learnt slope a channel, or one for all (He et al. 2015). */
export class PReLU extends Module {
  readonly weight: Parameter;

  /** @param channels 1 shares one slope */
  constructor(init: Init, channels = 1, slope = 0.25) {
    super();
    this.weight = init.constant([channels], slope);
  }

  override forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }
}

/** 1 / (1 + exp(−x)). */
export class Sigmoid extends Module {
  override forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  override forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** Probabilities over the last axis. */
export class Softmax extends Module {
  override forward(x: Tensor): Tensor {
    return softmax(x);
  }
}

/** x · Φ(x) (Hendrycks and Gimpel 2016). */
export class GELU extends Module {
  readonly options: Readonly<GeluOptions>;

  constructor(options: GeluOptions = {}) {
    super();
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return gelu(x, this.options);
  }
}

import { requireOptions } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import type { Parameter } from "../nn/parameter.js";
import {
  type FlatUpdate,
  type GroupInit,
  type GroupOptions,
  Optimizer,
  type ParameterGroup,
  requireOption,
} from "./optimizer.js";
import { sgdUpdateOp } from "./updates.js";

/** Options of `SGD`, as PyTorch's. */
export interface SgdOptions extends GroupOptions {
  momentum: number;
  /** Looks ahead by one step of the momentum (Nesterov 1983); needs momentum. */
  nesterov: boolean;
}

/**
 * Stochastic gradient descent with PyTorch's momentum: v ← momentum·v + g, w ← w − lr·v, where g holds
 * weightDecay·w too.
 */
export class SGD extends Optimizer<SgdOptions> {
  /** `lr` is required; momentum, weight decay and Nesterov are off by default. */
  constructor(
    parameters: Iterable<Parameter> | readonly GroupInit<SgdOptions>[],
    options: Partial<SgdOptions> & { lr: number },
  ) {
    super(parameters, { momentum: 0, nesterov: false, weightDecay: 0, ...options });
    requireOptions("SGD", options, ["lr", "momentum", "nesterov", "weightDecay"]);
    for (const { momentum, nesterov } of this.groups) {
      requireOption("momentum", momentum, momentum >= 0, "0 or more");
      if (nesterov && momentum === 0) {
        throw new TensorError(
          "OPTIMIZER",
          "Nesterov needs a momentum above 0: give { momentum: 0.9 }, or leave nesterov out.",
        );
      }
    }
  }

  protected override bufferNames({ momentum }: ParameterGroup<SgdOptions>): readonly string[] {
    return momentum === 0 ? [] : ["velocity"];
  }

  protected override update(
    { parameters, gradients, buffers }: FlatUpdate,
    group: ParameterGroup<SgdOptions>,
  ): void {
    sgdUpdateOp([gradients, parameters, ...Object.values(buffers)], {
      get learningRate() {
        return group.lr;
      },
      get momentum() {
        return group.momentum;
      },
      get nesterov() {
        return group.nesterov;
      },
      get weightDecay() {
        return group.weightDecay;
      },
    });
  }
}

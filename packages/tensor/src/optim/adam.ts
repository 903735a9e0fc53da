import { requireOptions } from "../core/arguments.js";
import type { Parameter } from "../nn/parameter.js";
import {
  type FlatUpdate,
  type GroupInit,
  type GroupOptions,
  Optimizer,
  type ParameterGroup,
  requireOption,
} from "./optimizer.js";
import { adamUpdateOp } from "./updates.js";

/** Options of `Adam` and `AdamW`, as PyTorch's. */
export interface AdamOptions extends GroupOptions {
  /** Decay of the running means of the gradient and of its square. */
  betas: readonly [number, number];
  eps: number;
}

/** Adam (Kingma and Ba 2015); weight decay is an L2 penalty, part of the gradient. */
export class Adam extends Optimizer<AdamOptions> {
  /** Weight decay acts on the weights instead of through the gradient. */
  protected readonly decoupled: boolean = false;

  /** PyTorch's defaults: lr 0.001, betas 0.9 and 0.999, eps 1e-8, no weight decay. */
  constructor(
    parameters: Iterable<Parameter> | readonly GroupInit<AdamOptions>[],
    options: Partial<AdamOptions> = {},
  ) {
    super(parameters, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, ...options });
    requireOptions("Adam", options, ["lr", "betas", "eps", "weightDecay"]);
    for (const { betas, eps } of this.groups) {
      for (const beta of betas) requireOption("betas", beta, beta >= 0 && beta < 1, "in 0..1");
      requireOption("eps", eps, eps >= 0, "0 or more");
    }
  }

  protected override bufferNames(): readonly string[] {
    return ["first", "second"];
  }

  protected override update(
    { parameters, gradients, buffers, progress }: FlatUpdate,
    group: ParameterGroup<AdamOptions>,
  ): void {
    const { decoupled } = this;
    const { first, second } = buffers;
    adamUpdateOp([gradients, parameters, first, second], {
      decoupled,
      get learningRate() {
        return group.lr;
      },
      get beta1() {
        return group.betas[0];
      },
      get beta2() {
        return group.betas[1];
      },
      get eps() {
        return group.eps;
      },
      get weightDecay() {
        return group.weightDecay;
      },
      get step() {
        return progress.step;
      },
    });
  }
}

/** AdamW (Loshchilov and Hutter 2019): Adam whose weight decay shrinks the weights themselves. */
export class AdamW extends Adam {
  protected override readonly decoupled = true;

  /** PyTorch's defaults: as `Adam`, weight decay 0.01. */
  constructor(
    parameters: Iterable<Parameter> | readonly GroupInit<AdamOptions>[],
    options: Partial<AdamOptions> = {},
  ) {
    super(parameters, { weightDecay: 0.01, ...options });
  }
}

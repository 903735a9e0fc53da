import { describe, requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError, TensorError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import {
  type BatchNormLayer,
  batchNormLayer,
  batchNormLeakyRelu,
} from "../ops/batchnorm/forward.js";
import { conv2d } from "../ops/conv2d/forward.js";
import { eachRun } from "../ops/trace.js";
import { leakyRelu, relu } from "../ops/unary/forward.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** A number for both axes, or `[height, width]`. */
export type Pair = number | readonly [number, number];

export function pair(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

/** Options of `Conv2d`, as PyTorch's. */
export interface Conv2dOptions {
  kernelSize: Pair;
  stride?: Pair | undefined;
  /** Zeros on each side, or `[top, bottom, left, right]`. */
  padding?: Pair | readonly [number, number, number, number] | undefined;
  dilation?: Pair | undefined;
  groups?: number | undefined;
  bias?: boolean | undefined;
}

const CONV_OPTIONS = ["kernelSize", "stride", "padding", "dilation", "groups", "bias"];

/**
 * Weight (OIHW) and bias of a convolution.
 * @throws TensorError `ARGUMENT` for an unknown option or no size, ShapeError where the groups do not divide the channels
 */
export function convParameters(
  name: string,
  init: Init,
  [inChannels, outChannels]: readonly [number, number],
  options: Conv2dOptions,
): { readonly weight: Parameter; readonly bias: Parameter | undefined } {
  requireOptions(name, options, CONV_OPTIONS);
  const { groups = 1 } = options;
  const [kh, kw] = pair(options.kernelSize);
  const sizes = [inChannels, outChannels, kh, kw, groups];
  requireIntegers(`${name}'s channels, kernelSize and groups`, sizes, 1);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ShapeError(
      `${name}: ${inChannels} channels in and ${outChannels} out do not divide into ${groups} groups`,
    );
  }
  const perGroup = inChannels / groups;
  const fanIn = perGroup * kh * kw;
  return {
    weight: init.uniformByFanIn([outChannels, perGroup, kh, kw], fanIn),
    bias: options.bias === false ? undefined : init.uniformByFanIn([outChannels], fanIn),
  };
}

/** 2-D convolution: NHWC `[n, h, w, inChannels]` → `[n, h', w', outChannels]`; the weight is OIHW. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly options: Readonly<Conv2dOptions>;

  constructor(init: Init, inChannels: number, outChannels: number, options: Conv2dOptions) {
    super();
    const { weight, bias } = convParameters("Conv2d", init, [inChannels, outChannels], options);
    this.options = options;
    this.weight = weight;
    this.bias = bias;
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this.options;
    return conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}

/** Options of `BatchNorm2d`, as PyTorch's. */
export interface BatchNormOptions {
  eps?: number | undefined;
  momentum?: number | undefined;
}

/**
 * Batch normalisation over the last axis (Ioffe and Szegedy 2015). In training mode it uses the
 * batch's biased variance and updates running statistics with the unbiased one, as PyTorch.
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
  numBatchesTracked = 0;
  readonly eps: number;
  readonly momentum: number;

  constructor(init: Init, channels: number, options: BatchNormOptions = {}) {
    super();
    requireOptions("BatchNorm2d", options, ["eps", "momentum"]);
    this.eps = options.eps ?? 1e-5;
    this.momentum = options.momentum ?? 0.1;
    this.weight = init.constant([channels], 1);
    this.bias = init.constant([channels], 0);
    this.running_mean = init.buffer([channels], 0);
    this.running_var = init.buffer([channels], 1);
  }

  override forward(x: Tensor): Tensor {
    return batchNormLayer(x, this.#layer());
  }

  /** `forward` and a leaky ReLU of this slope in one. */
  forwardActivated(x: Tensor, slope: number): Tensor {
    return batchNormLeakyRelu(x, this.#layer(), slope);
  }

  #layer(): BatchNormLayer {
    if (this.training) eachRun(() => this.numBatchesTracked++);
    const { weight: gamma, bias: beta, eps, momentum, training } = this;
    const { running_mean: runningMean, running_var: runningVariance } = this;
    return { gamma, beta, runningMean, runningVariance, eps, momentum, training };
  }
}

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** x where positive, else slope·x. */
export class LeakyReLU extends Module {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }

  override forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }
}

/** A module of one tensor to one tensor. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** Whether a layer runs this class's own forward pass: no subclass's, nor one of its own. */
function runs<T extends Layer>(layer: Layer | undefined, type: new (...args: never[]) => T) {
  return layer?.forward === type.prototype.forward;
}

/** The slope of an activation that batch norm's kernels can do too. */
function fusibleSlope(layer: Layer | undefined): number | undefined {
  if (runs(layer, ReLU)) return 0;
  if (!runs(layer, LeakyReLU)) return undefined;
  const { slope } = layer as LeakyReLU;
  return slope >= 0 ? slope : undefined;
}

/** Modules one after the other, named by their position. */
export class Sequential extends Module {
  readonly [index: number]: Layer;
  readonly length: number;

  constructor(...layers: Layer[]) {
    super();
    for (const [i, layer] of layers.entries()) {
      if (typeof layer?.forward !== "function") {
        throw new TensorError(
          "ARGUMENT",
          `Sequential takes layers one by one, not ${describe(layer)} as layer ${i}.`,
        );
      }
      (this as { [i: number]: Layer })[i] = layer;
    }
    this.length = layers.length;
  }

  override forward(x: Tensor): Tensor {
    for (let i = 0; i < this.length; i++) {
      const layer = this[i];
      const slope = runs(layer, BatchNorm2d) ? fusibleSlope(this[i + 1]) : undefined;
      if (slope === undefined) x = layer.forward(x);
      else {
        x = (layer as BatchNorm2d).forwardActivated(x, slope);
        i++;
      }
    }
    return x;
  }
}

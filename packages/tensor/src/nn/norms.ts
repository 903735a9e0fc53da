import { requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import { sameShape, showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { groupNorm, layerNorm } from "../ops/statistics.js";
import type { Init } from "./init.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** Options of `LayerNorm` and `GroupNorm`. */
export interface NormLayerOptions {
  /** 1e-5 by default. */
  readonly eps?: number | undefined;
  /** Whether scale and shift are learnt; true by default. */
  readonly affine?: boolean | undefined;
}

/** Normalisation of each sample over the last axes (Ba et al. 2016). */
export class LayerNorm extends Module {
  readonly shape: readonly number[];
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly eps: number;

  /** @param shape extents of the axes that are normalised over; a number for the last axis alone */
  constructor(init: Init, shape: number | readonly number[], options: NormLayerOptions = {}) {
    super();
    requireOptions("LayerNorm", options, ["eps", "affine"]);
    this.shape = typeof shape === "number" ? [shape] : [...shape];
    requireIntegers("LayerNorm's extents", this.shape, 1);
    this.eps = options.eps ?? 1e-5;
    if (options.affine === false) return;
    this.weight = init.constant(this.shape, 1);
    this.bias = init.constant(this.shape, 0);
  }

  override forward(x: Tensor): Tensor {
    const axes = this.shape.length;
    if (!sameShape(x.shape.slice(-axes), this.shape)) {
      throw new ShapeError(`LayerNorm of ${showShape(this.shape)} takes no ${showShape(x.shape)}`);
    }
    return layerNorm(x, { weight: this.weight, bias: this.bias }, this.eps, axes);
  }
}

/** Normalisation of groups of channels of each sample [N, …, C] (Wu and He 2018). */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly eps: number;

  constructor(init: Init, groups: number, channels: number, options: NormLayerOptions = {}) {
    super();
    requireOptions("GroupNorm", options, ["eps", "affine"]);
    requireIntegers("GroupNorm's groups and channels", [groups, channels], 1);
    if (channels % groups !== 0) {
      throw new ShapeError(`GroupNorm: ${channels} channels do not divide into ${groups} groups`);
    }
    this.groups = groups;
    this.eps = options.eps ?? 1e-5;
    if (options.affine === false) return;
    this.weight = init.constant([channels], 1);
    this.bias = init.constant([channels], 0);
  }

  override forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, { weight: this.weight, bias: this.bias }, this.eps);
  }
}

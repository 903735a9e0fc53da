import type { Tensor } from "../core/tensor.js";
import { deformConv2d } from "../ops/deform/forward.js";
import type { Init } from "./init.js";
import { type Conv2dOptions, convParameters } from "./layers.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/**
 * Deformable convolution with offsets and, where they are given, masks from elsewhere: torchvision's `DeformConv2d`.
 * Parameters and options are `Conv2d`'s, shapes those of `deformConv2d`.
 */
export class DeformConv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly options: Readonly<Conv2dOptions>;

  constructor(init: Init, inChannels: number, outChannels: number, options: Conv2dOptions) {
    super();
    const channels = [inChannels, outChannels] as const;
    const { weight, bias } = convParameters("DeformConv2d", init, channels, options);
    this.options = options;
    this.weight = weight;
    this.bias = bias;
  }

  /** @param offset `[n, h', w', 2 · groups · kh · kw]` @param mask `[n, h', w', groups · kh · kw]` */
  override forward(x: Tensor, offset: Tensor, mask?: Tensor): Tensor {
    const { stride, padding, dilation, groups } = this.options;
    const options = { stride, padding, dilation, groups };
    return deformConv2d(x, offset, this.weight, this.bias, mask, options);
  }
}

import { requireIntegers, requireOptions } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { convTranspose2d } from "../ops/conv2d/transposed.js";
import type { Init } from "./init.js";
import { type Conv2dOptions, type Pair, pair } from "./layers.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** Options of `ConvTranspose2d`, as PyTorch's. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added at the bottom and right. */
  outputPadding?: Pair | undefined;
}

const OPTIONS = ["kernelSize", "stride", "padding", "outputPadding", "dilation", "groups", "bias"];

/** Transposed 2-D convolution: NHWC `[n, h, w, inChannels]` → `[n, h', w', outChannels]`; the weight is IOHW. */
export class ConvTranspose2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly options: Readonly<ConvTranspose2dOptions>;

  constructor(
    init: Init,
    inChannels: number,
    outChannels: number,
    options: ConvTranspose2dOptions,
  ) {
    super();
    requireOptions("ConvTranspose2d", options, OPTIONS);
    const { groups = 1 } = options;
    const [kh, kw] = pair(options.kernelSize);
    const sizes = [inChannels, outChannels, kh, kw, groups];
    requireIntegers("ConvTranspose2d's channels, kernelSize and groups", sizes, 1);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ShapeError(
        `ConvTranspose2d: ${inChannels} channels in and ${outChannels} out do not divide into ${groups} groups`,
      );
    }
    this.options = options;
    const perGroup = outChannels / groups;
    const fanIn = perGroup * kh * kw;
    this.weight = init.uniformByFanIn([inChannels, perGroup, kh, kw], fanIn);
    this.bias = options.bias === false ? undefined : init.uniformByFanIn([outChannels], fanIn);
  }

  override forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this.options;
    const params = { stride, padding, outputPadding, dilation, groups };
    return convTranspose2d(x, this.weight, this.bias, params);
  }
}

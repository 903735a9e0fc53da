import type { Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/** A convolution that stands where `Conv2d` does. */
export type ConvolutionClass = new (
  init: nn.Init,
  inChannels: number,
  outChannels: number,
  options: nn.Conv2dOptions & { readonly kernelSize: number },
) => nn.Module & { forward(x: Tensor): Tensor };

/** Options of `convBn`. */
export interface ConvBnOptions {
  kernelSize?: 1 | 3 | undefined;
  stride?: number | undefined;
  /** Slope of the leaky ReLU that follows; 0 by default. */
  leaky?: number | undefined;
  /** Default `Conv2d`. */
  convolution?: ConvolutionClass | undefined;
}

/** Convolution without bias, batch norm and leaky ReLU; 3×3 is padded by 1. */
export function convBn(
  init: nn.Init,
  inChannels: number,
  outChannels: number,
  options: ConvBnOptions = {},
): nn.Sequential {
  const { kernelSize = 3, stride = 1, leaky = 0, convolution: Conv = nn.Conv2d } = options;
  const padding = kernelSize === 3 ? 1 : 0;
  return new nn.Sequential(
    new Conv(init, inChannels, outChannels, { kernelSize, stride, padding, bias: false }),
    new nn.BatchNorm2d(init, outChannels),
    new nn.LeakyReLU(leaky),
  );
}

/** Depthwise 3×3 and pointwise 1×1 convolution, each with batch norm and leaky ReLU (MobileNet, Howard et al. 2017). */
export function convDw(
  init: nn.Init,
  inChannels: number,
  outChannels: number,
  stride: number,
  leaky = 0.1,
): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(init, inChannels, inChannels, {
      kernelSize: 3,
      stride,
      padding: 1,
      groups: inChannels,
      bias: false,
    }),
    new nn.BatchNorm2d(init, inChannels),
    new nn.LeakyReLU(leaky),
    new nn.Conv2d(init, inChannels, outChannels, { kernelSize: 1, bias: false }),
    new nn.BatchNorm2d(init, outChannels),
    new nn.LeakyReLU(leaky),
  );
}

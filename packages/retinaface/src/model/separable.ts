import type { Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/** A depthwise convolution and a pointwise one in the place of one that is both; nothing stands between them. */
export class SeparableConv2d extends nn.Module {
  readonly depthwise: nn.Conv2d;
  readonly pointwise: nn.Conv2d;

  constructor(
    init: nn.Init,
    inChannels: number,
    outChannels: number,
    { bias, ...geometry }: nn.Conv2dOptions & { readonly kernelSize: number },
  ) {
    super();
    const options = { ...geometry, groups: inChannels, bias: false };
    this.depthwise = new nn.Conv2d(init, inChannels, inChannels, options);
    this.pointwise = new nn.Conv2d(init, inChannels, outChannels, { kernelSize: 1, bias });
  }

  override forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}

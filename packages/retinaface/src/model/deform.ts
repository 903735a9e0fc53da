import { narrow, sigmoid, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/**
 * A deformable convolution that tells its offsets and its modulation from its own input, by a convolution of the same
 * geometry (Zhu et al. 2019). That one starts from zeros: then each tap reads where a plain convolution's does, times a
 * half. Named as in MMCV: `weight`, `conv_offset.weight`, `conv_offset.bias`.
 */
export class ModulatedDeformConv2d extends nn.DeformConv2d {
  readonly conv_offset: nn.Conv2d;

  constructor(
    init: nn.Init,
    inChannels: number,
    outChannels: number,
    options: nn.Conv2dOptions & { readonly kernelSize: number },
  ) {
    super(init, inChannels, outChannels, options);
    const { kernelSize, stride, padding, dilation } = options;
    const geometry = { kernelSize, stride, padding, dilation };
    this.conv_offset = new nn.Conv2d(init, inChannels, 3 * kernelSize ** 2, geometry);
    for (const parameter of this.conv_offset.parameters()) {
      parameter.write(new Float32Array(parameter.size));
    }
  }

  override forward(x: Tensor): Tensor {
    const told = this.conv_offset.forward(x);
    const taps = told.shape[3] / 3;
    const mask = sigmoid(narrow(told, -1, 2 * taps, taps));
    return super.forward(x, narrow(told, -1, 0, 2 * taps), mask);
  }
}

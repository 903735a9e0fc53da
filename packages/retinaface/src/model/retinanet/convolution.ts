import type * as tensor from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/** How a convolution begins. */
export interface Beginning {
  readonly kernelSize: 1 | 3;
  readonly stride?: number;
  /** Standard deviation of the normally distributed weights. */
  readonly deviation: number;
  /** Of every output; false: no bias. Default 0. */
  readonly bias?: number | false;
}

/** A convolution, padded to keep the size, whose weights and bias begin as the papers of pyramid and RetinaNet have them. */
export function convolution(
  init: nn.Init,
  inChannels: number,
  outChannels: number,
  { kernelSize, stride = 1, deviation, bias = 0 }: Beginning,
): nn.Conv2d {
  const padding = (kernelSize - 1) / 2;
  const options = { kernelSize, stride, padding, bias: bias !== false };
  const conv = new nn.Conv2d(init, inChannels, outChannels, options);
  replace(conv, "weight", init.normal(conv.weight.shape, deviation));
  if (bias !== false) replace(conv, "bias", init.constant([outChannels], bias));
  return conv;
}

function replace(conv: nn.Conv2d, name: "weight" | "bias", parameter: tensor.Tensor): void {
  conv[name]?.dispose();
  Object.assign(conv, { [name]: parameter });
}

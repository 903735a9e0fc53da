import { conv2d, type Tensor } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import { MEAN_BGR } from "../mean.js";

/** Mean and deviation of ImageNet's pixels, R, G, B in 0..1: what torchvision's networks take off and divide by. */
const MEAN_RGB = [0.485, 0.456, 0.406];
const DEVIATION_RGB = [0.229, 0.224, 0.225];
const WHITE = 255;

/**
 * Turns this library's input, B, G, R in 0..255 less RetinaFace's mean, into torchvision's, R, G, B normalised, by a 1×1
 * convolution that is no part of the network's state: checkpoints hold what torchvision's hold. The body's first
 * convolution pads what comes out with zeros, as torchvision does.
 */
export class ImageNetInput {
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  constructor(init: nn.Init) {
    const channels = MEAN_BGR.length;
    this.#weight = init.buffer([channels, channels, 1, 1], 0);
    this.#bias = init.buffer([channels], 0);
    const weight = new Float32Array(channels ** 2);
    const bias = new Float32Array(channels);
    for (let c = 0; c < channels; c++) {
      const from = channels - 1 - c;
      weight[c * channels + from] = 1 / (WHITE * DEVIATION_RGB[c]);
      bias[c] = (MEAN_BGR[from] / WHITE - MEAN_RGB[c]) / DEVIATION_RGB[c];
    }
    this.#weight.write(weight);
    this.#bias.write(bias);
  }

  run(image: Tensor): Tensor {
    return conv2d(image, this.#weight, this.#bias, {});
  }

  dispose(): void {
    this.#weight.dispose();
    this.#bias.dispose();
  }
}

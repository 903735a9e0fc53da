import * as nn from "@retinaface-webgpu/tensor/nn";
import { convBn, convDw } from "../blocks.js";
import { Backbone, type BackboneStage } from "./backbone.js";

/** Channels at width 1: of the first convolution, and after each separable one that changes them. */
const CHANNELS = [32, 64, 128, 256, 512, 1024];

/** MobileNet's first convolution and its last at width 1. */
export const MOBILENET_STEM = CHANNELS[0];
export const MOBILENET_LAST = CHANNELS[CHANNELS.length - 1];

/**
 * MobileNetV1 with a width multiplier (Howard et al. 2017), without the classifier. At width 0.25 its maps of stride
 * 8, 16 and 32 have 64, 128 and 256 channels.
 */
export class MobileNetV1 extends Backbone {
  readonly stage1: nn.Sequential;
  readonly stage2: nn.Sequential;
  readonly stage3: nn.Sequential;
  readonly #channels: readonly number[];

  constructor(init: nn.Init, width = 0.25) {
    super();
    const c = CHANNELS.map((n) => Math.max(1, Math.round(n * width)));
    this.#channels = c;
    this.stage1 = new nn.Sequential(
      convBn(init, 3, c[0], { stride: 2, leaky: 0.1 }),
      convDw(init, c[0], c[1], 1),
      convDw(init, c[1], c[2], 2),
      convDw(init, c[2], c[2], 1),
      convDw(init, c[2], c[3], 2),
      convDw(init, c[3], c[3], 1),
    );
    this.stage2 = new nn.Sequential(
      convDw(init, c[3], c[4], 2),
      ...Array.from({ length: 5 }, () => convDw(init, c[4], c[4], 1)),
    );
    this.stage3 = new nn.Sequential(convDw(init, c[4], c[5], 2), convDw(init, c[5], c[5], 1));
  }

  override stages(): readonly BackboneStage[] {
    const { stage1, stage2, stage3 } = this;
    const c = this.#channels;
    const [stem, ...rest] = Array.from({ length: stage1.length }, (_, i) => stage1[i]);
    const [stride4, stride8] = [rest.slice(0, 3), rest.slice(3)];
    return [
      { name: "stem", stride: 2, channels: c[0], module: stem },
      { name: "stage1", stride: 4, channels: c[2], module: new nn.Sequential(...stride4) },
      { name: "stage1", stride: 8, channels: c[3], module: new nn.Sequential(...stride8) },
      { name: "stage2", stride: 16, channels: c[4], module: stage2 },
      { name: "stage3", stride: 32, channels: c[5], module: stage3 },
    ];
  }
}

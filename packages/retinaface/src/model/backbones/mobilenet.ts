import type { Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { type Backbone, convBn, convDw } from "../blocks.js";

/**
 * MobileNetV1 with width multiplier 0.25 (Howard et al. 2017), without the classifier.
 * Feature maps have 64, 128 and 256 channels at width 0.25.
 */
export class MobileNetV1 extends nn.Module implements Backbone {
  readonly featureChannels: readonly [number, number, number];
  readonly stage1: nn.Sequential;
  readonly stage2: nn.Sequential;
  readonly stage3: nn.Sequential;

  constructor(init: nn.Init, width = 0.25) {
    super();
    const c = [32, 64, 128, 256, 512, 1024].map((n) => Math.max(1, Math.round(n * width)));
    this.featureChannels = [c[3], c[4], c[5]];
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

  override forward(image: Tensor): [Tensor, Tensor, Tensor] {
    const c3 = this.stage1.forward(image);
    const c4 = this.stage2.forward(c3);
    return [c3, c4, this.stage3.forward(c4)];
  }
}

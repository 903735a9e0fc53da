import { add, concat, relu, resizeNearest, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { convBn } from "./blocks.js";

/** The slope RetinaFace's PyTorch code uses: 0.1 for narrow networks, else 0. */
export function slopeFor(channels: number): number {
  return channels <= 64 ? 0.1 : 0;
}

/** Feature pyramid (Lin et al. 2017): lateral 1×1, nearest top-down addition, 3×3 merge. */
export class FPN extends nn.Module {
  readonly output1: nn.Sequential;
  readonly output2: nn.Sequential;
  readonly output3: nn.Sequential;
  readonly merge1: nn.Sequential;
  readonly merge2: nn.Sequential;

  constructor(init: nn.Init, inChannels: readonly [number, number, number], channels: number) {
    super();
    const leaky = slopeFor(channels);
    const lateral = (n: number) => convBn(init, n, channels, { kernelSize: 1, leaky });
    this.output1 = lateral(inChannels[0]);
    this.output2 = lateral(inChannels[1]);
    this.output3 = lateral(inChannels[2]);
    this.merge1 = convBn(init, channels, channels, { leaky });
    this.merge2 = convBn(init, channels, channels, { leaky });
  }

  override forward(c: readonly [Tensor, Tensor, Tensor]): [Tensor, Tensor, Tensor] {
    const p3 = this.output3.forward(c[2]);
    const p2 = this.merge2.forward(addUpsampled(this.output2.forward(c[1]), p3));
    const p1 = this.merge1.forward(addUpsampled(this.output1.forward(c[0]), p2));
    return [p1, p2, p3];
  }
}

function addUpsampled(fine: Tensor, coarse: Tensor): Tensor {
  return add(fine, resizeNearest(coarse, { size: [fine.shape[1], fine.shape[2]] }));
}

/** Context module of SSH (Najibi et al. 2017): 3×3, 5×5 and 7×7 fields by stacked 3×3 convolutions. */
export class SSH extends nn.Module {
  readonly conv3X3: nn.Sequential;
  readonly conv5X5_1: nn.Sequential;
  readonly conv5X5_2: nn.Sequential;
  readonly conv7X7_2: nn.Sequential;
  readonly conv7x7_3: nn.Sequential;

  constructor(init: nn.Init, inChannels: number, channels: number) {
    super();
    const leaky = slopeFor(channels);
    const quarter = channels / 4;
    this.conv3X3 = convBn(init, inChannels, channels / 2, { leaky: "none" });
    this.conv5X5_1 = convBn(init, inChannels, quarter, { leaky });
    this.conv5X5_2 = convBn(init, quarter, quarter, { leaky: "none" });
    this.conv7X7_2 = convBn(init, quarter, quarter, { leaky });
    this.conv7x7_3 = convBn(init, quarter, quarter, { leaky: "none" });
  }

  override forward(x: Tensor): Tensor {
    const first = this.conv5X5_1.forward(x);
    const seven = this.conv7x7_3.forward(this.conv7X7_2.forward(first));
    return relu(concat([this.conv3X3.forward(x), this.conv5X5_2.forward(first), seven], -1));
  }
}

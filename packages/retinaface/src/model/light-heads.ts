import { relu, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { Head, type HeadPlace, PointHead } from "./head.js";

/** Depthwise 3×3, ReLU, 1×1, with biases, as the light networks have it on all levels but the coarsest. */
class SeparableHead extends PointHead {
  readonly depthwise: nn.Conv2d;

  constructor(init: nn.Init, place: HeadPlace) {
    super(init, place);
    const { inChannels } = place;
    const options = { kernelSize: 3, padding: 1, groups: inChannels };
    this.depthwise = new nn.Conv2d(init, inChannels, inChannels, options);
  }

  override forward(x: Tensor): Tensor {
    return super.forward(relu(this.depthwise.forward(x)));
  }
}

/** A 3×3 convolution. */
class WideHead extends Head {
  readonly conv3x3: nn.Conv2d;
  readonly width: number;

  constructor(init: nn.Init, { inChannels, anchors, width }: HeadPlace) {
    super();
    this.width = width;
    const options = { kernelSize: 3, padding: 1 };
    this.conv3x3 = new nn.Conv2d(init, inChannels, anchors * width, options);
  }

  override get last(): nn.Conv2d {
    return this.conv3x3;
  }

  override forward(x: Tensor): Tensor {
    return this.conv3x3.forward(x);
  }
}

/** A head of one level of the light networks. */
export function lightHead(init: nn.Init, place: HeadPlace): Head {
  return place.coarsest ? new WideHead(init, place) : new SeparableHead(init, place);
}

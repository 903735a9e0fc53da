import { add, maxPool, relu, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { Backbone, type BackboneStage } from "./backbone.js";

const EXPANSION = 4;

/** Residual bottleneck 1×1 → 3×3 → 1×1 (He et al. 2016), the stride on the 3×3 as in torchvision. */
class Bottleneck extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(init: nn.Init, inChannels: number, planes: number, stride: number) {
    super();
    const outChannels = planes * EXPANSION;
    this.conv1 = new nn.Conv2d(init, inChannels, planes, { kernelSize: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(init, planes);
    this.conv2 = new nn.Conv2d(init, planes, planes, {
      kernelSize: 3,
      stride,
      padding: 1,
      bias: false,
    });
    this.bn2 = new nn.BatchNorm2d(init, planes);
    this.conv3 = new nn.Conv2d(init, planes, outChannels, { kernelSize: 1, bias: false });
    this.bn3 = new nn.BatchNorm2d(init, outChannels);
    if (stride !== 1 || inChannels !== outChannels) {
      this.downsample = new nn.Sequential(
        new nn.Conv2d(init, inChannels, outChannels, { kernelSize: 1, stride, bias: false }),
        new nn.BatchNorm2d(init, outChannels),
      );
    }
  }

  override forward(x: Tensor): Tensor {
    let y = relu(this.bn1.forward(this.conv1.forward(x)));
    y = relu(this.bn2.forward(this.conv2.forward(y)));
    y = this.bn3.forward(this.conv3.forward(y));
    return relu(add(y, this.downsample ? this.downsample.forward(x) : x));
  }
}

function stage(
  init: nn.Init,
  inChannels: number,
  planes: number,
  blocks: number,
  stride: number,
): nn.Sequential {
  const rest = Array.from(
    { length: blocks - 1 },
    () => new Bottleneck(init, planes * EXPANSION, planes, 1),
  );
  return new nn.Sequential(new Bottleneck(init, inChannels, planes, stride), ...rest);
}

/** The first convolution with its batch norm, ReLU and pooling; the layers are ResNet's own. */
class Stem extends nn.Module {
  constructor(
    readonly conv1: nn.Conv2d,
    readonly bn1: nn.BatchNorm2d,
  ) {
    super();
  }

  override forward(image: Tensor): Tensor {
    const y = relu(this.bn1.forward(this.conv1.forward(image)));
    return maxPool(y, { kernelSize: 3, stride: 2, padding: 1 });
  }
}

/** ResNet-50 (He et al. 2016) without the classifier: maps of stride 4 to 32, of 256 to 2048 channels. */
export class ResNet50 extends Backbone {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;

  constructor(init: nn.Init) {
    super();
    this.conv1 = new nn.Conv2d(init, 3, 64, { kernelSize: 7, stride: 2, padding: 3, bias: false });
    this.bn1 = new nn.BatchNorm2d(init, 64);
    this.layer1 = stage(init, 64, 64, 3, 1);
    this.layer2 = stage(init, 256, 128, 4, 2);
    this.layer3 = stage(init, 512, 256, 6, 2);
    this.layer4 = stage(init, 1024, 512, 3, 2);
  }

  override stages(): readonly BackboneStage[] {
    const { conv1, bn1, layer1, layer2, layer3, layer4 } = this;
    return [
      { name: "stem", stride: 4, channels: 64, module: new Stem(conv1, bn1) },
      { name: "stage1", stride: 4, channels: 256, module: layer1 },
      { name: "stage1", stride: 8, channels: 512, module: layer2 },
      { name: "stage2", stride: 16, channels: 1024, module: layer3 },
      { name: "stage3", stride: 32, channels: 2048, module: layer4 },
    ];
  }
}

import { add, maxPool, relu, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { Backbone, type BackboneStage } from "./backbone.js";

/** Channels that a bottleneck gives for each of its planes. */
const EXPANSION = 4;

const conv = (init: nn.Init, from: number, to: number, kernelSize: 1 | 3, stride = 1) =>
  new nn.Conv2d(init, from, to, { kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false });

/** 1×1 and batch norm where a block's result has another shape than its input, else nothing. */
function shortcut(init: nn.Init, from: number, to: number, stride: number) {
  if (stride === 1 && from === to) return undefined;
  return new nn.Sequential(conv(init, from, to, 1, stride), new nn.BatchNorm2d(init, to));
}

/** Residual block of two 3×3 (He et al. 2016), of ResNet-18. */
class BasicBlock extends nn.Module {
  static readonly expansion = 1;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(init: nn.Init, inChannels: number, planes: number, stride: number) {
    super();
    this.conv1 = conv(init, inChannels, planes, 3, stride);
    this.bn1 = new nn.BatchNorm2d(init, planes);
    this.conv2 = conv(init, planes, planes, 3);
    this.bn2 = new nn.BatchNorm2d(init, planes);
    this.downsample = shortcut(init, inChannels, planes, stride);
  }

  override forward(x: Tensor): Tensor {
    const y = this.bn2.forward(this.conv2.forward(relu(this.bn1.forward(this.conv1.forward(x)))));
    return relu(add(y, this.downsample ? this.downsample.forward(x) : x));
  }
}

/** Residual bottleneck 1×1 → 3×3 → 1×1 (He et al. 2016), the stride on the 3×3 as in torchvision. */
class Bottleneck extends nn.Module {
  static readonly expansion = EXPANSION;
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
    this.conv1 = conv(init, inChannels, planes, 1);
    this.bn1 = new nn.BatchNorm2d(init, planes);
    this.conv2 = conv(init, planes, planes, 3, stride);
    this.bn2 = new nn.BatchNorm2d(init, planes);
    this.conv3 = conv(init, planes, outChannels, 1);
    this.bn3 = new nn.BatchNorm2d(init, outChannels);
    this.downsample = shortcut(init, inChannels, outChannels, stride);
  }

  override forward(x: Tensor): Tensor {
    let y = relu(this.bn1.forward(this.conv1.forward(x)));
    y = relu(this.bn2.forward(this.conv2.forward(y)));
    y = this.bn3.forward(this.conv3.forward(y));
    return relu(add(y, this.downsample ? this.downsample.forward(x) : x));
  }
}

type Block = typeof BasicBlock | typeof Bottleneck;

function stage(
  init: nn.Init,
  Block: Block,
  [inChannels, planes]: readonly [number, number],
  blocks: number,
  stride: number,
): nn.Sequential {
  const rest = Array.from(
    { length: blocks - 1 },
    () => new Block(init, planes * Block.expansion, planes, 1),
  );
  return new nn.Sequential(new Block(init, inChannels, planes, stride), ...rest);
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

/** Channels inside the blocks of each layer, and of the first convolution. */
const PLANES = [64, 128, 256, 512] as const;
const STEM = PLANES[0];

/** A ResNet (He et al. 2016) without the classifier: maps of stride 4 to 32. */
class ResNet extends Backbone {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly #channels: readonly number[];

  constructor(init: nn.Init, block: Block, blocks: readonly number[]) {
    super();
    const channels = PLANES.map((planes) => planes * block.expansion);
    const layer = (n: number) =>
      stage(init, block, [n === 0 ? STEM : channels[n - 1], PLANES[n]], blocks[n], n === 0 ? 1 : 2);
    this.#channels = channels;
    this.conv1 = new nn.Conv2d(init, 3, STEM, {
      kernelSize: 7,
      stride: 2,
      padding: 3,
      bias: false,
    });
    this.bn1 = new nn.BatchNorm2d(init, STEM);
    this.layer1 = layer(0);
    this.layer2 = layer(1);
    this.layer3 = layer(2);
    this.layer4 = layer(3);
  }

  override stages(): readonly BackboneStage[] {
    const { conv1, bn1, layer1, layer2, layer3, layer4 } = this;
    const [c2, c3, c4, c5] = this.#channels;
    return [
      { name: "stem", stride: 4, channels: STEM, module: new Stem(conv1, bn1) },
      { name: "stage1", stride: 4, channels: c2, module: layer1 },
      { name: "stage1", stride: 8, channels: c3, module: layer2 },
      { name: "stage2", stride: 16, channels: c4, module: layer3 },
      { name: "stage3", stride: 32, channels: c5, module: layer4 },
    ];
  }
}

/** ResNet-50: maps of 256 to 2048 channels. */
export class ResNet50 extends ResNet {
  constructor(init: nn.Init) {
    super(init, Bottleneck, [3, 4, 6, 3]);
  }
}

/** ResNet-18: maps of 64 to 512 channels. */
export class ResNet18 extends ResNet {
  constructor(init: nn.Init) {
    super(init, BasicBlock, [2, 2, 2, 2]);
  }
}

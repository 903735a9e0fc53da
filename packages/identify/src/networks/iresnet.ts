/**
 * The ResNets of ArcFace (Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019): a
 * first convolution without stride, blocks of batch norm, 3×3, batch norm, PReLU, 3×3, batch norm, and the head batch norm,
 * dropout, full connection, batch norm.
 */
import { add, flatten, permute, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import type { BackboneStage } from "retinaface-webgpu";
import { type EmbedderConfig, LAST_STRIDE, RESNET_BLOCKS } from "./config.js";
import { EmbeddingNetwork } from "./network.js";

const conv = (init: nn.Init, from: number, to: number, kernelSize: 1 | 3, stride = 1) =>
  new nn.Conv2d(init, from, to, { kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false });

/** Without an activation behind the sum, so that signals pass unhindered. */
class Block extends nn.Module {
  readonly bn1: nn.BatchNorm2d;
  readonly conv1: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly prelu: nn.PReLU;
  readonly conv2: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(init: nn.Init, from: number, to: number, stride: 1 | 2) {
    super();
    this.bn1 = new nn.BatchNorm2d(init, from);
    this.conv1 = conv(init, from, to, 3);
    this.bn2 = new nn.BatchNorm2d(init, to);
    this.prelu = new nn.PReLU(init, to);
    this.conv2 = conv(init, to, to, 3, stride);
    this.bn3 = new nn.BatchNorm2d(init, to);
    if (stride === 1) return;
    this.downsample = new nn.Sequential(
      conv(init, from, to, 1, stride),
      new nn.BatchNorm2d(init, to),
    );
  }

  override forward(x: Tensor): Tensor {
    const inner = this.conv1.forward(this.bn1.forward(x));
    const y = this.bn3.forward(this.conv2.forward(this.prelu.forward(this.bn2.forward(inner))));
    return add(y, this.downsample ? this.downsample.forward(x) : x);
  }
}

/** Channels of the four layers at width 1; the first has those of the first convolution. */
const CHANNELS = [64, 128, 256, 512];

/** Options of training, which are not part of what the network is. */
export interface HeadOptions {
  /** Share of the features that are left out in training. 0 by default, as published. */
  readonly dropout?: number;
  /** Of the dropout. */
  readonly seed?: number;
}

/** See the file's head. */
export class IResNet extends EmbeddingNetwork {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly prelu: nn.PReLU;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly bn2: nn.BatchNorm2d;
  readonly dropout: nn.Dropout;
  readonly fc: nn.Linear;
  readonly features: nn.BatchNorm2d;

  constructor(init: nn.Init, config: EmbedderConfig, { dropout = 0, seed = 0 }: HeadOptions = {}) {
    super(config);
    const channels = CHANNELS.map((n) => n * config.width);
    const blocks = RESNET_BLOCKS[config.architecture];
    const layer = (n: number) => {
      const [from, to] = [channels[Math.max(0, n - 1)], channels[n]];
      const rest = Array.from({ length: blocks[n] - 1 }, () => new Block(init, to, to, 1));
      return new nn.Sequential(new Block(init, from, to, 2), ...rest);
    };
    this.conv1 = conv(init, 3, channels[0], 3);
    this.bn1 = new nn.BatchNorm2d(init, channels[0]);
    this.prelu = new nn.PReLU(init, channels[0]);
    this.layer1 = layer(0);
    this.layer2 = layer(1);
    this.layer3 = layer(2);
    this.layer4 = layer(3);
    this.bn2 = new nn.BatchNorm2d(init, channels[3]);
    this.dropout = new nn.Dropout(dropout, { seed });
    const cells = (config.size / LAST_STRIDE) ** 2;
    this.fc = new nn.Linear(init, channels[3] * cells, config.dimension);
    this.features = new nn.BatchNorm2d(init, config.dimension);
    // A scale would be undone by the normalisation that follows.
    this.features.weight.requiresGrad = false;
  }

  override stages(): readonly BackboneStage[] {
    const { conv1, bn1, prelu, layer1, layer2, layer3, layer4, config } = this;
    const [c1, c2, c3, c4] = CHANNELS.map((n) => n * config.width);
    return [
      { name: "stem", stride: 1, channels: c1, module: new nn.Sequential(conv1, bn1, prelu) },
      { name: "layer1", stride: 2, channels: c1, module: layer1 },
      { name: "layer2", stride: 4, channels: c2, module: layer2 },
      { name: "layer3", stride: 8, channels: c3, module: layer3 },
      { name: "layer4", stride: LAST_STRIDE, channels: c4, module: layer4 },
    ];
  }

  /** The map is flattened channel by channel, as in PyTorch, so that `fc` has the published order. */
  override head(map: Tensor): Tensor {
    const dropped = this.dropout.forward(this.bn2.forward(map));
    const flat = flatten(permute(dropped, [0, 3, 1, 2]), 1);
    return this.features.forward(this.fc.forward(flat));
  }
}

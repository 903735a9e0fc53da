import { concat, reshape, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { MobileNetV1 } from "./backbones/mobilenet.js";
import { ResNet50 } from "./backbones/resnet.js";
import type { Backbone } from "./blocks.js";
import { FPN, SSH } from "./fpn.js";

/** Backbones by the names that checkpoints and configurations use. */
export type BackboneName = "mobilenet0.25" | "resnet50";

/** What determines the network's shape. */
export interface NetworkConfig {
  backbone: BackboneName;
  /** MobileNet's width multiplier; default 0.25. */
  width?: number;
  /** Channels of the pyramid; default 64 for MobileNet, 256 for ResNet-50. */
  channels?: number;
  /** Priors a cell at each level; default `[2, 2, 2]`. */
  anchorsPerCell?: readonly [number, number, number];
}

/** Raw outputs over all priors, levels fine to coarse, row by row. */
export interface NetworkOutput {
  /** Box regressions `[n, priors, 4]`. */
  loc: Tensor;
  /** Class logits `[n, priors, 2]`: background, face. */
  conf: Tensor;
  /** Landmark regressions `[n, priors, 10]`. */
  landms: Tensor;
}

/** What the heads predict at each of the three levels, NHWC with the priors of a cell side by side. */
export interface HeadOutput {
  readonly conf: readonly Tensor[];
  readonly loc: readonly Tensor[];
  readonly landms: readonly Tensor[];
}

/** A 1×1 convolution that predicts `width` numbers for each prior of a cell. */
class Head extends nn.Module {
  readonly conv1x1: nn.Conv2d;
  readonly width: number;

  constructor(init: nn.Init, inChannels: number, anchors: number, width: number) {
    super();
    this.width = width;
    this.conv1x1 = new nn.Conv2d(init, inChannels, anchors * width, { kernelSize: 1 });
  }

  override forward(x: Tensor): Tensor {
    return this.conv1x1.forward(x);
  }

  /** `[n, h, w, anchors · width]` as `[n, h · w · anchors, width]`. */
  perPrior(y: Tensor): Tensor {
    return reshape(y, [y.shape[0], -1, this.width]);
  }
}

/**
 * RetinaFace (Deng et al. 2019): backbone, feature pyramid, context modules and the class, box and
 * landmark heads, named as in the public PyTorch checkpoints.
 */
export class RetinaFaceNetwork extends nn.Module {
  readonly body: Backbone;
  readonly fpn: FPN;
  readonly ssh1: SSH;
  readonly ssh2: SSH;
  readonly ssh3: SSH;
  readonly ClassHead: readonly Head[];
  readonly BboxHead: readonly Head[];
  readonly LandmarkHead: readonly Head[];
  readonly config: Readonly<Required<NetworkConfig>>;

  constructor(init: nn.Init, config: NetworkConfig) {
    super();
    const channels = config.channels ?? (config.backbone === "resnet50" ? 256 : 64);
    const anchorsPerCell = config.anchorsPerCell ?? [2, 2, 2];
    const width = config.width ?? 0.25;
    this.config = { backbone: config.backbone, width, channels, anchorsPerCell };
    this.body = config.backbone === "resnet50" ? new ResNet50(init) : new MobileNetV1(init, width);
    this.fpn = new FPN(init, this.body.featureChannels, channels);
    this.ssh1 = new SSH(init, channels, channels);
    this.ssh2 = new SSH(init, channels, channels);
    this.ssh3 = new SSH(init, channels, channels);
    const heads = (width: number) => anchorsPerCell.map((a) => new Head(init, channels, a, width));
    this.ClassHead = heads(2);
    this.BboxHead = heads(4);
    this.LandmarkHead = heads(10);
  }

  /** @param image `[n, h, w, 3]`, BGR minus the mean (104, 117, 123) */
  heads(image: Tensor): HeadOutput {
    const pyramid = this.fpn.forward(this.body.forward(image));
    const features = [this.ssh1, this.ssh2, this.ssh3].map((ssh, i) => ssh.forward(pyramid[i]));
    const predict = (heads: readonly Head[]) => heads.map((head, i) => head.forward(features[i]));
    return {
      conf: predict(this.ClassHead),
      loc: predict(this.BboxHead),
      landms: predict(this.LandmarkHead),
    };
  }

  /** `heads` with the levels joined. @param image as `heads` */
  override forward(image: Tensor): NetworkOutput {
    const { conf, loc, landms } = this.heads(image);
    const join = (heads: readonly Head[], levels: readonly Tensor[]) =>
      concat(
        levels.map((y, i) => heads[i].perPrior(y)),
        1,
      );
    return {
      loc: join(this.BboxHead, loc),
      conf: join(this.ClassHead, conf),
      landms: join(this.LandmarkHead, landms),
    };
  }
}

import { concat, nn, reshape, softmax, type Tensor } from "@retinaface-webgpu/tensor";
import type { Backbone } from "./blocks.js";
import { FPN, SSH } from "./fpn.js";
import { MobileNetV1 } from "./mobilenet.js";

/** Backbones by the names that checkpoints and configurations use. */
export type BackboneName = "mobilenet0.25" | "resnet50";

/** What determines the network's shape. */
export interface NetworkConfig {
  backbone: BackboneName;
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
    const y = this.conv1x1.forward(x);
    const [n, h, w, c] = y.shape;
    return reshape(y, [n, (h * w * c) / this.width, this.width]);
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
    this.config = { backbone: config.backbone, channels, anchorsPerCell };
    this.body = new MobileNetV1(init);
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
  override forward(image: Tensor): NetworkOutput {
    const pyramid = this.fpn.forward(this.body.forward(image));
    const features = [this.ssh1, this.ssh2, this.ssh3].map((ssh, i) => ssh.forward(pyramid[i]));
    const predict = (heads: readonly Head[]) =>
      concat(
        heads.map((head, i) => head.forward(features[i])),
        1,
      );
    return {
      loc: predict(this.BboxHead),
      conf: predict(this.ClassHead),
      landms: predict(this.LandmarkHead),
    };
  }

  /** Class probabilities from `forward`'s logits. */
  static probabilities(output: NetworkOutput): Tensor {
    return softmax(output.conf);
  }
}

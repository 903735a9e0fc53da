import { add, concat, mul, relu, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { convBn, convDw } from "../blocks.js";
import { Backbone, type BackboneStage } from "./backbone.js";

/** Slope of these networks' activations: plain ReLU. */
const RELU = 0;

const separable = (init: nn.Init, inChannels: number, outChannels: number, stride = 1) =>
  convDw(init, inChannels, outChannels, stride, RELU);

/** A number for each channel to multiply by, then one to add: another network's idea of its input. Not trained. */
class ChannelScale extends nn.Module {
  readonly scale: Tensor;
  readonly shift: Tensor;

  constructor(init: nn.Init, channels: number) {
    super();
    this.scale = init.buffer([channels], 1);
    this.shift = init.buffer([channels], 0);
  }

  override forward(x: Tensor): Tensor {
    return add(mul(x, this.scale), this.shift);
  }
}

/** Convolution and batch norm under the names of RFB's code. */
class BasicConv extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly bn: nn.BatchNorm2d;
  readonly #activate: boolean;

  constructor(
    init: nn.Init,
    [inChannels, outChannels]: readonly [number, number],
    { kernelSize = 3, dilation = 1, activate = false },
  ) {
    super();
    const padding = kernelSize === 3 ? dilation : 0;
    const options = { kernelSize, padding, dilation, bias: false };
    this.conv = new nn.Conv2d(init, inChannels, outChannels, options);
    this.bn = new nn.BatchNorm2d(init, outChannels);
    this.#activate = activate;
  }

  override forward(x: Tensor): Tensor {
    const y = this.bn.forward(this.conv.forward(x));
    return this.#activate ? relu(y) : y;
  }
}

/** Narrowing before the branches. */
const REDUCE = 8;

/**
 * Receptive field block (Liu et al. 2018), as Ultra-Light-Fast-Generic-Face-Detector has it: three branches of 3×3
 * convolutions that end dilated by 2, 3 and 5, joined by a 1×1 one, added to a 1×1 shortcut.
 */
class BasicRFB extends nn.Module {
  readonly branch0: nn.Sequential;
  readonly branch1: nn.Sequential;
  readonly branch2: nn.Sequential;
  readonly ConvLinear: BasicConv;
  readonly shortcut: BasicConv;

  constructor(init: nn.Init, channels: number) {
    super();
    const inner = channels / REDUCE;
    const middle = (inner / 2) * 3;
    const narrow = () => new BasicConv(init, [channels, inner], { kernelSize: 1 });
    const wide = (from: number, to: number) => new BasicConv(init, [from, to], { activate: true });
    const far = (dilation: number) => new BasicConv(init, [2 * inner, 2 * inner], { dilation });
    this.branch0 = new nn.Sequential(narrow(), wide(inner, 2 * inner), far(2));
    this.branch1 = new nn.Sequential(narrow(), wide(inner, 2 * inner), far(3));
    this.branch2 = new nn.Sequential(
      narrow(),
      wide(inner, middle),
      wide(middle, 2 * inner),
      far(5),
    );
    this.ConvLinear = new BasicConv(init, [6 * inner, channels], { kernelSize: 1 });
    this.shortcut = new BasicConv(init, [channels, channels], { kernelSize: 1 });
  }

  override forward(x: Tensor): Tensor {
    const branches = [this.branch0, this.branch1, this.branch2].map((branch) => branch.forward(x));
    return relu(add(this.ConvLinear.forward(concat(branches, -1)), this.shortcut.forward(x)));
  }
}

/** 1×1, ReLU, depthwise 3×3 of stride 2, ReLU, 1×1, ReLU, with biases and without batch norm: the map of stride 64. */
function lastStretch(init: nn.Init): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(init, 256, 64, { kernelSize: 1 }),
    new nn.LeakyReLU(RELU),
    new nn.Sequential(
      new nn.Conv2d(init, 64, 64, { kernelSize: 3, stride: 2, padding: 1, groups: 64 }),
      new nn.LeakyReLU(RELU),
      new nn.Conv2d(init, 64, 256, { kernelSize: 1 }),
    ),
    new nn.LeakyReLU(RELU),
  );
}

/** Variants of {@link Slim}. */
export interface SlimOptions {
  /** A receptive field block in the place of the last convolutions of stride 8. */
  readonly rfb?: boolean;
  /** Scales and shifts the input's channels first, where the weights were trained on another input. */
  readonly scaled?: boolean;
}

/**
 * The body of Face-Detector-1MB-with-landmark's `slim` and `RFB`, which is that of Ultra-Light-Fast-Generic-Face-Detector:
 * MobileNetV1's separable convolutions at a width of 16, and a stretch of stride 64. Members bear the published names.
 */
export class Slim extends Backbone {
  readonly input: ChannelScale | undefined;
  readonly [conv: `conv${number}`]: nn.Layer;
  readonly #convs: readonly nn.Layer[];

  constructor(init: nn.Init, { rfb = false, scaled = false }: SlimOptions = {}) {
    super();
    if (scaled) this.input = new ChannelScale(init, 3);
    this.#convs = [
      convBn(init, 3, 16, { stride: 2, leaky: RELU }),
      separable(init, 16, 32),
      separable(init, 32, 32, 2),
      separable(init, 32, 32),
      separable(init, 32, 64, 2),
      separable(init, 64, 64),
      separable(init, 64, 64),
      rfb ? new BasicRFB(init, 64) : separable(init, 64, 64),
      separable(init, 64, 128, 2),
      separable(init, 128, 128),
      separable(init, 128, 128),
      separable(init, 128, 256, 2),
      separable(init, 256, 256),
      lastStretch(init),
    ];
    for (const [i, conv] of this.#convs.entries()) Object.assign(this, { [`conv${i + 1}`]: conv });
  }

  override stages(): readonly BackboneStage[] {
    const stretch = (from: number, to = from) =>
      new nn.Sequential(...this.#convs.slice(from - 1, to));
    const first = this.input ? new nn.Sequential(this.input, this.#convs[0]) : this.#convs[0];
    return [
      { name: "stem", stride: 2, channels: 16, module: first },
      { name: "stage1", stride: 4, channels: 32, module: stretch(2, 4) },
      { name: "stage1", stride: 8, channels: 64, module: stretch(5, 8) },
      { name: "stage2", stride: 16, channels: 128, module: stretch(9, 11) },
      { name: "stage3", stride: 32, channels: 256, module: stretch(12, 13) },
      { name: "stage4", stride: 64, channels: 256, module: stretch(14) },
    ];
  }
}

/**
 * MobileFaceNet (Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices",
 * 2018): inverted residual bottlenecks with PReLU, and a global depthwise convolution in the place of average pooling.
 */
import { add, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import type { BackboneStage } from "retinaface-webgpu";
import { type EmbedderConfig, LAST_STRIDE } from "./config.js";
import { EmbeddingNetwork } from "./network.js";

interface ConvForm {
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
}

function convolution(init: nn.Init, from: number, to: number, form: ConvForm): nn.Conv2d {
  const { kernel: kernelSize = 1, stride = 1, padding = 0, groups = 1 } = form;
  return new nn.Conv2d(init, from, to, { kernelSize, stride, padding, groups, bias: false });
}

/** Layers under the name that they have in published checkpoints. */
export class Layers extends nn.Module {
  readonly layers: nn.Sequential;

  constructor(...layers: nn.Layer[]) {
    super();
    this.layers = new nn.Sequential(...layers);
  }

  override forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

/** Convolution, batch norm, PReLU. */
export const convBlock = (init: nn.Init, from: number, to: number, form: ConvForm = {}) =>
  new Layers(
    convolution(init, from, to, form),
    new nn.BatchNorm2d(init, to),
    new nn.PReLU(init, to),
  );

/** Convolution and batch norm. */
const linearBlock = (init: nn.Init, from: number, to: number, form: ConvForm = {}) =>
  new Layers(convolution(init, from, to, form), new nn.BatchNorm2d(init, to));

/** Global depthwise convolution, full connection, batch norm. @param kernel cells of the map's side */
export const vectorHead = (init: nn.Init, channels: number, kernel: number, dimension: number) =>
  new Layers(
    linearBlock(init, channels, channels, { kernel, groups: channels }),
    new nn.Flatten(),
    new nn.Linear(init, channels, dimension, { bias: false }),
    new nn.BatchNorm2d(init, dimension),
  );

/** 1×1 to `inner` channels, depthwise 3×3, 1×1 without activation; with a stride of 1 added to its input. */
class Bottleneck extends Layers {
  readonly #residual: boolean;

  constructor(init: nn.Init, [from, inner, to]: readonly [number, number, number], stride: 1 | 2) {
    super(
      convBlock(init, from, inner),
      convBlock(init, inner, inner, { kernel: 3, stride, padding: 1, groups: inner }),
      linearBlock(init, inner, to),
    );
    this.#residual = stride === 1;
  }

  override forward(x: Tensor): Tensor {
    const y = super.forward(x);
    return this.#residual ? add(y, x) : y;
  }
}

/** Channels at width 1, and those inside bottlenecks: these and the last grow with the width up to 1 only, as published. */
const CHANNELS = [64, 128];
const INNER = [128, 256, 512];
const LAST = 512;

/** See the file's head. */
export class MobileFaceNet extends EmbeddingNetwork {
  readonly layers: readonly nn.Layer[];
  readonly conv_sep: nn.Layer;
  readonly features: Layers;

  constructor(init: nn.Init, config: EmbedderConfig) {
    super(config);
    const { width, blocks, size, dimension } = config;
    const [narrow, wide] = CHANNELS.map((n) => n * width);
    const [a, b, c] = INNER.map((n) => n * Math.min(1, width));
    const last = LAST * Math.min(1, width);
    const residuals = (count: number, channels: number, inner: number) =>
      new Layers(
        ...Array.from(
          { length: count },
          () => new Bottleneck(init, [channels, inner, channels], 1),
        ),
      );
    const groups = Math.min(CHANNELS[0], narrow);
    this.layers = [
      convBlock(init, 3, narrow, { kernel: 3, stride: 2, padding: 1 }),
      blocks[0] === 1
        ? convBlock(init, narrow, narrow, { kernel: 3, padding: 1, groups })
        : residuals(blocks[0], narrow, a),
      new Bottleneck(init, [narrow, a, narrow], 2),
      residuals(blocks[1], narrow, a),
      new Bottleneck(init, [narrow, b, wide], 2),
      residuals(blocks[2], wide, b),
      new Bottleneck(init, [wide, c, wide], 2),
      residuals(blocks[3], wide, b),
    ];
    this.conv_sep = convBlock(init, wide, last);
    this.features = vectorHead(init, last, size / LAST_STRIDE, dimension);
  }

  override stages(): readonly BackboneStage[] {
    const { layers, conv_sep, config } = this;
    const [narrow, wide] = CHANNELS.map((n) => n * config.width);
    const stretch = (from: number, to: number) => new nn.Sequential(...layers.slice(from, to));
    return [
      { name: "stem", stride: 2, channels: narrow, module: stretch(0, 2) },
      { name: "stage1", stride: 4, channels: narrow, module: stretch(2, 4) },
      { name: "stage2", stride: 8, channels: wide, module: stretch(4, 6) },
      { name: "stage3", stride: LAST_STRIDE, channels: wide, module: stretch(6, 8) },
      {
        name: "last",
        stride: LAST_STRIDE,
        channels: LAST * Math.min(1, config.width),
        module: conv_sep,
      },
    ];
  }

  override head(map: Tensor): Tensor {
    return this.features.forward(map);
  }
}

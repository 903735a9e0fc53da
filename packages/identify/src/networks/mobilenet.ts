/**
 * The detectors' MobileNetV1 (Howard et al. 2017) up to its stride of 16, one 1×1 convolution and MobileFaceNet's head. Its
 * point is where it begins: a detector's weights have learnt what faces are made of, and a few hundred pictures need not
 * teach it again (`--start`).
 */
import { type StateDict, type Tensor, toFloat32 } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import { type BackboneStage, MobileNetV1, OptionError } from "retinaface-webgpu";
import { type EmbedderConfig, LAST_STRIDE } from "./config.js";
import { convBlock, type Layers, vectorHead } from "./mobilefacenet.js";
import { EmbeddingNetwork, type Start } from "./network.js";

/** Channels at width 1 of the map of stride 16, and of the convolution behind it. */
export const MOBILENET_CHANNELS = { map: 512, last: 1024 };

/** See the file's head. */
export class MobileNetEmbedder extends EmbeddingNetwork {
  readonly stage1: nn.Sequential;
  readonly stage2: nn.Sequential;
  readonly conv_sep: nn.Layer;
  readonly features: Layers;
  readonly #stages: readonly BackboneStage[];

  constructor(init: nn.Init, config: EmbedderConfig) {
    super(config);
    const { width, size, dimension } = config;
    const [map, last] = [MOBILENET_CHANNELS.map * width, MOBILENET_CHANNELS.last * width];
    const whole = new MobileNetV1(init, width);
    whole.stage3.dispose();
    this.stage1 = whole.stage1;
    this.stage2 = whole.stage2;
    this.conv_sep = convBlock(init, map, last);
    this.features = vectorHead(init, last, size / LAST_STRIDE, dimension);
    this.#stages = [
      ...whole.stages().filter(({ stride }) => stride <= LAST_STRIDE),
      { name: "last", stride: LAST_STRIDE, channels: last, module: this.conv_sep },
    ];
  }

  override stages(): readonly BackboneStage[] {
    return this.#stages;
  }

  override head(map: Tensor): Tensor {
    return this.features.forward(map);
  }
}

/** What a detector's pixels are multiplied by beside these networks': bytes less a mean, not (value − 127.5) / 127.5. */
const BYTES = 127.5;

/** Where the first convolution has its input's channels: weights are `[out, in, rows, columns]`. */
const FIRST = "stage1.0.0.weight";

/**
 * The part of a detector's weights that an embedding network begins with, for pixels as these networks have them: red first,
 * and smaller. What is added to a detector's pixels is left out, as the batch norm behind takes it off again.
 *
 * @param detector by the names of RetinaFace: `body.stage1…`
 * @throws {OptionError} where it has no MobileNet
 */
export function startOf(detector: StateDict): Start {
  const prefix = "body.";
  const own = [...detector].filter(([name]) => /^body\.stage[12]\./.test(name));
  const state = new Map(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  const first = state.get(FIRST);
  if (!first) {
    throw new OptionError(
      "a network begins with a detector whose backbone is a MobileNet: give its weights",
    );
  }
  const [out, channels, rows, columns] = first.shape;
  const [from, plane] = [toFloat32(first), rows * columns];
  const data = new Float32Array(from.length);
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++) {
        data[(o * channels + c) * plane + i] =
          BYTES * from[(o * channels + channels - 1 - c) * plane + i];
      }
    }
  }
  state.set(FIRST, { dtype: "f32", shape: first.shape, data });
  return { state, random: /^(conv_sep|features)\./ };
}

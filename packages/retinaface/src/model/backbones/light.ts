import * as nn from "@retinaface-webgpu/tensor/nn";
import { convBn, convDw } from "../blocks.js";
import { Backbone, type BackboneStage } from "./backbone.js";

/** Channels of the first convolution, which halves the image. */
const STEM = 8;
/** Channels after each separable convolution, by stride; the first of a stride halves the map. */
const CHANNELS = { 4: [16, 16], 8: [48, 48, 48], 16: [56, 56, 56], 32: [64, 64, 64] } as const;

type Stride = keyof typeof CHANNELS;

const last = (stride: Stride) => CHANNELS[stride][CHANNELS[stride].length - 1];

function stretch(init: nn.Init, stride: Stride, inChannels: number): nn.Sequential {
  let from = inChannels;
  const layers = CHANNELS[stride].map((to, i) => {
    const layer = convDw(init, from, to, i === 0 ? 2 : 1);
    from = to;
    return layer;
  });
  return new nn.Sequential(...layers);
}

/**
 * A convolution and eleven separable ones for low-cost devices. Two fifths of their multiply-adds are of stride 8, where
 * the small faces are (SCRFD's finding, Guo et al. 2021), and behind it channels hardly grow: as in YuNet (Wu et al. 2023)
 * the weights stay few. Nothing but the first convolution sees half the image's resolution.
 */
export class Light extends Backbone {
  readonly stem: nn.Sequential;
  readonly stride4: nn.Sequential;
  readonly stride8: nn.Sequential;
  readonly stride16: nn.Sequential;
  readonly stride32: nn.Sequential;

  constructor(init: nn.Init) {
    super();
    this.stem = convBn(init, 3, STEM, { stride: 2, leaky: 0.1 });
    this.stride4 = stretch(init, 4, STEM);
    this.stride8 = stretch(init, 8, last(4));
    this.stride16 = stretch(init, 16, last(8));
    this.stride32 = stretch(init, 32, last(16));
  }

  override stages(): readonly BackboneStage[] {
    const { stem, stride4, stride8, stride16, stride32 } = this;
    return [
      { name: "stem", stride: 2, channels: STEM, module: stem },
      { name: "stage1", stride: 4, channels: last(4), module: stride4 },
      { name: "stage1", stride: 8, channels: last(8), module: stride8 },
      { name: "stage2", stride: 16, channels: last(16), module: stride16 },
      { name: "stage3", stride: 32, channels: last(32), module: stride32 },
    ];
  }
}

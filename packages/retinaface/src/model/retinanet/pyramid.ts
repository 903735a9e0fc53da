import { add, relu, resizeNearest, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { convolution } from "./convolution.js";

/** What the first level beyond the backbone is made of: its coarsest map, or that of the pyramid. */
export type P6Source = "C5" | "P5";

/** Shape of a {@link RetinaNetFPN}. */
export interface PyramidSpec {
  /** Of the backbone's maps, fine to coarse. */
  readonly inChannels: readonly number[];
  /** Of every level. */
  readonly channels: number;
  /** Strides of the levels beyond the backbone. */
  readonly extraStrides: readonly number[];
  readonly p6: P6Source;
}

/** The name of a level: its stride is 2 to the power of its number. */
const levelName = (stride: number) => `p${Math.round(Math.log2(stride))}`;

/** Kaiming's uniform initialisation with a slope of 1 has this variance. */
const deviationFor = (inputs: number) => 1 / Math.sqrt(inputs);

/**
 * The pyramid of RetinaNet (Lin et al. 2017): 1×1 laterals, each added to the level above enlarged by repetition, a 3×3 on
 * every sum, and P6, P7 by 3×3 convolutions of stride 2, P7 behind a ReLU. Without norms; members bear torchvision's
 * names. The paper makes P6 of C5; torchvision's first version of P5, its second of C5.
 */
export class RetinaNetFPN extends nn.Module {
  readonly inner_blocks: readonly nn.Sequential[];
  readonly layer_blocks: readonly nn.Sequential[];
  readonly extra_blocks: Readonly<Record<string, nn.Conv2d>>;
  readonly #extras: readonly nn.Conv2d[];
  readonly #p6: P6Source;

  constructor(init: nn.Init, { inChannels, channels, extraStrides, p6 }: PyramidSpec) {
    super();
    const conv = (from: number, kernelSize: 1 | 3, stride = 1) =>
      convolution(init, from, channels, {
        kernelSize,
        stride,
        deviation: deviationFor(from * kernelSize ** 2),
      });
    this.#p6 = p6;
    this.inner_blocks = inChannels.map((from) => new nn.Sequential(conv(from, 1)));
    this.layer_blocks = inChannels.map(() => new nn.Sequential(conv(channels, 3)));
    const c5 = inChannels[inChannels.length - 1];
    this.#extras = extraStrides.map((_, i) => conv(i === 0 && p6 === "C5" ? c5 : channels, 3, 2));
    this.extra_blocks = Object.fromEntries(
      extraStrides.map((stride, i) => [levelName(stride), this.#extras[i]]),
    );
  }

  /** @param maps of the backbone, fine to coarse; those of the pyramid come back */
  override forward(maps: readonly Tensor[]): Tensor[] {
    const coarsest = maps.length - 1;
    const levels: Tensor[] = [];
    let sum: Tensor | undefined;
    for (let i = coarsest; i >= 0; i--) {
      const lateral = this.inner_blocks[i].forward(maps[i]);
      const size = [lateral.shape[1], lateral.shape[2]] as const;
      sum = sum ? add(lateral, resizeNearest(sum, { size })) : lateral;
      levels.unshift(this.layer_blocks[i].forward(sum));
    }
    let beyond = this.#p6 === "C5" ? maps[coarsest] : levels[coarsest];
    for (const [i, extra] of this.#extras.entries()) {
      beyond = extra.forward(i === 0 ? beyond : relu(beyond));
      levels.push(beyond);
    }
    return levels;
  }
}

import { add, concat, resizeNearest, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { type ConvolutionClass, convBn } from "./blocks.js";
import { LEVEL_NAMES } from "./levels.js";

/** The slope RetinaFace's PyTorch code uses: 0.1 for narrow networks, else 0. */
export function slopeFor(channels: number): number {
  return channels <= 64 ? 0.1 : 0;
}

/** Makes `count` modules and has `parent` hold them under the names of their places. */
export function named<M extends nn.Module>(
  parent: nn.Module,
  count: number,
  name: (place: number) => string,
  make: (place: number) => M,
): M[] {
  return Array.from({ length: count }, (_, place) => {
    const module = make(place);
    Object.assign(parent, { [name(place)]: module });
    return module;
  });
}

/**
 * Feature pyramid (Lin et al. 2017): lateral 1×1, nearest top-down addition, 3×3 merge; levels beyond the backbone by
 * 3×3 convolutions of stride 2 from its coarsest map, as RetinaFace's paper has them.
 */
export class FPN extends nn.Module {
  readonly [output: `output${number}`]: nn.Sequential;
  readonly [merge: `merge${number}`]: nn.Sequential;
  readonly [extra: `extra${number}`]: nn.Sequential;
  readonly #laterals: readonly nn.Sequential[];
  readonly #merges: readonly nn.Sequential[];
  readonly #extras: readonly nn.Sequential[];

  /**
   * @param inChannels of the backbone's maps, fine to coarse
   * @param convolution of the 3×3 merges, default `Conv2d`
   */
  constructor(
    init: nn.Init,
    inChannels: readonly number[],
    channels: number,
    extra = 0,
    convolution?: ConvolutionClass,
  ) {
    super();
    const leaky = slopeFor(channels);
    const count = inChannels.length;
    this.#laterals = named(this, count, LEVEL_NAMES.lateral, (i) =>
      convBn(init, inChannels[i], channels, { kernelSize: 1, leaky }),
    );
    this.#merges = named(this, count - 1, LEVEL_NAMES.merge, () =>
      convBn(init, channels, channels, { leaky, convolution }),
    );
    this.#extras = named(this, extra, LEVEL_NAMES.extra, (i) =>
      convBn(init, i === 0 ? inChannels[count - 1] : channels, channels, { stride: 2, leaky }),
    );
  }

  /** @param maps of the backbone, fine to coarse; those of the pyramid come back */
  override forward(maps: readonly Tensor[]): Tensor[] {
    const coarsest = maps.length - 1;
    let above = this.#laterals[coarsest].forward(maps[coarsest]);
    const pyramid = [above];
    for (let i = coarsest - 1; i >= 0; i--) {
      const lateral = this.#laterals[i].forward(maps[i]);
      above = this.#merges[i].forward(addUpsampled(lateral, above));
      pyramid.unshift(above);
    }
    let beyond = maps[coarsest];
    for (const extra of this.#extras) {
      beyond = extra.forward(beyond);
      pyramid.push(beyond);
    }
    return pyramid;
  }
}

function addUpsampled(fine: Tensor, coarse: Tensor): Tensor {
  return add(fine, resizeNearest(coarse, { size: [fine.shape[1], fine.shape[2]] }));
}

/**
 * Context module of SSH (Najibi et al. 2017): 3×3, 5×5 and 7×7 fields by stacked 3×3 convolutions. The ReLU of what is
 * joined stands before it, where batch norm and convolution take it along.
 */
export class SSH extends nn.Module {
  readonly conv3X3: nn.Sequential;
  readonly conv5X5_1: nn.Sequential;
  readonly conv5X5_2: nn.Sequential;
  readonly conv7X7_2: nn.Sequential;
  readonly conv7x7_3: nn.Sequential;

  constructor(init: nn.Init, inChannels: number, channels: number, convolution?: ConvolutionClass) {
    super();
    const leaky = slopeFor(channels);
    const quarter = channels / 4;
    this.conv3X3 = convBn(init, inChannels, channels / 2, { leaky: 0, convolution });
    this.conv5X5_1 = convBn(init, inChannels, quarter, { leaky, convolution });
    this.conv5X5_2 = convBn(init, quarter, quarter, { leaky: 0, convolution });
    this.conv7X7_2 = convBn(init, quarter, quarter, { leaky, convolution });
    this.conv7x7_3 = convBn(init, quarter, quarter, { leaky: 0, convolution });
  }

  override forward(x: Tensor): Tensor {
    const first = this.conv5X5_1.forward(x);
    const seven = this.conv7x7_3.forward(this.conv7X7_2.forward(first));
    return concat([this.conv3X3.forward(x), this.conv5X5_2.forward(first), seven], -1);
  }
}

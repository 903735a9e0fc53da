import { reshape, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";

/** Predicts numbers for each prior of a cell. */
export abstract class Head extends nn.Module {
  /** Numbers for each prior. */
  abstract readonly width: number;
  /** The convolution that makes them. */
  abstract get last(): nn.Conv2d;
  abstract override forward(x: Tensor): Tensor;

  /** `[n, h, w, anchors · width]` as `[n, h · w · anchors, width]`. */
  perPrior(y: Tensor): Tensor {
    return reshape(y, [y.shape[0], -1, this.width]);
  }
}

/** What a head is made for: its place, its input, and what it is to say. */
export interface HeadPlace {
  /** Whether no level is coarser. */
  readonly coarsest: boolean;
  readonly inChannels: number;
  readonly anchors: number;
  readonly width: number;
}

/** A 1×1 convolution, as RetinaFace has it. */
export class PointHead extends Head {
  readonly conv1x1: nn.Conv2d;
  readonly width: number;

  constructor(init: nn.Init, { inChannels, anchors, width }: HeadPlace) {
    super();
    this.width = width;
    this.conv1x1 = new nn.Conv2d(init, inChannels, anchors * width, { kernelSize: 1 });
  }

  override get last(): nn.Conv2d {
    return this.conv1x1;
  }

  override forward(x: Tensor): Tensor {
    return this.conv1x1.forward(x);
  }
}

/** How the heads of a network are built. */
export type HeadForm = "pointwise" | "separable";

/** What the convolution that makes a head's numbers may be called in a checkpoint. */
const LAST_NAMES = ["conv1x1", "conv3x3"];

/** The name of the convolution that makes the numbers of `module` at a level, or undefined where a checkpoint has none. */
export function headConvolution(
  state: { has(name: string): boolean },
  module: string,
  level: number,
): string | undefined {
  const names = LAST_NAMES.map((name) => `${module}.${level}.${name}`);
  return names.find((name) => state.has(`${name}.weight`));
}

import {
  concat,
  mulScalar,
  narrow,
  reshape,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import type { HeadMeaning, HeadSpec } from "../../types.js";
import { Head } from "../head.js";
import { convolution } from "./convolution.js";

/** Convolutions of a subnet before the one that predicts. */
const DEPTH = 4;
/** Standard deviation of a subnet's weights at that many channels (Lin et al. 2017, section 4.1). */
const DEVIATION = 0.01;
const PUBLISHED_CHANNELS = 256;
/** Probability that every class begins with everywhere, so that background does not flood the first steps. */
const PRIOR = 0.01;
/** Groups of GroupNorm, in subnets that have it (Wu and He 2018). */
export const GROUPS = 32;

/** Shape of a {@link SubnetHead}. */
export interface SubnetSpec {
  readonly channels: number;
  /** A cell. */
  readonly anchors: number;
  readonly head: HeadSpec;
  /** GroupNorm behind each convolution but the last. */
  readonly groupNorm: boolean;
}

/** What the last convolution is called. */
export function lastName(meaning: HeadMeaning): "cls_logits" | "bbox_reg" | "prediction" {
  return meaning === "class" ? "cls_logits" : meaning === "box" ? "bbox_reg" : "prediction";
}

/**
 * A subnet of RetinaNet (Lin et al. 2017): four 3×3 convolutions with ReLU and one that predicts, the same at every
 * level. A class head has a sigmoid for each class and none for the background, which is what a logit of 0 says: that is
 * put before the classes' own, so that further on the logits are those of any class head.
 *
 * The paper's σ of 0.01 is for 256 channels; at fewer it is larger, so that signals fade as much.
 */
export class SubnetHead extends Head {
  readonly conv: readonly nn.Sequential[];
  readonly cls_logits: nn.Conv2d | undefined;
  readonly bbox_reg: nn.Conv2d | undefined;
  readonly prediction: nn.Conv2d | undefined;
  readonly width: number;
  readonly #last: nn.Conv2d;
  readonly #anchors: number;
  readonly #classes: number | undefined;

  constructor(init: nn.Init, { channels, anchors, head, groupNorm }: SubnetSpec) {
    super();
    const { meaning, width } = head;
    const deviation = DEVIATION * Math.sqrt(PUBLISHED_CHANNELS / channels);
    this.width = width;
    this.#anchors = anchors;
    this.#classes = meaning === "class" ? width - 1 : undefined;
    this.conv = Array.from({ length: DEPTH }, () => {
      const bias = groupNorm ? false : 0;
      const conv = convolution(init, channels, channels, { kernelSize: 3, deviation, bias });
      const norm = groupNorm ? [new nn.GroupNorm(init, GROUPS, channels)] : [];
      return new nn.Sequential(conv, ...norm, new nn.ReLU());
    });
    this.#last = convolution(init, channels, anchors * (this.#classes ?? width), {
      kernelSize: 3,
      deviation,
      bias: meaning === "class" ? -Math.log((1 - PRIOR) / PRIOR) : 0,
    });
    this[lastName(meaning)] = this.#last;
  }

  override get last(): nn.Conv2d {
    return this.#last;
  }

  override forward(x: Tensor): Tensor {
    const y = this.#last.forward(this.conv.reduce((map, layer) => layer.forward(map), x));
    if (this.#classes === undefined) return y;
    const [n, rows, columns] = y.shape;
    const logits = reshape(y, [n, rows, columns, this.#anchors, this.#classes]);
    // Made of a logit, so that one that is not finite shows here too.
    const background = mulScalar(narrow(logits, -1, 0, 1), 0);
    return reshape(concat([background, logits], -1), [
      n,
      rows,
      columns,
      this.#anchors * this.width,
    ]);
  }
}

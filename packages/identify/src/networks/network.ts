import {
  mul,
  normalize,
  type StateDict,
  type Tensor,
  tensor as tensorOf,
} from "@retinaface-webgpu/tensor/inference";
import { Backbone } from "retinaface-webgpu";
import type { EmbedderConfig } from "./config.js";

/**
 * A network that turns aligned faces into unit vectors: the stages of a backbone, as detectors have them, and a head on the
 * last map. Its members bear the names of insightface's `arcface_torch`.
 */
export abstract class EmbeddingNetwork extends Backbone {
  readonly config: EmbedderConfig;

  constructor(config: EmbedderConfig) {
    super();
    this.config = config;
  }

  /** @param map the last stage's, `[n, size / 16, size / 16, channels]` @returns `[n, dimension]` */
  abstract head(map: Tensor): Tensor;

  /** Embeddings as the head leaves them. @param images `[n, size, size, 3]`: R, G, B as (value − 127.5) / 127.5 */
  output(images: Tensor): Tensor {
    let map = images;
    for (const { module } of this.stages()) map = module.forward(map);
    const { lower } = this.config;
    return this.head(lower === undefined ? map : emphasised(map, lower));
  }

  /** Embeddings of length 1, `[n, dimension]`. @param images as for {@link output} */
  embed(images: Tensor): Tensor {
    return normalize(this.output(images));
  }
}

/** Weights for a part of a network, or all of it. */
export interface Start {
  /** By the network's names. */
  readonly state: StateDict;
  /** Names that are not among them and begin at random; absent: all are there. */
  readonly random?: RegExp | undefined;
}

/** A map whose rows below the middle count less. */
function emphasised(map: Tensor, lower: number): Tensor {
  const [, rows] = map.shape;
  const factors = Float32Array.from({ length: rows }, (_, y) => {
    // An odd map's middle row is half above, half below.
    const below = Math.min(1, Math.max(0, y + 1 - rows / 2));
    return 1 - below * (1 - lower);
  });
  return mul(map, tensorOf(map.device, factors, [1, rows, 1, 1]));
}

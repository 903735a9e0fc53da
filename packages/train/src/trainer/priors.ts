import { BOX_NUMBERS, type DetectorConfig, priorBoxes } from "retinaface-webgpu";
import type { Size } from "../anchors/k-means.js";
import { type RefineOptions, refineAnchors } from "../anchors/refine.js";
import type { Sample } from "../augment/sample.js";
import { isSound } from "../objective/overlaps.js";

/** A training's priors, by the images' size; its anchors may follow the faces that it sees. */
export class TrainingPriors {
  #config: DetectorConfig;
  readonly #refine: RefineOptions | undefined;
  readonly #made = new Map<string, Float32Array>();

  /** @param refine absent: anchors stay */
  constructor(config: DetectorConfig, refine?: RefineOptions) {
    this.#config = config;
    this.#refine = refine;
  }

  /** With the anchors as they are now. */
  get config(): DetectorConfig {
    return this.#config;
  }

  /** Sizes of anchors that have moved, by level; absent where they stay. */
  get sizes(): readonly (readonly number[])[] | undefined {
    return this.#refine && this.#config.anchors.minSizes;
  }

  /** Goes on with the anchors that {@link sizes} gave. */
  load(sizes: readonly (readonly number[])[] | undefined): void {
    this.#config = configWithSizes(this.#config, sizes);
    this.#made.clear();
  }

  /** `[N, 4]`, for images of this shape. */
  of([, height, width]: readonly number[]): Float32Array {
    const key = `${height}x${width}`;
    let priors = this.#made.get(key);
    if (!priors) {
      priors = priorBoxes(height, width, this.#config.anchors);
      this.#made.set(key, priors);
    }
    return priors;
  }

  /** Lets the anchors follow the faces of a batch of images of this shape. */
  follow(samples: readonly Sample[], [, height, width]: readonly number[]): void {
    if (!this.#refine) return;
    const sizes = samples.flatMap((sample) => sizesOf(sample, height, width));
    this.load(refineAnchors(this.#config.anchors, sizes, this.#refine).minSizes);
  }
}

/** A configuration with anchors of these sizes, where there are some. */
export function configWithSizes(
  config: DetectorConfig,
  sizes: readonly (readonly number[])[] | undefined,
): DetectorConfig {
  if (!sizes) return config;
  return { ...config, anchors: { ...config.anchors, minSizes: sizes } };
}

/** In pixels, of the faces that train. */
function sizesOf({ boxes, ignored }: Sample, height: number, width: number): Size[] {
  const sizes: Size[] = [];
  for (let face = 0; face < boxes.length / BOX_NUMBERS; face++) {
    const box = boxes.subarray(face * BOX_NUMBERS, (face + 1) * BOX_NUMBERS);
    if (ignored[face] || !isSound(box)) continue;
    sizes.push([(box[2] - box[0]) * width, (box[3] - box[1]) * height]);
  }
  return sizes;
}

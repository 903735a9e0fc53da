import { seededRandom } from "@retinaface-webgpu/train";
import { OptionError } from "retinaface-webgpu";

/** Classes that take part in a step. */
export interface SampledClasses {
  /** In ascending order. */
  readonly classes: Int32Array;
  /** The place of each image's class in `classes`. */
  readonly labels: Int32Array;
}

/**
 * Chooses the classes of a step where there are too many for all (An et al., "Killing Two Birds with One Stone: Efficient
 * and Robust Training of Face Recognition CNNs by Partial FC", 2022): those of the batch, and as many others at random as
 * make up the rate. The choice is a pure function of seed and step, so that a resumed run makes the same.
 */
export class ClassSampler {
  readonly count: number;
  readonly #classes: number;
  readonly #seed: number;

  /**
   * @param classes how many there are @param rate share of them that takes part, above 0 and at most 1
   * @param positives most classes of a batch
   * @throws {OptionError} for a rate out of range
   */
  constructor(classes: number, rate: number, positives: number, seed: number) {
    if (!(rate > 0 && rate <= 1)) {
      throw new OptionError(`the share of classes must be above 0 and at most 1, not ${rate}`);
    }
    this.#classes = classes;
    this.#seed = seed;
    /** The same at every step, so that steps can be compiled. */
    this.count = Math.min(classes, Math.max(Math.ceil(rate * classes), positives));
  }

  /** @param labels classes of the batch's images @throws {OptionError} for more classes than a step has room for */
  sample(labels: ArrayLike<number>, step: number): SampledClasses {
    const chosen = new Set<number>(Array.from(labels));
    if (chosen.size > this.count) {
      throw new OptionError(
        `a batch of ${chosen.size} classes, where ${this.count} take part in a step: give a larger share`,
      );
    }
    const random = seededRandom(this.#seed, 0x9f0c, step);
    while (chosen.size < this.count) chosen.add(random.integer(this.#classes));
    const classes = Int32Array.from(chosen).sort();
    const places = new Map(Array.from(classes, (id, place) => [id, place]));
    return { classes, labels: Int32Array.from(labels, (id) => places.get(id)!) };
  }
}

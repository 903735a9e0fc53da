import { DataError, seededRandom } from "@retinaface-webgpu/train";
import { groupBy } from "./group.js";

/** A picture of a batch: which, and of which identity. */
export interface Pick {
  /** Index of the picture. */
  readonly image: number;
  readonly label: number;
}

/**
 * Balanced batches: P identities × K pictures of each. Identities come in an order that is drawn anew once all have come
 * (but for those that are left over where P does not divide their number); pictures of one with fewer than K are repeated.
 * A batch is a pure function of seed and step, so that a resumed run makes the same.
 */
export class BalancedSampler {
  /** Labels, each with its pictures. */
  readonly #classes: readonly (readonly [label: number, images: readonly number[]])[];
  readonly #identities: number;
  readonly #images: number;
  readonly #seed: number;

  /**
   * @param labels of every picture: 0 … classes − 1 @param identities P @param images K
   * @throws {DataError} for fewer identities than P
   */
  constructor(labels: ArrayLike<number>, identities: number, images: number, seed: number) {
    const indices = Array.from({ length: labels.length }, (_, i) => i);
    const byLabel = groupBy(indices, (i) => labels[i]);
    if (byLabel.size < identities) {
      throw new DataError(
        `A batch takes ${identities} identities, and there are ${byLabel.size}: take fewer a batch.`,
      );
    }
    this.#classes = [...byLabel].sort(([a], [b]) => a - b);
    this.#identities = identities;
    this.#images = images;
    this.#seed = seed;
  }

  /** The pictures of a step's batch, those of one identity side by side. @param step from 0 */
  batch(step: number): Pick[] {
    const count = this.#classes.length;
    const perRound = Math.floor(count / this.#identities);
    const [round, place] = [Math.floor(step / perRound), step % perRound];
    const all = Array.from({ length: count }, (_, i) => i);
    const order = seededRandom(this.#seed, 1, round).shuffle(all);
    const chosen = order.slice(place * this.#identities, (place + 1) * this.#identities);
    return chosen.flatMap((i) => {
      const [label, own] = this.#classes[i];
      const drawn = seededRandom(this.#seed, 2, step, i).shuffle([...own]);
      return Array.from({ length: this.#images }, (_, k) => ({
        image: drawn[k % drawn.length],
        label,
      }));
    });
  }
}

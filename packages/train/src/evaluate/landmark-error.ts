import { LANDMARK_NAMES } from "retinaface-webgpu";

/** How far found landmarks lie from the labelled ones, as a share of the face's size. */
export interface LandmarkError {
  /** Faces with labelled landmarks that were found. */
  readonly faces: number;
  /** Mean distance over the square root of the labelled box's area. */
  readonly byBox: number;
  /** Mean distance over the distance of the eyes. */
  readonly byEyes: number;
  /** Share of faces whose mean distance is above 0.1 of the distance of the eyes. */
  readonly failures: number;
  /** `byEyes` of each of the five points. */
  readonly points: readonly number[];
}

const FAILURE = 0.1;

/** Collects landmark pairs; the normalised mean error (NME) of Cao et al., 2014. */
export class LandmarkErrorMeter {
  #faces = 0;
  #byBox = 0;
  #eyes = 0;
  #failures = 0;
  readonly #points = LANDMARK_NAMES.map(() => 0);

  /**
   * @param found [10]
   * @param labelled [10]; a face with a NaN among them does not count
   * @param box [4]: the labelled box
   */
  add(found: ArrayLike<number>, labelled: Float32Array, box: ArrayLike<number>): void {
    if (!labelled.every(Number.isFinite)) return;
    const distance = (i: number) =>
      Math.hypot(found[i * 2] - labelled[i * 2], found[i * 2 + 1] - labelled[i * 2 + 1]);
    const distances = this.#points.map((_, i) => distance(i));
    const mean = distances.reduce((sum, d) => sum + d, 0) / distances.length;
    this.#faces++;
    this.#byBox += mean / Math.sqrt((box[2] - box[0]) * (box[3] - box[1]));
    const eyes = Math.hypot(labelled[2] - labelled[0], labelled[3] - labelled[1]);
    if (eyes === 0) return;
    this.#eyes++;
    if (mean / eyes > FAILURE) this.#failures++;
    for (const [i, d] of distances.entries()) this.#points[i] += d / eyes;
  }

  /** Undefined while no face had landmarks. Profiles whose eyes coincide count in `byBox` only. */
  result(): LandmarkError | undefined {
    if (this.#faces === 0) return undefined;
    const points = this.#points.map((sum) => sum / this.#eyes);
    return {
      faces: this.#faces,
      byBox: this.#byBox / this.#faces,
      byEyes: points.reduce((sum, v) => sum + v, 0) / points.length,
      failures: this.#failures / this.#eyes,
      points,
    };
  }
}

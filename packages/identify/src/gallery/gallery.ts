import { OptionError } from "retinaface-webgpu";
import { EmbeddingError, GalleryError } from "./errors.js";

/**
 * How several pictures of an identity answer together:
 * - `best`: the similarity to its most similar picture. For identities that look different from picture to picture
 *   (pose, light, age); grows with the number of pictures, and so do false accepts.
 * - `mean`: the similarity to the mean of its pictures, scaled to length 1 again. Steadier where single pictures are bad; one
 *   row an identity is searched instead of one a picture.
 * - `soft`: ln(mean of exp(15 · similarity)) / 15 over its pictures: the logarithm of their density by von Mises–Fisher
 *   kernels. Of several like ones all count, of unlike ones the similar; for many pictures from many views.
 */
export type Combine = "best" | "mean" | "soft";

export const COMBINES: readonly Combine[] = ["best", "mean", "soft"];

/** Concentration of the kernels of `soft`: of 5 to 40 it told most cattle apart (docs/train-embeddings.md, 2026-11-30). */
export const SOFTNESS = 15;

/** From which similarity on a face is the identity that it is most similar to, and where that comes from. */
export interface GalleryThreshold {
  readonly value: number;
  /** The share of strangers that it takes for somebody; absent where the threshold was given without being measured. */
  readonly far?: number | undefined;
  /** How many strangers' pictures it was chosen on. */
  readonly trials?: number | undefined;
  /** Whose these were: of strangers that were given, or of each identity in turn, compared with the others. */
  readonly strangers?: "given" | "left-out" | undefined;
}

export interface GalleryOptions {
  /** The fingerprint of the model that makes the vectors; see `modelFingerprint`. */
  readonly model: string;
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** Default `best`. */
  readonly combine?: Combine | undefined;
  readonly threshold?: GalleryThreshold | undefined;
  /** Where the model's weights are, from the folder of the gallery's file: to find them again, nothing more. */
  readonly weights?: string | undefined;
}

/** Somebody in a gallery. */
export interface Identity {
  readonly id: string;
  readonly pictures: number;
}

/** What a search compares with: rows of unit length, those of an identity one after the other. */
export interface GalleryRows {
  readonly ids: readonly string[];
  /** [rows]: which of `ids` a row belongs to, in ascending order. */
  readonly owners: Uint32Array;
  readonly combine: Combine;
  /** Copies rows `from` to `to` into the beginning of `into`. */
  copy(from: number, to: number, into: Float32Array): void;
}

/** Vectors longer than any network's here are a mistake. */
export const MOST_DIMENSIONS = 4096;
export const LONGEST_ID = 255;

/** @throws OptionError for a name that no file could keep */
export function requireId(id: unknown): asserts id is string {
  const fits = typeof id === "string" && id.length > 0 && id.length <= LONGEST_ID;
  if (!fits || /\p{Cc}|\p{Cs}/u.test(id)) {
    throw new OptionError(
      `an id must be a text of 1 to ${LONGEST_ID} characters without control characters, got ${JSON.stringify(id)}`,
    );
  }
}

/**
 * A copy of a vector scaled to length 1.
 *
 * @throws EmbeddingError where it has another length than `dimensions`, is not finite, or is all zeros
 */
export function unitVector(vector: ArrayLike<number>, dimensions: number): Float32Array {
  if (vector.length !== dimensions) {
    throw new EmbeddingError(
      `a vector of ${vector.length} numbers where the gallery has ${dimensions}: use the model that it was made with`,
    );
  }
  let squares = 0;
  for (let i = 0; i < dimensions; i++) squares += vector[i] * vector[i];
  const length = Math.sqrt(squares);
  if (!(length > 0 && Number.isFinite(length))) {
    throw new EmbeddingError(
      "a vector that is all zeros or not finite describes no face: leave the picture out, or check the weights",
    );
  }
  return Float32Array.from(vector, (value) => value / length);
}

/**
 * Who can be recognised: for each identity the vectors of its pictures, as one model made them. It knows only whom its user
 * enrolled. A plain object in memory: `encodeGallery` and `GalleryFile` keep it, `openSearch` matches with it.
 */
export class Gallery {
  readonly model: string;
  readonly dimensions: number;
  readonly combine: Combine;
  threshold: GalleryThreshold | undefined;
  readonly weights: string | undefined;
  readonly #vectors = new Map<string, Float32Array[]>();
  #pictures = 0;

  /** @throws OptionError */
  constructor(options: GalleryOptions) {
    const { model, dimensions, combine = "best", threshold, weights } = options;
    if (typeof model !== "string" || model === "") {
      throw new OptionError("a gallery needs the fingerprint of the model that makes its vectors");
    }
    if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      throw new OptionError(
        `dimensions must be a whole number from 1 to ${MOST_DIMENSIONS}, got ${dimensions}`,
      );
    }
    if (!COMBINES.includes(combine)) {
      throw new OptionError(`combine must be ${COMBINES.join(", ")}, got ${combine}`);
    }
    this.model = model;
    this.dimensions = dimensions;
    this.combine = combine;
    this.threshold = threshold;
    this.weights = weights;
  }

  /** How many identities there are. */
  get size(): number {
    return this.#vectors.size;
  }

  /** How many pictures they have together. */
  get pictures(): number {
    return this.#pictures;
  }

  has(id: string): boolean {
    return this.#vectors.has(id);
  }

  /** Everybody, in the order of enrolment. */
  list(): Identity[] {
    return [...this.#vectors].map(([id, { length }]) => ({ id, pictures: length }));
  }

  /** The unit vectors of an identity's pictures; none where it is not enrolled. */
  vectorsOf(id: string): readonly Float32Array[] {
    return this.#vectors.get(id) ?? [];
  }

  /** Whether a picture with this very vector is enrolled. @throws EmbeddingError */
  holds(id: string, vector: ArrayLike<number>): boolean {
    const wanted = unitVector(vector, this.dimensions);
    return this.vectorsOf(id).some((held) => held.every((value, i) => value === wanted[i]));
  }

  /**
   * Adds pictures to an identity, which is new or there already. All of them, or with an error none.
   *
   * @param vectors each of `dimensions` numbers, of any length but 0: they are scaled to 1
   * @returns how many pictures the identity has now
   * @throws OptionError, EmbeddingError
   */
  enrol(id: string, vectors: readonly ArrayLike<number>[]): number {
    requireId(id);
    if (vectors.length === 0) throw new OptionError(`no vector to enrol "${id}" with`);
    return this.#add(
      id,
      vectors.map((vector) => unitVector(vector, this.dimensions)),
    );
  }

  /** As `enrol`, for what a gallery's file holds: unit vectors already, which are kept as they are. */
  restore(id: string, vectors: readonly Float32Array[]): void {
    requireId(id);
    this.#add(id, vectors);
  }

  #add(id: string, vectors: readonly Float32Array[]): number {
    const all = this.#vectors.get(id) ?? [];
    for (const vector of vectors) all.push(vector);
    this.#vectors.set(id, all);
    this.#pictures += vectors.length;
    return all.length;
  }

  /** Forgets an identity. @returns how many pictures it had: 0 where it was not enrolled */
  remove(id: string): number {
    const { length } = this.vectorsOf(id);
    this.#vectors.delete(id);
    this.#pictures -= length;
    return length;
  }

  /** @throws GalleryError `GALLERY_MODEL` unless the vectors are of this model */
  requireModel(fingerprint: string): void {
    if (fingerprint === this.model) return;
    throw new GalleryError(
      "GALLERY_MODEL",
      `the gallery was made by the model ${short(this.model)}, these weights are ${short(fingerprint)}: their vectors ` +
        "can not be compared. Give the weights that it was made with, or enrol anew.",
    );
  }

  /**
   * What is searched, as the gallery is now: a row a picture, or the mean of each identity.
   *
   * @throws EmbeddingError where the pictures of an identity cancel out in their mean
   */
  rows(combine: Combine = this.combine): GalleryRows {
    const ids = [...this.#vectors.keys()];
    const rows =
      combine === "mean"
        ? [...this.#vectors.values()].map((vectors) => meanOf(vectors, this.dimensions))
        : [...this.#vectors.values()].flat();
    const owners = new Uint32Array(rows.length);
    let row = 0;
    for (const [owner, id] of ids.entries()) {
      const end = row + (combine === "mean" ? 1 : this.vectorsOf(id).length);
      owners.fill(owner, row, end);
      row = end;
    }
    const { dimensions } = this;
    return {
      ids,
      owners,
      combine,
      copy: (from, to, into) => {
        for (let i = from; i < to; i++) into.set(rows[i], (i - from) * dimensions);
      },
    };
  }
}

/** The direction of the sum. */
function meanOf(vectors: readonly Float32Array[], dimensions: number): Float32Array {
  if (vectors.length === 1) return vectors[0];
  const sum = new Float64Array(dimensions);
  for (const vector of vectors) for (let i = 0; i < dimensions; i++) sum[i] += vector[i];
  return unitVector(sum, dimensions);
}

/** Enough of a fingerprint to tell two apart. */
function short(fingerprint: string): string {
  return fingerprint.length > 16 ? `${fingerprint.slice(0, 16)}…` : fingerprint;
}

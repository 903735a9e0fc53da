import { OptionError } from "retinaface-webgpu";

/** The four 32-bit words of a {@link Random}: JSON-serialisable, to be stored in a checkpoint. */
export type RandomState = readonly [number, number, number, number];

/** Mixes a 32-bit word so that neighbouring inputs give unrelated outputs (murmur3's finaliser). */
function mix(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Seeded random numbers: Chris Doty-Humphrey's sfc32, the same on every platform.
 * `new Random(seed, epoch, index)` gives every sample of a run its own independent stream.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** @param seeds any number of integers; each, and their order, changes the stream. */
  constructor(...seeds: readonly number[]) {
    let a = 0x9e3779b9;
    let b = 0x243f6a88;
    let c = 0xb7e15162;
    for (const seed of seeds) {
      if (!Number.isSafeInteger(seed)) {
        throw new OptionError(`A random seed must be an integer, not ${seed}.`);
      }
      const high = Math.floor(seed / 2 ** 32);
      a = mix(a ^ seed);
      b = mix(b ^ a ^ high);
      c = mix((c + b) ^ a);
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#counter = 1;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** Continues a stream from a stored {@link state}. */
  static from(state: RandomState): Random {
    const random = new Random();
    [random.#a, random.#b, random.#c, random.#counter] = state;
    return random;
  }

  get state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#counter];
  }

  /** An integer in [0, 2³²). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** A number in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer in [0, count), count ≥ 1. */
  integer(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

import { Random } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

/** Mixes a 32-bit word so that neighbouring inputs give unrelated outputs (murmur3's finaliser). */
function mix(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Random numbers of their own for every combination of integers: `seededRandom(seed, epoch, index)` does
 * not depend on what was drawn for other samples. Their order matters.
 *
 * @throws {OptionError} for a seed that is not an integer.
 */
export function seededRandom(...seeds: readonly number[]): Random {
  let hash = 0x9e3779b9;
  for (const seed of seeds) {
    if (!Number.isSafeInteger(seed)) {
      throw new OptionError(`a random seed must be an integer, not ${seed}`);
    }
    hash = mix(hash ^ seed) + mix(Math.floor(seed / 2 ** 32) + 0x243f6a88);
  }
  return new Random(mix(hash));
}

/** True with the given probability. */
export function chance(random: Random, probability: number): boolean {
  return random.uniform() < probability;
}

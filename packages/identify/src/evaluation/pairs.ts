import { Random } from "@retinaface-webgpu/tensor/inference";
import { OptionError } from "retinaface-webgpu";
import type { PairScores } from "./verification.js";

/** A picture that was turned into numbers. */
export interface EmbeddedPicture {
  readonly id: string;
  /** Of length 1. */
  readonly vector: Float32Array;
}

/** Pairs of one kind beyond these make no rate surer that is told. */
const MOST_PAIRS = 1_000_000;

/** Cosine of unit vectors. */
export function similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Similarities of all pairs of pictures; where there are more than `most` of one kind, of so many that are drawn at random, the
 * same ones every time.
 *
 * @throws OptionError where no identity has two pictures, or there is only one
 */
export function pairScores(
  pictures: readonly EmbeddedPicture[],
  { most = MOST_PAIRS, seed = 1 } = {},
): PairScores {
  const groups = groupsOf(pictures);
  const same = groups.reduce((sum, { length }) => sum + (length * (length - 1)) / 2, 0);
  const other = (pictures.length * (pictures.length - 1)) / 2 - same;
  if (same === 0 || other === 0) {
    throw new OptionError("verification needs two identities, and two pictures of one of them");
  }
  return {
    genuine: same <= most ? genuineScores(groups) : drawGenuine(groups, most, seed),
    impostor: other <= most ? impostorScores(pictures) : drawImpostors(pictures, most, seed),
  };
}

/** The pictures of each identity. */
function groupsOf(pictures: readonly EmbeddedPicture[]): EmbeddedPicture[][] {
  const groups = new Map<string, EmbeddedPicture[]>();
  for (const picture of pictures) {
    const group = groups.get(picture.id);
    if (group) group.push(picture);
    else groups.set(picture.id, [picture]);
  }
  return [...groups.values()];
}

const score = (a: EmbeddedPicture, b: EmbeddedPicture) => similarity(a.vector, b.vector);

function genuineScores(groups: readonly (readonly EmbeddedPicture[])[]): Float64Array {
  return Float64Array.from(
    groups.flatMap((group) =>
      group.flatMap((first, i) => group.slice(i + 1).map((second) => score(first, second))),
    ),
  );
}

function impostorScores(pictures: readonly EmbeddedPicture[]): Float64Array {
  const scores: number[] = [];
  for (const [i, first] of pictures.entries()) {
    for (const second of pictures.slice(i + 1)) {
      if (first.id !== second.id) scores.push(score(first, second));
    }
  }
  return Float64Array.from(scores);
}

/** Every pair as probable as every other: identities with more pictures have more pairs. */
function drawGenuine(
  groups: readonly (readonly EmbeddedPicture[])[],
  count: number,
  seed: number,
): Float64Array {
  const random = new Random(seed);
  const ends: number[] = [];
  for (const { length } of groups) ends.push((ends.at(-1) ?? 0) + (length * (length - 1)) / 2);
  return Float64Array.from({ length: count }, () => {
    const at = random.uniform(0, ends[ends.length - 1]);
    const group = groups[ends.findIndex((end) => at < end)];
    const [i, j] = twoOf(group.length, random);
    return score(group[i], group[j]);
  });
}

function drawImpostors(
  pictures: readonly EmbeddedPicture[],
  count: number,
  seed: number,
): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: count }, () => {
    for (;;) {
      const [i, j] = twoOf(pictures.length, random);
      if (pictures[i].id !== pictures[j].id) return score(pictures[i], pictures[j]);
    }
  });
}

/** Two different places of `length`. */
function twoOf(length: number, random: Random): [number, number] {
  const i = Math.floor(random.uniform(0, length));
  const j = Math.floor(random.uniform(0, length - 1));
  return [i, j < i ? j : j + 1];
}

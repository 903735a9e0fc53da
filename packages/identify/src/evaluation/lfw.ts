/**
 * LFW's protocol (Huang et al., "Labeled Faces in the Wild", 2007; `pairs.txt` of http://vis-www.cs.umass.edu/lfw): ten
 * sets of pairs; for each, the threshold that is best on the other nine, and the accuracy with it. What is reported is the
 * mean of the ten and its standard error.
 */
import { OptionError, RetinaFaceError } from "retinaface-webgpu";

/** A picture by LFW's names: the n-th of an identity, from 1 on. */
export interface LfwPicture {
  readonly id: string;
  readonly number: number;
}

export interface LfwPair {
  readonly first: LfwPicture;
  readonly second: LfwPicture;
  readonly same: boolean;
  /** From 0 on. */
  readonly fold: number;
}

/** A list of pairs that breaks the format. */
export class PairsError extends RetinaFaceError {
  /** @param line from 1 on */
  constructor(line: number, message: string) {
    super("PAIRS_INVALID", `pairs, line ${line}: ${message}`);
  }
}

/** Pairs beyond these are no list for a person's computer. */
const MOST_PAIRS = 10_000_000;

/**
 * Reads `pairs.txt`: a line with the number of folds and of pairs of each kind in one (or the pairs alone, for one fold), then for
 * each fold its pairs of one identity, `name n m`, and its pairs of two, `name n name m`.
 *
 * @throws PairsError
 */
export function parsePairs(text: string): LfwPair[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  const [head = "", ...rest] = lines;
  const { folds, each } = parseHead(head);
  if (rest.length !== folds * each * 2) {
    throw new PairsError(
      1,
      `${folds} folds of ${each} pairs of each kind are ${folds * each * 2} lines, there are ${rest.length}`,
    );
  }
  return rest.map((line, i) => {
    const fold = Math.floor(i / (each * 2));
    return parsePair(line, { number: i + 2, fold, same: i % (each * 2) < each });
  });
}

function parseHead(line: string): { folds: number; each: number } {
  const counts = line.trim().split(/\s+/).map(Number);
  const [folds, each] = counts.length === 1 ? [1, counts[0]] : counts;
  const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
  if (counts.length > 2 || !whole(folds) || !whole(each) || folds * each * 2 > MOST_PAIRS) {
    throw new PairsError(1, `"${line.slice(0, 80)}" is not the number of folds and of pairs`);
  }
  return { folds, each };
}

function parsePair(
  line: string,
  { number, fold, same }: { number: number; fold: number; same: boolean },
): LfwPair {
  const fields = line.includes("\t") ? line.trim().split("\t") : line.trim().split(/\s+/);
  const wanted = same ? 3 : 4;
  if (fields.length !== wanted) {
    throw new PairsError(
      number,
      `${same ? "a pair of one identity is name, n, m" : "a pair of two identities is name, n, name, m"}, ` +
        `got ${fields.length} fields`,
    );
  }
  const [id, n, ...last] = fields;
  const [other, m] = same ? [id, last[0]] : last;
  const first = { id, number: parseNumber(n, number) };
  const second = { id: other, number: parseNumber(m, number) };
  if (!same && id === other) throw new PairsError(number, `both pictures are of "${id}"`);
  if (same && first.number === second.number) {
    throw new PairsError(number, `both pictures are the ${n}. of "${id}"`);
  }
  return { first, second, same, fold };
}

function parseNumber(text: string, line: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) {
    throw new PairsError(line, `"${text.slice(0, 40)}" is not the number of a picture`);
  }
  return value;
}

/** LFW's name of a picture, without its ending: `name/name_0001`. */
export function lfwName({ id, number }: LfwPicture): string {
  return `${id}/${id}_${String(number).padStart(4, "0")}`;
}

/** A pair with what the model says. */
export interface ScoredPair {
  readonly same: boolean;
  readonly fold: number;
  readonly score: number;
}

export interface FoldAccuracy {
  /** Mean of the folds' accuracies. */
  readonly accuracy: number;
  /** Standard error of the mean: the folds' sample deviation over the root of their number. */
  readonly standardError: number;
  readonly folds: readonly { readonly accuracy: number; readonly threshold: number }[];
}

/**
 * Accuracy by LFW's protocol: a pair is of one identity from the threshold on.
 *
 * @throws OptionError for fewer than two folds
 */
export function foldAccuracy(pairs: readonly ScoredPair[]): FoldAccuracy {
  const numbers = [...new Set(pairs.map(({ fold }) => fold))].sort((a, b) => a - b);
  if (numbers.length < 2) {
    throw new OptionError("the protocol chooses a threshold on other folds: give two at least");
  }
  const folds = numbers.map((fold) => {
    const threshold = bestThreshold(pairs.filter((pair) => pair.fold !== fold));
    const own = pairs.filter((pair) => pair.fold === fold);
    const right = own.filter(({ same, score }) => score >= threshold === same).length;
    return { accuracy: right / own.length, threshold };
  });
  const accuracy = folds.reduce((sum, fold) => sum + fold.accuracy, 0) / folds.length;
  const squares = folds.reduce((sum, fold) => sum + (fold.accuracy - accuracy) ** 2, 0);
  const standardError = Math.sqrt(squares / (folds.length - 1) / folds.length);
  return { accuracy, standardError, folds };
}

/** The threshold that tells most pairs rightly: in the middle between scores; the highest of equals. */
export function bestThreshold(pairs: readonly ScoredPair[]): number {
  const sorted = [...pairs].sort((a, b) => b.score - a.score);
  let right = sorted.filter(({ same }) => !same).length;
  let best = { right, threshold: sorted[0].score + 1 };
  for (let i = 0; i < sorted.length; i++) {
    right += sorted[i].same ? 1 : -1;
    const next = sorted[i + 1]?.score;
    if (next === sorted[i].score) continue;
    const threshold = next === undefined ? sorted[i].score : (sorted[i].score + next) / 2;
    if (right > best.right) best = { right, threshold };
  }
  return best.threshold;
}

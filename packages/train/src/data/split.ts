import { seededRandom } from "../random.js";
import { countClasses, type FaceRecord } from "./record.js";

/** Both sides of a split. */
export interface SplitRecords {
  readonly train: FaceRecord[];
  readonly val: FaceRecord[];
}

/** What is drawn as one, and what it is alike to. */
interface Unit {
  readonly key: string;
  readonly records: readonly FaceRecord[];
}

const matchOf = ({ id }: FaceRecord, pattern: RegExp) => {
  const match = id.match(pattern);
  return match ? (match[1] ?? match[0]) : undefined;
};

/** Images, or groups of them, in the order of their names. */
function unitsOf(records: readonly FaceRecord[], group: RegExp | undefined): Unit[] {
  const units = new Map<string, FaceRecord[]>();
  for (const record of records) {
    const text = group && matchOf(record, group);
    const key = text === undefined ? record.id : `group ${text}`;
    units.set(key, [...(units.get(key) ?? []), record]);
  }
  return [...units.keys()].sort().map((key) => ({ key, records: units.get(key)! }));
}

/** By the rarest class of a unit's faces, so that rare classes are shared out first; none for background. */
function byClass(records: readonly FaceRecord[]): (unit: Unit) => string {
  const names = Object.keys(countClasses(records));
  const place = new Map(names.map((name, i) => [name, i]));
  return (unit) => {
    const places = unit.records.flatMap(({ labels }) => labels.map((label) => place.get(label)!));
    return places.length === 0 ? "" : `class ${names[Math.max(...places)]}`;
  };
}

/** By the text that a pattern matches in the path of a unit's first image. */
const byPattern = (pattern: RegExp) => (unit: Unit) =>
  matchOf([...unit.records].sort((a, b) => (a.id < b.id ? -1 : 1))[0], pattern) ?? "";

/**
 * How many of each stratum train: the fraction of all of them, rounded once, and where a stratum has two, one at least on
 * either side.
 */
function countsOf(sizes: readonly number[], fraction: number): number[] {
  let seen = 0;
  let taken = 0;
  return sizes.map((size) => {
    seen += size;
    const wanted = Math.round(seen * fraction) - taken;
    const count = Math.min(Math.max(wanted, size > 1 ? 1 : 0), size > 1 ? size - 1 : size);
    taken += count;
    return count;
  });
}

/** What a split keeps together and what it keeps alike on both sides. */
export interface SplitOptions {
  /**
   * Records whose ids it matches with the same text (of its first bracket, if it has one) stay on one side; the fraction is
   * then that of groups.
   */
  readonly group?: RegExp | undefined;
  /** `class`, or a pattern of ids: both sides get the fraction of each class, or of each text that is matched. */
  readonly stratify?: "class" | RegExp | undefined;
}

/**
 * Splits records by a seeded shuffle of their sorted ids, whatever order they were read in: the first
 * `fraction` of them trains, the rest validates. Both parts keep the order of `records`.
 *
 * With `stratify` an image, or group, counts for the rarest class among its faces, and each class is split by itself.
 */
export function splitRecords(
  records: readonly FaceRecord[],
  fraction: number,
  seed: number,
  { group, stratify }: SplitOptions = {},
): SplitRecords {
  const units = unitsOf(records, group);
  seededRandom(seed).shuffle(units);
  const stratumOf =
    stratify === undefined
      ? () => ""
      : stratify === "class"
        ? byClass(records)
        : byPattern(stratify);
  const strata = new Map<string, Unit[]>();
  for (const unit of units) {
    const stratum = stratumOf(unit);
    strata.set(stratum, [...(strata.get(stratum) ?? []), unit]);
  }
  const ordered = [...strata.keys()].sort().map((stratum) => strata.get(stratum)!);
  const counts =
    stratify === undefined
      ? ordered.map(({ length }) => Math.round(length * fraction))
      : countsOf(
          ordered.map(({ length }) => length),
          fraction,
        );
  const chosen = new Set(
    ordered.flatMap((members, i) => members.slice(0, counts[i])).flatMap((unit) => unit.records),
  );
  return {
    train: records.filter((record) => chosen.has(record)),
    val: records.filter((record) => !chosen.has(record)),
  };
}

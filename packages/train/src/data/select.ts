import { DataError } from "../errors.js";
import { seededRandom } from "../random.js";
import { type FaceRecord, filterFaces } from "./record.js";

/** What becomes of a class name: its new name, or undefined to leave its faces out. */
export type ClassMap = (label: string) => string | undefined;

/**
 * Parses a class filter: groups separated by `;`, each a list of names and, after `=`, the name they
 * get. `a,b=face` keeps a and b as "face", `a;b=mask` keeps a as it is and calls b "mask",
 * `*=face` calls everything not named elsewhere "face".
 */
export function parseClasses(text: string): ClassMap {
  const names = new Map<string, string | undefined>();
  for (const group of text.split(";")) {
    const [left, target, ...rest] = group.split("=").map((part) => part.trim());
    const sources = left.split(",").map((name) => name.trim());
    if (rest.length > 0 || target === "" || sources.includes("")) {
      throw new DataError(`Cannot read the classes "${text}": write a,b=face or a,b or *=face.`);
    }
    for (const name of sources) names.set(name, target);
  }
  const lookUp = (label: string, key: string) => names.get(key) ?? label;
  return (label) => {
    if (names.has(label)) return lookUp(label, label);
    return names.has("*") ? lookUp(label, "*") : undefined;
  };
}

/** Applies a class map to every record; images whose faces are all left out stay, as background. */
export function mapClasses(records: readonly FaceRecord[], map: ClassMap): FaceRecord[] {
  return records.map((record) => {
    const labels = record.labels.map(map);
    const kept = filterFaces(record, (i) => labels[i] !== undefined);
    return { ...kept, labels: labels.filter((label) => label !== undefined) };
  });
}

/**
 * Splits records by a seeded shuffle of their sorted ids, whatever order they were read in: the first
 * `fraction` of them trains, the rest validates. Both parts keep the order of `records`.
 */
export function splitRecords(
  records: readonly FaceRecord[],
  fraction: number,
  seed: number,
): { train: FaceRecord[]; val: FaceRecord[] } {
  const ids = [...new Set(records.map((record) => record.id))].sort();
  seededRandom(seed).shuffle(ids);
  const chosen = new Set(ids.slice(0, Math.round(ids.length * fraction)));
  return {
    train: records.filter((record) => chosen.has(record.id)),
    val: records.filter((record) => !chosen.has(record.id)),
  };
}

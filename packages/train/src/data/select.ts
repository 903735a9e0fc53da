import { DataError } from "../errors.js";
import { countClasses, type FaceRecord, filterFaces } from "./record.js";

/** What becomes of a class name: its new name, or undefined to leave its faces out. */
export type ClassMap = (label: string) => string | undefined;

/**
 * Parses a class filter: groups separated by `;`, each a list of names and, after `=`, the name they
 * get. `a,b=face` keeps a and b as "face", `a;b=mask` keeps a as it is and calls b "mask",
 * `*=face` calls everything not named elsewhere "face". What is called "ignored" counts neither as face nor as background.
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

/** The name that makes a class neither face nor background: `classes=a=face;b=ignored`. */
const IGNORED_CLASS = "ignored";

/** What a class map makes of one class of the data. */
export interface ClassFate {
  readonly label: string;
  readonly faces: number;
  /** Its new name, `ignored`, or `background`. */
  readonly becomes: string;
}

/** What becomes of every class of the records, most frequent first. */
export function classFates(records: readonly FaceRecord[], map: ClassMap): ClassFate[] {
  return Object.entries(countClasses(records)).map(([label, faces]) => ({
    label,
    faces,
    becomes: map(label) ?? "background",
  }));
}

/**
 * Makes sure that the classes which a filter names are in the data: a name that is misspelt would make faces
 * background.
 * @throws {DataError} naming those that are not, and the classes that are there
 */
export function checkClasses(records: readonly FaceRecord[], text: string): void {
  const counts = countClasses(records);
  const named = text
    .split(";")
    .flatMap((group) =>
      group
        .split("=")[0]
        .split(",")
        .map((name) => name.trim()),
    )
    .filter((name) => name !== "*");
  const absent = named.filter((name) => counts[name] === undefined);
  if (absent.length === 0) return;
  const there = Object.entries(counts).map(([name, n]) => `${name} (${n})`);
  throw new DataError(
    `The data have no class ${absent.map((name) => `"${name}"`).join(", ")}; there ` +
      `${there.length > 0 ? `are ${there.join(", ")}` : "is no face at all"}. Choose among these in ` +
      "classes=, or leave the name out.",
  );
}

/**
 * Makes sure that every face that trains is of a class that the network tells apart.
 * @throws {DataError} naming classes of the data that are none of the network's
 */
export function checkLabels(records: readonly FaceRecord[], classes: readonly string[]): void {
  const training = records.map((record) => filterFaces(record, (i) => record.ignored[i] === 0));
  const alien = Object.entries(countClasses(training)).filter(([name]) => !classes.includes(name));
  if (alien.length === 0) return;
  const [first] = alien[0];
  throw new DataError(
    `The data have faces of ${alien.map(([name, n]) => `"${name}" (${n})`).join(", ")}, and the network tells ` +
      `${classes.join(", ")} apart: add them to --classes, or say in the SPEC what they are, such as ` +
      `classes=*;${first}=${classes[0]} or classes=*;${first}=ignored.`,
  );
}

/**
 * Makes sure that there is a face of every class to learn it from.
 * @throws {DataError} naming classes that the data do not have, and those that they have
 */
export function checkTaught(records: readonly FaceRecord[], classes: readonly string[]): void {
  const counts = countClasses(
    records.map((record) => filterFaces(record, (i) => record.ignored[i] === 0)),
  );
  const absent = classes.filter((name) => counts[name] === undefined);
  if (absent.length === 0) return;
  const there = Object.entries(counts).map(([name, n]) => `${name} (${n})`);
  throw new DataError(
    `No face of ${absent.map((name) => `"${name}"`).join(", ")} is there to learn from; there are ` +
      `${there.join(", ")}: leave a class out of --classes, or add faces of it.`,
  );
}

/** Applies a class map to every record; faces of the class `ignored` are ignored ones; images whose faces are all left out stay, as background. */
export function mapClasses(records: readonly FaceRecord[], map: ClassMap): FaceRecord[] {
  return records.map((record) => {
    const labels = record.labels.map(map);
    const kept = filterFaces(record, (i) => labels[i] !== undefined);
    const named = labels.filter((label) => label !== undefined);
    const ignored = kept.ignored.map((flag, i) => (named[i] === IGNORED_CLASS ? 1 : flag));
    return { ...kept, labels: named, ignored };
  });
}

import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import type { FaceRecord, Problem } from "./record.js";

const fileOf = ({ image }: FaceRecord) => (typeof image === "string" ? image : undefined);

const filesOf = (records: readonly FaceRecord[]) => [
  ...new Set(records.map(fileOf).filter((file) => file !== undefined)),
];

const realName = (file: string) => realpathSync(file);

function digest(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Value of `of` for a file that can be read; others are told of where they are decoded. */
function attempt<T>(of: (file: string) => T, file: string): T | undefined {
  try {
    return of(file);
  } catch {
    return undefined;
  }
}

/**
 * Photos that are trained on and validated with: the same file, under whatever name, or a copy of the same bytes.
 * Figures on such photos say nothing of new ones.
 */
export function sharedPhotos(
  training: readonly FaceRecord[],
  validation: readonly FaceRecord[],
): Problem[] {
  const sizeOf = (file: string) => attempt((name) => statSync(name).size, file);
  const bySize = new Map<number, string[]>();
  const paths = new Map<string, string>();
  for (const file of filesOf(training)) {
    const real = attempt(realName, file);
    if (real !== undefined) paths.set(real, file);
    const size = sizeOf(file);
    if (size !== undefined) bySize.set(size, [...(bySize.get(size) ?? []), file]);
  }
  const digests = new Map<string, string | undefined>();
  const digestOf = (file: string) => {
    if (!digests.has(file)) digests.set(file, attempt(digest, file));
    return digests.get(file);
  };
  const copyOf = (file: string) => {
    const candidates = bySize.get(sizeOf(file) ?? -1) ?? [];
    return candidates.find((other) => digestOf(other) === digestOf(file));
  };
  return filesOf(validation).flatMap((file) => {
    const real = attempt(realName, file);
    const same = (real !== undefined && paths.get(real)) || copyOf(file);
    if (!same) return [];
    const where =
      same === file ? "it is trained on too" : `${same}, the same picture, is trained on`;
    return [{ file, message: `validates, and ${where}: keep such pictures on one side` }];
  });
}

import { reportProblems } from "@retinaface-webgpu/train/node";
import { readIdentities } from "../data/folders.node.js";
import type { IdentityImage } from "../data/split.js";

/** Pictures by whom they show, and how many could not be read; these are told on standard error. */
export interface Identities {
  readonly images: readonly IdentityImage[];
  readonly failed: number;
}

/** Reads a folder with a folder for each identity; nobody where none is named. @throws DataError */
export async function identitiesIn(folder: string | undefined): Promise<Identities> {
  if (folder === undefined) return { images: [], failed: 0 };
  const { images, problems } = await readIdentities(folder);
  reportProblems(problems);
  return { images, failed: problems.length };
}

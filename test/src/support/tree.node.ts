import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";

/** What lies in a folder: for each path its kind and contents, links as what they say. */
export type Tree = ReadonlyMap<string, string>;

/** Takes a snapshot of a folder, with everything in it; links are not followed. */
export function snapshot(folder: string): Tree {
  const found = new Map<string, string>();
  const look = (below: string) => {
    for (const name of readdirSync(path.join(folder, below)).sort()) {
      const file = path.join(below, name);
      const info = lstatSync(path.join(folder, file));
      if (info.isDirectory()) {
        found.set(file, "folder");
        look(file);
      } else if (info.isSymbolicLink()) {
        found.set(file, `link to ${readlinkSync(path.join(folder, file))}`);
      } else found.set(file, digest(readFileSync(path.join(folder, file))));
    }
  };
  look("");
  return found;
}

export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

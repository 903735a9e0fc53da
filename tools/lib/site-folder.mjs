import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from "node:fs";
import path from "node:path";
import { readJson, writeJson } from "./cache.mjs";
import { SetupError } from "./errors.mjs";
import { root } from "./paths.mjs";

/** Where the demo goes unless it is told otherwise: a folder of the demo's own. */
export const defaultSite = path.join(root, "examples/site");

/** Says in a folder which of its files the demo made. */
const MARKER = ".retinaface-site.json";

/** What a call leaves that is killed before it has marked the folder. */
const UNFINISHED = /^\.retinaface-site\.json\.\d+\.tmp$/;

/**
 * Makes a folder anew: what `write` puts into the empty folder that it is given takes the place of what an earlier call made
 * there. Everything else in the folder stays, and where `write` fails all does.
 *
 * @param {string} folder made where it is absent; else empty, or one that this function made
 * @param {string[]} inputs files that must outlive it
 * @param {(fresh: string) => Promise<void>} write
 * @throws SetupError where a file would go that an earlier call did not make; nothing is touched then
 */
export async function replaceSite(folder, inputs, write) {
  if (folder === "") throw new SetupError("--out needs the name of a folder", 2);
  mkdirSync(folder, { recursive: true });
  const own = ownFiles(folder);
  for (const input of inputs) {
    if (existsSync(input) && own.some((file) => realPlace(folder, file) === realpathSync(input))) {
      throw new SetupError(`${input} lies in ${folder}, which is made anew: move it elsewhere`, 2);
    }
  }
  mark(folder, own);
  const fresh = mkdtempSync(path.join(folder, ".new-"));
  try {
    await write(fresh);
    publish(folder, fresh, own);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** What an earlier call made. */
function ownFiles(folder) {
  const own = readJson(path.join(folder, MARKER))?.files;
  if (Array.isArray(own)) return own.map(String).filter((file) => realPlace(folder, file));
  const present = listFiles(folder).filter((file) => !UNFINISHED.test(file));
  if (present.length === 0) return [];
  if (path.resolve(folder) === defaultSite) return present;
  throw new SetupError(
    `${folder} holds files that the demo did not make: give --out a new or an empty folder`,
    2,
  );
}

function publish(folder, fresh, own) {
  const made = listFiles(fresh);
  for (const file of made) {
    if (own.includes(file) || !isThere(path.join(folder, file))) continue;
    throw new SetupError(
      `${path.join(folder, file)} was not made by the demo: move it elsewhere`,
      2,
    );
  }
  mark(folder, [...new Set([...own, ...made])]);
  for (const file of own) unlinkSync(realPlace(folder, file));
  for (const file of made) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    renameSync(path.join(fresh, file), path.join(folder, file));
  }
  mark(folder, made);
  removeEmpty(folder);
}

function mark(folder, files) {
  writeJson(path.join(folder, MARKER), { files });
}

/** Paths of all files in a folder, relative to it; links are files. */
function listFiles(folder, below = "") {
  return readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(below, entry.name);
    return entry.isDirectory() ? listFiles(folder, file) : [file];
  });
}

const isThere = (file) => lstatSync(file, { throwIfNoEntry: false }) !== undefined;

/** Where a file of the folder really is; undefined where it is gone, is a folder, or a link leads out to it. */
function realPlace(folder, file) {
  const place = path.join(folder, file);
  const info = lstatSync(place, { throwIfNoEntry: false });
  if (info === undefined || info.isDirectory()) return undefined;
  const real = path.join(realpathSync(path.dirname(place)), path.basename(place));
  return real.startsWith(realpathSync(folder) + path.sep) ? real : undefined;
}

function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const below = path.join(folder, entry.name);
    removeEmpty(below);
    if (readdirSync(below).length === 0) rmdirSync(below);
  }
}

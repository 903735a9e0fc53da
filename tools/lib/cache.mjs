import { readFileSync } from "node:fs";
import { writeWhole } from "./files.mjs";

/** The JSON value in `file`, or undefined where it is absent or unreadable. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes `value` as JSON, whole or not at all. */
export function writeJson(file, value) {
  writeWhole(file, `${JSON.stringify(value, null, 1)}\n`);
}

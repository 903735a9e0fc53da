#!/usr/bin/env node
// Joins results of shares into one file in the list's order. Usage: join.mjs LIST OUT.jsonl PART.jsonl...
//
// A photo that is in the results twice, as where two pods had the same share for a moment, is taken once; one that lacks is
// told. Results are held in memory: of very long lists join the shares of each part of the list.
// Exit code 1: some lack; OUT has the others.
import { createReadStream } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const [list, out, ...parts] = process.argv.slice(2);
if (parts.length === 0) {
  console.error("usage: join.mjs LIST OUT.jsonl PART.jsonl...");
  process.exit(2);
}
const lines = new Map();
for (const part of parts) {
  for await (const line of createInterface({ input: createReadStream(part) })) {
    const { file } = parsed(line) ?? {};
    if (file !== undefined && !lines.has(file)) lines.set(file, line);
  }
}
const names = (await readFile(list, "utf8")).split(/\r?\n/).filter((name) => name !== "");
const there = names.filter((name) => lines.has(name));
await writeFile(`${out}.tmp`, there.map((name) => `${lines.get(name)}\n`).join(""));
await rename(`${out}.tmp`, out);
const lacking = names.length - there.length;
if (lacking > 0) {
  const first = names.find((name) => !lines.has(name));
  console.error(
    `${lacking} of ${names.length} photos lack, such as ${first}: run their shares again`,
  );
  process.exitCode = 1;
}

/** Half a line is that of a run that was killed and has not gone on. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

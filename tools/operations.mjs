#!/usr/bin/env node
// Makes docs/operations.md from the built operations. With --check it changes nothing; exit code 1: the page is another.
import { readFileSync } from "node:fs";
import path from "node:path";
import { writeWhole } from "./lib/files.mjs";
import { operationsPage } from "./lib/operations.mjs";
import { root } from "./lib/paths.mjs";

const file = path.join(root, "docs/operations.md");
const page = await operationsPage();
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== page) {
    process.stderr.write(
      "docs/operations.md is not what the operations say: run node tools/operations.mjs\n",
    );
    process.exitCode = 1;
  }
} else {
  writeWhole(file, page);
}

#!/usr/bin/env node
// The command `retinaface-identify`. It is here before anything is built, so that npm links it in a fresh clone too.
import { existsSync } from "node:fs";

const program = new URL("../dist/program/main.js", import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  process.stderr.write(
    "retinaface-identify is not built yet: run `npm run setup` in the clone, once.\n",
  );
  process.exitCode = 2;
}

#!/usr/bin/env node
// Runs the tests that use a device in Node again and again, each time with something withheld that adapters may lack:
// `test-limits.mjs [--only NAMES] [--filter RE] [--timeout SECONDS]`, NAMES as in CONFIGURATIONS. Exit code 1 if a
// test failed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { parseArgs } from "node:util";
import { root } from "./lib/paths.mjs";

const CONFIGURATIONS = [
  "limits,timestamp-query,shader-f16,subgroups",
  "limits",
  "timestamp-query",
  "shader-f16",
  "subgroups",
];

/** Files that open no device, or only a browser's or another library's. */
const WITHOUT_DEVICE =
  "examples/demo|kernels-wgsl/snapshots|retinaface/(align|anchors|codec|draw|image/.*|nms|weights/.*)|" +
  "tensor/(checkpoint/.*|onnx-fuzz|withheld)|tools/.*|train/(anchors|augment|data|evaluate|loader|scales|targets|tune|wider)";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    timeout: { type: "string", default: "240" },
    filter: { type: "string", default: `^node (?!(${WITHOUT_DEVICE})$)` },
  },
});
const configurations = values.only === undefined ? CONFIGURATIONS : [values.only];
const lines = [];
for (const withheld of configurations) {
  const what = `without ${withheld.replaceAll(",", ", ")}`;
  console.log(what);
  const args = [path.join(root, "tools/test.mjs"), "node", "--withhold", withheld];
  const { code, last } = await runShown([
    ...args,
    "--filter",
    values.filter,
    "--timeout",
    values.timeout,
  ]);
  lines.push(`${last} ${what}`);
  if (code !== 0) process.exitCode = 1;
}
console.log(lines.join("\n"));

/** Runs a program, showing what it prints; gives its last line. */
async function runShown(args) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => {
    process.stdout.write(data);
    text += data;
  });
  const [code] = await once(child, "close");
  return { code, last: text.trimEnd().split("\n").at(-1) };
}

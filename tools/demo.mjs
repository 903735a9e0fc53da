#!/usr/bin/env node
// Builds the demo site and serves it to this machine: `demo.mjs [--port 8080] [--weights FILE] [--out FOLDER]
// [--build]`. With --build it only writes the folder, which any static server can serve.
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { printable } from "../packages/retinaface/dist/printable.js";
import { SetupError } from "./lib/errors.mjs";
import { buildSite, bundledWeights } from "./lib/site.mjs";
import { defaultSite } from "./lib/site-folder.mjs";
import { serveFolder } from "./lib/static-server.mjs";

function readArguments() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8080" },
      weights: { type: "string", default: process.env.RETINAFACE_WEIGHTS || bundledWeights },
      out: { type: "string", default: defaultSite },
      build: { type: "boolean", default: false },
    },
  });
  if (!/^\d{1,5}$/.test(values.port))
    throw new SetupError(`${values.port} is not a port: give --port 0..65535`, 2);
  if (values.weights !== bundledWeights && !existsSync(values.weights)) {
    throw new SetupError(`there is no file ${values.weights}: give --weights FILE`, 2);
  }
  if (values.out === "") throw new SetupError("--out needs the name of a folder", 2);
  return { ...values, port: Number(values.port), out: path.resolve(values.out) };
}

try {
  const { port, weights, out, build } = readArguments();
  await buildSite(out, weights);
  console.error(`written to ${printable(out)}`);
  if (!existsSync(weights)) {
    console.error(
      "there are no weights to serve: choose a file in the page, or pass --weights FILE",
    );
  }
  if (!build) {
    const { origin } = await serveFolder(out, port);
    console.error(`open ${origin}, or ${origin}/finetune/ to fine-tune (Ctrl-C ends)`);
  }
} catch (error) {
  const advice = error.code === "EADDRINUSE" ? "; choose another with --port" : "";
  const { code = "INTERNAL", message } = error;
  console.error(`demo: ${printable(message)}${advice} [${printable(String(code))}]`);
  process.exitCode = 2;
}

#!/usr/bin/env node
// Installs the libraries that `npm run bench:peers` compares with, into bench/node_modules. Exit code 1: npm failed.
import { progress, SetupError } from "./lib/errors.mjs";
import { installPeers } from "./lib/peers.mjs";

try {
  await installPeers();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  progress(error.message);
  process.exitCode = error.exitCode;
}

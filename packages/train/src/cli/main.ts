#!/usr/bin/env node
import { reportError } from "retinaface-webgpu/node";
import { buildProgram, USAGE_CODES } from "./program.js";

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError("retinaface-train", error, USAGE_CODES);
}

#!/usr/bin/env node
import { Command } from "commander";
import { reportError, withPrintableOutput } from "retinaface-webgpu/node";
import { trainCommand } from "./train.js";

/** Errors of arguments rather than of the work. */
const USAGE_CODES = new Set(["OPTION_INVALID", "OUTPUT_EXISTS", "WEIGHTS_NOT_FOUND", "DATA"]);

function buildProgram(): Command {
  const program = withPrintableOutput(new Command("retinaface-identify"))
    .description("Learn to tell faces apart, enrol and match them")
    .exitOverride();
  for (const command of [trainCommand()]) {
    program.addCommand(command);
    command.copyInheritedSettings(program);
  }
  return program;
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError("retinaface-identify", error, USAGE_CODES);
}

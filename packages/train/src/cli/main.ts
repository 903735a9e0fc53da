#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { anchorsCommand } from "./anchors.js";
import { compareCommand } from "./compare.js";
import { contactSheetCommand } from "./contact-sheet.js";
import { distillCommand } from "./distill.js";
import { evaluateCommand } from "./evaluate.js";
import { trainCommand } from "./train.js";
import { tuneCommand } from "./tune.js";

/*
 * Exit codes: 0 all done, 1 some image failed, 2 wrong usage. JSON goes to standard output, everything
 * else to standard error.
 */
const FAILED = 1;
const USAGE = 2;

/** Errors of arguments rather than of the work. */
const USAGE_CODES = new Set(["OPTION_INVALID", "WEIGHTS_NOT_FOUND", "DATA"]);

function buildProgram(): Command {
  const program = new Command("retinaface-train")
    .description("Fine-tune and evaluate RetinaFace on WebGPU")
    .exitOverride();
  for (const command of [
    anchorsCommand(),
    compareCommand(),
    contactSheetCommand(),
    distillCommand(),
    evaluateCommand(),
    trainCommand(),
    tuneCommand(),
  ]) {
    program.addCommand(command);
    command.copyInheritedSettings(program);
  }
  return program;
}

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : USAGE;
    return;
  }
  const code = (error as { code?: unknown } | undefined)?.code;
  const known = error instanceof Error && typeof code === "string";
  console.error(known ? `retinaface-train: ${error.message} [${code}]` : error);
  process.exitCode = known && USAGE_CODES.has(code) ? USAGE : FAILED;
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  report(error);
}

import { Command } from "commander";
import { withPrintableOutput } from "retinaface-webgpu/node";
import { enrolCommand } from "./enrol.js";
import { evaluateCommand } from "./evaluate.js";
import { listCommand, removeCommand } from "./keep.js";
import { matchCommand } from "./match.js";
import { trainCommand } from "./train.js";

/** Errors of arguments rather than of the work. */
export const USAGE_CODES: ReadonlySet<string> = new Set([
  "OPTION_INVALID",
  "OUTPUT_EXISTS",
  "WEIGHTS_NOT_FOUND",
  "DATA",
  "PAIRS_INVALID",
]);

export function buildProgram(): Command {
  const program = withPrintableOutput(new Command("retinaface-identify"))
    .description("Learn to tell faces apart, enrol and match them")
    .exitOverride();
  for (const command of [
    trainCommand(),
    enrolCommand(),
    matchCommand(),
    listCommand(),
    removeCommand(),
    evaluateCommand(),
  ]) {
    program.addCommand(command);
    command.copyInheritedSettings(program);
  }
  return program;
}

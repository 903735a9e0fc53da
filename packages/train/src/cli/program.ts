import { Command } from "commander";
import { withPrintableOutput } from "retinaface-webgpu/node";
import { anchorsCommand } from "./anchors.js";
import { calibrateCommand } from "./calibrate.js";
import { compareCommand } from "./compare.js";
import { contactSheetCommand } from "./contact-sheet.js";
import { distillCommand } from "./distill.js";
import { evaluateCommand } from "./evaluate.js";
import { lrFindCommand } from "./lr-find.js";
import { pseudoCommand } from "./pseudo.js";
import { trainCommand } from "./train.js";
import { tuneCommand } from "./tune.js";

/** Errors of arguments rather than of the work. */
export const USAGE_CODES: ReadonlySet<string> = new Set([
  "OPTION_INVALID",
  "OUTPUT_EXISTS",
  "WEIGHTS_NOT_FOUND",
  "DATA",
]);

export function buildProgram(): Command {
  const program = withPrintableOutput(new Command("retinaface-train"))
    .description("Fine-tune and evaluate RetinaFace on WebGPU")
    .exitOverride();
  for (const command of [
    anchorsCommand(),
    calibrateCommand(),
    compareCommand(),
    contactSheetCommand(),
    distillCommand(),
    evaluateCommand(),
    lrFindCommand(),
    pseudoCommand(),
    trainCommand(),
    tuneCommand(),
  ]) {
    program.addCommand(command);
    command.copyInheritedSettings(program);
  }
  return program;
}

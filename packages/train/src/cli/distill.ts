import path from "node:path";
import { Command } from "commander";
import { OptionError, readBytes } from "retinaface-webgpu";
import { parseRecipe } from "../distill/recipe.js";
import { DistillRun } from "../distill/run.node.js";
import type { StepLosses } from "../trainer/loss-log.js";
import { printJson, say } from "./console.js";

const INTERRUPTED = 130;
/** Milliseconds between two lines on standard error. */
const TELL_EVERY = 10_000;

interface DistillValues {
  readonly recipe: string;
  readonly data: string;
  readonly out: string;
  readonly cache?: string;
  readonly resume?: boolean;
}

function teller(steps: number) {
  let told = Number.NEGATIVE_INFINITY;
  return (losses: readonly StepLosses[], rate: number) => {
    if (losses.length === 0 || performance.now() - told < TELL_EVERY) return;
    told = performance.now();
    const mean = (pick: (step: StepLosses) => number) =>
      (losses.reduce((sum, step) => sum + pick(step), 0) / losses.length).toFixed(3);
    say(
      `step ${losses[losses.length - 1].step + 1}/${steps}: loss ${mean((s) => s.total)} (classes ` +
        `${mean((s) => s.classes)}, boxes ${mean((s) => s.boxes)}, landmarks ` +
        `${mean((s) => s.landmarks)}) ${rate.toFixed(1)} images/s`,
    );
  };
}

async function runDistill(values: DistillValues): Promise<void> {
  const { data, out, cache = path.join(out, "cache") } = values;
  const text = new TextDecoder().decode(await readBytes(values.recipe));
  const recipe = parseRecipe(text, values.recipe);
  const run = new DistillRun({
    recipe,
    data,
    out,
    cache,
    onLosses: teller(recipe.steps),
    onNotice: say,
  });
  if (run.hasCheckpoint && !values.resume) {
    throw new OptionError(
      `${out} holds a run already: give --resume to go on with it, or another --out`,
    );
  }
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    run.stop();
  };
  process.once("SIGINT", onSignal);
  try {
    const result = await run.run();
    printJson({ out, ...result, model: path.join(out, "model.safetensors") });
    if (interrupted) process.exitCode = INTERRUPTED;
  } finally {
    process.removeListener("SIGINT", onSignal);
  }
}

export function distillCommand(): Command {
  return new Command("distill")
    .description("train a small detector from random weights on a teacher's outputs, by a recipe")
    .requiredOption("--recipe <file>", "JSON: network, teacher, photos, steps")
    .requiredOption("--data <folder>", "what the recipe's paths are relative to")
    .requiredOption("--out <folder>", "checkpoint, metrics and model.safetensors")
    .option("--cache <folder>", "decoded photos (default: cache/ in --out)")
    .option("--resume", "go on with the run in --out")
    .action(runDistill);
}

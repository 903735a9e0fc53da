import path from "node:path";
import { Command, Option } from "commander";
import { type BackendChoice, readBytes } from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import { readRecipe } from "../distill/recipe.js";
import { DistillRun, MODEL } from "../run/distill-run.node.js";
import type { StepLosses } from "../trainer/loss-log.js";
import { defaultWorkers } from "../worker-pool.node.js";
import { printJson, say } from "./console.js";
import { wholeNumber } from "./options.js";
import { checkFolder, formatLosses, stoppingOnInterrupt } from "./run-command.js";

/** Milliseconds between two lines on standard error. */
const TELL_EVERY = 10_000;

interface DistillValues {
  readonly recipe: string;
  readonly data: string;
  readonly out: string;
  readonly cache?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly workers: number;
  readonly start?: string;
  readonly backend: BackendChoice;
  readonly threads?: number;
}

function teller(steps: number) {
  let told = Number.NEGATIVE_INFINITY;
  return (losses: readonly StepLosses[], rate: number) => {
    if (losses.length === 0 || performance.now() - told < TELL_EVERY) return;
    told = performance.now();
    say(`step ${losses[losses.length - 1].step + 1}/${steps}: ${formatLosses(losses, rate)}`);
  };
}

async function runDistill(values: DistillValues): Promise<void> {
  const { data, out, cache = path.join(out, "cache"), workers } = values;
  const recipe = await readRecipe(values.recipe);
  const run = new DistillRun({
    recipe,
    data,
    out,
    cache,
    workers,
    backend: values.backend,
    threads: values.threads,
    start: values.start === undefined ? undefined : await readBytes(values.start),
    onLosses: teller(recipe.steps),
    onNotice: say,
  });
  await checkFolder(run.files, [MODEL], values);
  await stoppingOnInterrupt(
    () => run.stop(),
    async () => {
      const result = await run.run();
      printJson({ out, ...result, model: path.join(out, "model.safetensors") });
    },
  );
}

export function distillCommand(): Command {
  const [where, threads] = backendOptions();
  return new Command("distill")
    .description("train a small detector from random weights on a teacher's outputs, by a recipe")
    .requiredOption("--recipe <file>", "JSON: network, teacher, photos, steps")
    .requiredOption("--data <folder>", "what the recipe's paths are relative to")
    .requiredOption("--out <folder>", "checkpoint, metrics and model.safetensors")
    .option("--cache <folder>", "decoded photos (default: cache/ in --out)")
    .option("--resume", "go on with the run in --out")
    .option(
      "--start <file>",
      "model.safetensors of a run whose folder is lost: go on from its weights, with new moments",
    )
    .addOption(overwriteOption())
    .addOption(where)
    .addOption(threads)
    .addOption(
      new Option("--workers <n>", "threads that make views; 0: none beside the main one")
        .argParser(wholeNumber(0))
        .default(defaultWorkers()),
    )
    .action(runDistill);
}

import { Command, InvalidArgumentError, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import { overwriteOption, startProgress } from "retinaface-webgpu/node";
import type { Problem } from "../data/record.js";
import { sweepLearningRate } from "../run/lr-sweep.node.js";
import { findLearningRate, plotLrFinding, type RatedLoss } from "../trainer/lr-find.js";
import { formatTable, loadData, needFaces, printJson, reportProblems, say } from "./console.js";
import { wholeNumber } from "./options.js";
import { resultsOf } from "./outputs.js";
import { checkRunClasses, sayClasses } from "./train-classes.js";
import { dataOf, describeRun } from "./train-description.js";
import { AUTO } from "./train-freeze.js";
import { networkOf } from "./train-model.js";
import { addSearchOptions, type TrainValues } from "./train-options.js";
import { readStart } from "./train-start.js";

interface LrFindValues extends TrainValues {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly plot?: string;
  readonly json?: string;
}

/** What the options of `train` that a sweep does not have stand at. */
const UNUSED = {
  epochs: 1,
  schedule: "constant",
  warmup: 0,
  ema: 0,
  patience: 0,
  valEvery: 1,
  checkpointEvery: 1,
  scale: { kind: "original" },
} as const;

/** Rows of the table that people see. */
const ROWS = 12;

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

function sayLosses(smoothed: readonly RatedLoss[]): void {
  const every = Math.ceil(smoothed.length / ROWS);
  const shown = smoothed.filter((_, i) => i % every === every - 1);
  say(
    formatTable(
      ["learning rate", "loss, smoothed"],
      shown.map(({ lr, loss }) => [lr.toExponential(1), loss]),
    ),
  );
}

async function runLrFind(given: LrFindValues): Promise<void> {
  const { from, to, steps } = given;
  if (from >= to) throw new OptionError(`--from ${from} must be below --to ${to}`);
  if (given.freeze === AUTO)
    throw new OptionError(`--freeze ${AUTO} is for train: give the parts that it said it freezes`);
  const values = { ...given, ...UNUSED, lr: from };
  const { data, notice } = dataOf(values);
  if (notice) say(notice);
  const dataset = loadData(data);
  needFaces(dataset, data);
  const outputs = resultsOf(values, [values.weights], dataset);
  await outputs.check(values.plot, values.json);
  const start = await readStart(values);
  say(`starting from ${start.text}`);
  const { records } = dataset;
  const run = await describeRun(values, start, { data, val: null }, records.length);
  sayClasses(run.settings, start);
  checkRunClasses(run.settings.config, records);
  const streams = { stdout: process.stdout, stderr: process.stderr };
  const bar = startProgress(streams, steps, "{bar} {value}/{total} steps{label}");
  const problems: Problem[] = [];
  const losses = await sweepLearningRate({
    settings: run.settings,
    to,
    steps,
    records,
    workers: values.workers,
    pretrained: start.pretrained,
    backbone: start.backbone,
    network: networkOf(values, start),
    onLoss: (done, { lr, loss }) =>
      bar.update(done, `  loss ${loss.toFixed(3)} at ${lr.toExponential(1)}`),
    onProblem: (problem) => problems.push(problem),
    onNotice: say,
  }).finally(() => bar.stop());
  reportProblems(problems);
  const found = findLearningRate(losses);
  sayLosses(found.smoothed);
  const short = (lr: number) => Number(lr.toPrecision(2));
  say(
    `\nthe loss falls fastest at ${short(found.steepest)}; a tenth of where it is lowest is ` +
      `${short(found.tenthOfLowest)}: try --lr ${short(found.suggestion)}`,
  );
  const { smoothed: _, ...rates } = found;
  const counted = dataset.problems.length + problems.length;
  const result = { data, weights: run.weights, problems: counted, steps: losses.length, ...rates };
  if (values.plot) await outputs.writeText(values.plot, plotLrFinding(found));
  if (values.json)
    await outputs.writeText(values.json, `${JSON.stringify({ ...result, losses }, null, 2)}\n`);
  printJson(result);
  if (problems.length > 0) process.exitCode = 1;
}

/** `lr-find`: a learning rate from a short run in which it rises. */
export function lrFindCommand(): Command {
  const number = <T>(flags: string, text: string, parse: (text: string) => T, value: T) =>
    new Option(flags, text).argParser(parse).default(value);
  const command = new Command("lr-find").description(
    "search the learning rate of a run: train some steps while it rises, and see where the loss falls",
  );
  return addSearchOptions(command)
    .addOption(number("--from <x>", "learning rate of the first step", positive, 1e-6))
    .addOption(number("--to <x>", "of the last", positive, 1))
    .addOption(number("--steps <n>", "steps; fewer where the loss is lost", wholeNumber(20), 100))
    .option("--plot <file>", "write the curve as SVG")
    .option("--json <file>", "write the result with all losses")
    .addOption(overwriteOption())
    .action(runLrFind);
}

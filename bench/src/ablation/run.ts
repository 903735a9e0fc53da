import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DEFAULT_CONFIG } from "retinaface-webgpu";
import { sharedFile } from "../detectors/contestants.js";
import { root } from "../environment.js";
import { runTrainCommand, type TimedCommand, timeTrainCommand } from "../train-command.js";
import type { AblationOptions } from "./options.js";
import { PHOTO_LABELS } from "./presets.js";
import type { Measured, RunResult } from "./results.js";
import { anchorsPerLevel, type Row } from "./rows.js";
import { halvedPhotos } from "./small-photos.js";
import { checkedMmac, epochsFor, limited, type TimeBudget } from "./timed.js";

/** All that determines a run of a row but its seed, as text; the same wherever `../shared` lies. */
export function budgetOf({ preset }: AblationOptions, { group, args, anchors }: Row): string {
  const { data, args: shared, time } = preset.groups[group];
  const { validations } = preset;
  const facts = { data, args: [...shared, ...args], anchors, validations, ...(time && { time }) };
  return JSON.stringify(facts).replaceAll(sharedFile("."), "../shared");
}

/** The SPEC, of the halved photos where the preset wants these. */
async function specOf({ preset }: AblationOptions, spec: string): Promise<string> {
  if (!preset.halved || !spec.includes(PHOTO_LABELS)) return spec;
  const halved = await halvedPhotos(PHOTO_LABELS, path.join(root, "bench/results/local/halved"));
  return spec.replace(PHOTO_LABELS, halved);
}

/** How many k-means seeks: as many as the published anchors have, so that their number is no second switch. */
const SIZES = String(DEFAULT_CONFIG.anchors.minSizes.flat().length);

/** The row's anchors as arguments of `train`; k-means is that of the command `anchors`, over the training faces. */
async function anchorArgs({ anchors }: Row, data: string, folder: string): Promise<string[]> {
  if (!anchors) return [];
  const file = path.join(folder, "anchors.json");
  if ("config" in anchors) writeFileSync(file, JSON.stringify(anchors.config));
  else if ("perLevel" in anchors)
    writeFileSync(file, JSON.stringify({ anchors: anchorsPerLevel(anchors.perLevel) }));
  else
    await runTrainCommand(
      ...["anchors", "--data", data, "-k", SIZES, "--ratios", String(anchors.ratio)],
      ...["--out", file],
    );
  return ["--anchors", file];
}

interface Trained {
  readonly steps: number;
  readonly backend: string;
  readonly frozen: readonly string[];
  readonly model: string;
}

/** Trains for a budget's time, which an epoch and an eighth of one have told in epochs before. */
async function trainForTime(
  row: string,
  budget: TimeBudget,
  data: string,
  train: (data: string, args: readonly string[]) => Promise<TimedCommand>,
) {
  const once = ["--epochs", "1"];
  const part = await train(limited(data, Math.ceil(budget.images / 8)), once);
  const whole = await train(limited(data, budget.images), once);
  const mmac = await checkedMmac(row, (whole.result as unknown as Trained).model);
  const epochs = String(epochsFor(budget, part, whole));
  return { ...(await train(limited(data, budget.images), ["--epochs", epochs])), mmac };
}

/** AP of a model on everything that the preset evaluates. */
async function evaluateModel(options: AblationOptions, model: string) {
  const validations: Record<string, Measured> = {};
  for (const [name, { data, scale }] of Object.entries(options.preset.validations)) {
    const spec = ["--data", await specOf(options, data), "--scale", scale];
    const measured = await runTrainCommand(
      ...["evaluate", ...spec, "--weights", model, ...options.engine],
    );
    const { ap50, ap } = measured as unknown as Measured;
    validations[name] = { ap50, ap };
  }
  return validations;
}

/** Trains a row with one seed by the command `train`, and measures its last weights by `evaluate`. */
export async function runRow(options: AblationOptions, row: Row, seed: number): Promise<RunResult> {
  const { preset, engine } = options;
  const { data: named, args, time } = preset.groups[row.group];
  const data = await specOf(options, named);
  const folder = mkdtempSync(path.join(os.tmpdir(), "ablation-"));
  let runs = 0;
  try {
    const anchors = await anchorArgs(row, data, folder);
    const train = (spec: string, more: readonly string[]) =>
      timeTrainCommand(
        ...["train", "--data", spec, "--val", "none", "--out", path.join(folder, `run${runs++}`)],
        ...["--seed", String(seed), ...args, ...row.args, ...anchors, ...engine, ...more],
      );
    const { result, seconds, mmac } = time
      ? await trainForTime(row.name, time, data, train)
      : { ...(await train(data, [])), mmac: undefined };
    const { steps, backend, frozen, model } = result as unknown as Trained;
    const facts = {
      ...{ steps, seconds: Math.round(seconds.clock), backend, frozen },
      ...(mmac !== undefined && { mmac, processorSeconds: Math.round(seconds.processor) }),
      ...{ validations: await evaluateModel(options, model), date: new Date().toISOString() },
    };
    return { row: row.name, seed, budget: budgetOf(options, row), ...facts };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

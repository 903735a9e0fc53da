import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DEFAULT_CONFIG } from "retinaface-webgpu";
import { sharedFile } from "../detectors/contestants.js";
import { root } from "../environment.js";
import { runTrainCommand } from "../train-command.js";
import type { AblationOptions } from "./options.js";
import { PHOTO_LABELS } from "./presets.js";
import type { Measured, RunResult } from "./results.js";
import { anchorsPerLevel, type Row } from "./rows.js";
import { halvedPhotos } from "./small-photos.js";

/** All that determines a run of a row but its seed, as text; the same wherever `../shared` lies. */
export function budgetOf({ preset }: AblationOptions, { group, args, anchors }: Row): string {
  const { data, args: shared } = preset.groups[group];
  const facts = { data, args: [...shared, ...args], anchors, validations: preset.validations };
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
  if ("perLevel" in anchors)
    writeFileSync(file, JSON.stringify({ anchors: anchorsPerLevel(anchors.perLevel) }));
  else
    await runTrainCommand(
      ...["anchors", "--data", data, "-k", SIZES, "--ratios", String(anchors.ratio)],
      ...["--out", file],
    );
  return ["--anchors", file];
}

/** Trains a row with one seed by the command `train`, and measures its last weights by `evaluate`. */
export async function runRow(options: AblationOptions, row: Row, seed: number): Promise<RunResult> {
  const { preset, engine } = options;
  const { data: named, args } = preset.groups[row.group];
  const data = await specOf(options, named);
  const folder = mkdtempSync(path.join(os.tmpdir(), "ablation-"));
  try {
    const out = path.join(folder, "run");
    const anchors = await anchorArgs(row, data, folder);
    const started = performance.now();
    const trained = (await runTrainCommand(
      ...["train", "--data", data, "--val", "none", "--out", out, "--seed", String(seed)],
      ...[...args, ...row.args, ...anchors, ...engine],
    )) as { steps: number; backend: string; frozen: string[]; model: string };
    const seconds = Math.round((performance.now() - started) / 1000);
    const validations: Record<string, Measured> = {};
    for (const [name, { data: val, scale }] of Object.entries(preset.validations)) {
      const { ap50, ap } = (await runTrainCommand(
        ...[
          "evaluate",
          "--data",
          await specOf(options, val),
          "--scale",
          scale,
          "--weights",
          trained.model,
          ...engine,
        ],
      )) as unknown as Measured;
      validations[name] = { ap50, ap };
    }
    const { steps, backend, frozen } = trained;
    const facts = { steps, seconds, backend, frozen, validations, date: new Date().toISOString() };
    return { row: row.name, seed, budget: budgetOf(options, row), ...facts };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

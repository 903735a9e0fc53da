import { OptionError } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import { measureGradients } from "../run/auto-freeze.node.js";
import type { RunDescription } from "../run/run-files.node.js";
import { AUTO_FREEZE_BATCHES, chooseFrozen, describeGradients } from "../trainer/auto-freeze.js";
import { parseFreeze, partNames } from "../trainer/freeze.js";
import { say } from "./console.js";
import { networkOf } from "./train-model.js";
import type { TrainValues } from "./train-options.js";
import type { Start } from "./train-start.js";

/** `--freeze auto`. */
export const AUTO = "auto";

/** Names of the parts that the run's network has. */
export function partsOf(values: TrainValues, start: Start): string[] {
  const { backbone, retinanet } = networkOf(values, start);
  return partNames(backbone, retinanet !== undefined);
}

/**
 * The parts that do not train; of a run that is gone on with and chose them by itself, those. None for `auto` of a new run,
 * which {@link withAutoFreeze} settles.
 *
 * @throws {OptionError} for `auto` of random weights, or where the run did not choose by itself
 */
export function frozenOf(values: TrainValues, start: Start, run?: RunDescription): string[] {
  const { freeze = start.pretrained ? "all" : "none" } = values;
  if (freeze !== AUTO) return parseFreeze(freeze, partsOf(values, start));
  if (start.weights === null)
    throw new OptionError(
      "--freeze auto chooses what to keep of trained weights, and these are random: leave it out, or give --weights",
    );
  if (run && !run.autoFreeze)
    throw new OptionError(
      `--resume goes on with the run's own settings, and it was not told --freeze auto: give --freeze ${run.settings.freeze.join() || "none"}`,
    );
  return run ? [...run.settings.freeze] : [];
}

/** The description of a new run, with the parts frozen that its first batches say nothing about, where this was asked for. */
export async function withAutoFreeze(
  values: TrainValues,
  start: Start,
  description: RunDescription,
  records: readonly FaceRecord[],
): Promise<RunDescription> {
  if (values.freeze !== AUTO) return description;
  const { settings } = description;
  const autoFreeze = await measureGradients({
    settings,
    records,
    workers: values.workers,
    backend: values.backend,
    threads: values.threads,
    pretrained: start.pretrained,
    backbone: start.backbone,
    network: networkOf(values, start),
    onNotice: say,
  });
  const freeze = chooseFrozen(autoFreeze, partsOf(values, start));
  say(
    `--freeze auto: ${AUTO_FREEZE_BATCHES} batches have gradients, relative to the weights, of ` +
      `${describeGradients(autoFreeze)}: frozen is ${freeze.join(", ") || "nothing"}`,
  );
  return { ...description, autoFreeze, settings: { ...settings, freeze } };
}

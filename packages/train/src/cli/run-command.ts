import { existsSync } from "node:fs";
import { OptionError } from "retinaface-webgpu";
import { Outputs } from "retinaface-webgpu/node";
import type { StepLosses } from "../trainer/loss-log.js";

const INTERRUPTED = 130;

/** What `checkFolder` needs of a run's folder. */
interface Folder {
  readonly folder: string;
  readonly hasCheckpoint: boolean;
  path(name: string): string;
  readMetrics(): unknown[];
}

/** The files of every run; a checkpoint says whose the folder is. */
const METRICS = "metrics.jsonl";

/**
 * Makes sure that a run replaces no file but those of the run that it goes on with. A run that was killed before its first
 * checkpoint has left metrics, and is gone on with from the start.
 *
 * @param names what the run writes beside its metrics
 * @throws {OptionError} where a run would begin in a folder that holds one already; OutputExistsError
 */
export async function checkFolder(
  run: Folder,
  names: readonly string[],
  {
    resume = false,
    overwrite = false,
  }: { readonly resume?: boolean; readonly overwrite?: boolean },
): Promise<void> {
  if (run.hasCheckpoint && !resume) {
    throw new OptionError(
      `${run.folder} holds a run already: give --resume to go on with it, or another --out`,
    );
  }
  if (run.hasCheckpoint) return;
  const started = resume && existsSync(run.path(METRICS));
  if (started) run.readMetrics();
  const outputs = new Outputs({ overwrite: overwrite || started });
  await outputs.check(...[METRICS, ...names].map((name) => run.path(name)));
}

/** Losses as their means, for people. */
export function formatLosses(losses: readonly StepLosses[], imagesPerSecond: number): string {
  const mean = (pick: (step: StepLosses) => number) =>
    (losses.reduce((sum, step) => sum + pick(step), 0) / losses.length).toFixed(3);
  return (
    `loss ${mean((s) => s.total)} (classes ${mean((s) => s.classes)}, boxes ` +
    `${mean((s) => s.boxes)}, landmarks ${mean((s) => s.landmarks)}) ` +
    `${imagesPerSecond.toFixed(1)} images/s`
  );
}

/** Does `work`; the first Ctrl-C calls `stop`, after which the work's end is the command's, with exit code 130. */
export async function stoppingOnInterrupt(
  stop: () => void,
  work: (isInterrupted: () => boolean) => Promise<void>,
): Promise<void> {
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    stop();
  };
  process.once("SIGINT", onSignal);
  try {
    await work(() => interrupted);
    if (interrupted) process.exitCode = INTERRUPTED;
  } finally {
    process.removeListener("SIGINT", onSignal);
  }
}

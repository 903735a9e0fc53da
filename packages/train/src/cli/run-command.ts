import { existsSync } from "node:fs";
import { OptionError } from "retinaface-webgpu";
import { Outputs } from "retinaface-webgpu/node";
import { lossesOf, type StepLosses } from "../trainer/loss-log.js";

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
  const steps = losses.map(lossesOf);
  const mean = (name: string) =>
    (steps.reduce((sum, step) => sum + step[name], 0) / steps.length).toFixed(3);
  const { total: _, ...named } = steps[0] ?? {};
  const parts = Object.keys(named).map((name) => `${name} ${mean(name)}`);
  return `loss ${mean("total")} (${parts.join(", ")}) ${imagesPerSecond.toFixed(1)} images/s`;
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

import { OptionError } from "retinaface-webgpu";
import type { StepLosses } from "../trainer/loss-log.js";

const INTERRUPTED = 130;

/** @throws {OptionError} where a run would begin in a folder that holds one already */
export function checkFolder(folder: string, hasCheckpoint: boolean, resume = false): void {
  if (!hasCheckpoint || resume) return;
  throw new OptionError(
    `${folder} holds a run already: give --resume to go on with it, or another --out`,
  );
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

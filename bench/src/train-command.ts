import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const TRAIN = fileURLToPath(new URL("../../packages/train/dist/cli/main.js", import.meta.url));
const PROCESSOR_TIME = new URL("report-processor-time.js", import.meta.url).href;

/** What a command of the train program gave, and the time that it took. */
export interface TimedCommand {
  readonly result: Record<string, unknown>;
  readonly seconds: { readonly clock: number; readonly processor: number };
}

/** Runs a command of the train program; its JSON comes back, what it says goes on. @throws where it ends otherwise than by 0 */
export async function timeTrainCommand(...args: string[]): Promise<TimedCommand> {
  const began = performance.now();
  const child = spawn(process.execPath, ["--import", PROCESSOR_TIME, TRAIN, ...args], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, said, processor] = await Promise.all([
    ended,
    text(child.stdout!),
    text(child.stdio[3] as Readable),
  ]);
  if (code !== 0) throw new Error(`${args[0]} ended with exit code ${code}`);
  const clock = (performance.now() - began) / 1000;
  return { result: JSON.parse(said), seconds: { clock, processor: Number(processor) } };
}

/** As {@link timeTrainCommand}, the JSON alone. */
export async function runTrainCommand(...args: string[]): Promise<Record<string, unknown>> {
  return (await timeTrainCommand(...args)).result;
}

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const TRAIN = fileURLToPath(new URL("../../packages/train/dist/cli/main.js", import.meta.url));

/** Runs a command of the train program; its JSON comes back, what it says goes on. @throws where it ends otherwise than by 0 */
export function runTrainCommand(...args: string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [TRAIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code !== 0) reject(new Error(`${args[0]} ended with exit code ${code}`));
      else resolve(JSON.parse(Buffer.concat(chunks).toString()));
    });
  });
}

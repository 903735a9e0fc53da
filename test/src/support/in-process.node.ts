/** Commands without a process of their own, which costs a second each. */
import type { Command } from "commander";
import { reportError } from "retinaface-webgpu/node";

/** How a command ended and what it said. */
export interface CommandEnd {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in this process, as its program's main does. Nothing else may write to the standard streams meanwhile.
 *
 * @param usageCodes see `reportError`
 */
export async function runInProcess(
  program: Command,
  usageCodes: ReadonlySet<string>,
  args: readonly string[],
): Promise<CommandEnd> {
  const said = { stdout: "", stderr: "" };
  const names = ["stdout", "stderr"] as const;
  const writers = names.map((name) => process[name].write);
  for (const name of names) {
    process[name].write = ((text: string | Uint8Array) => {
      said[name] += typeof text === "string" ? text : new TextDecoder().decode(text);
      return true;
    }) as typeof process.stdout.write;
  }
  process.exitCode = undefined;
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = reportError(program.name(), error, usageCodes);
  } finally {
    for (const [i, name] of names.entries()) process[name].write = writers[i];
  }
  const status = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return { status, ...said };
}

/** Starts a command in a folder of its own, does harm, and says what is lost. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Ended, start } from "../support/command.node.js";
import { snapshot, type Tree } from "../support/tree.node.js";
import { type Command, putInputs } from "./commands.node.js";

const SHIM = fileURLToPath(new URL("../support/fault-shim.node.js", import.meta.url));

/** What is left of an unfinished file after a kill, and of one that could not be cleaned up. */
const UNFINISHED =
  /(^|[\\/])(\.[0-9a-f]{12}\.tmp|[^\\/]+\.part|\.new-[^\\/]+|[^\\/]+\.json\.\d+\.tmp)([\\/]|$)/;

export interface Harm {
  /** At which of the calls that change files, counted from 1. */
  readonly at?: number;
  readonly kind?: "fail" | "kill" | "late";
  /** Milliseconds before each call. */
  readonly slow?: number;
  /** Sent after so many milliseconds. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly after: number };
}

/** A folder that a command works in. */
export class Place {
  readonly home: string;
  readonly before: Tree;

  constructor(readonly command: Command) {
    this.home = mkdtempSync(path.join(tmpdir(), `faults-${command.name}-`));
    mkdirSync(path.join(this.home, "work"));
    putInputs(this.work);
    this.before = snapshot(this.work);
  }

  get work(): string {
    return path.join(this.home, "work");
  }

  async run(harm: Harm = {}, more: readonly string[] = []): Promise<Ended> {
    const { child, ended } = start(
      process.execPath,
      ["--import", SHIM, ...this.command.args, ...more],
      {
        cwd: this.work,
        env: {
          ...process.env,
          RETINAFACE_WEIGHTS: "",
          XDG_CACHE_HOME: path.join(this.home, "cache"),
          FAULT_ROOT: this.work,
          FAULT_LOG: this.#log,
          ...(harm.at === undefined ? {} : { FAULT_AT: String(harm.at), FAULT_KIND: harm.kind }),
          ...(harm.slow === undefined ? {} : { FAULT_SLOW: String(harm.slow) }),
        },
      },
    );
    if (harm.signal) {
      await Promise.race([sleep(harm.signal.after), ended]);
      child.kill(harm.signal.name);
    }
    return ended;
  }

  /** The calls that changed files in the last run. */
  calls(): string[] {
    return readFileSync(this.#log, "utf8").split("\n").filter(Boolean);
  }

  tree(): Tree {
    return snapshot(this.work);
  }

  dispose(): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  get #log(): string {
    return path.join(this.home, "calls.txt");
  }

  /**
   * What is otherwise than it should be: a file that nobody asked to change, one that is not whole, one left over.
   *
   * @param wanted the folder after an undisturbed run
   * @param mayLeave whether unfinished files may be left
   */
  losses(wanted: Tree, mayLeave: boolean): string[] {
    const after = this.tree();
    const { isOutput, isWhole, keeps } = this.command;
    const found: string[] = [];
    for (const [file, was] of this.before) {
      if (after.get(file) !== was) found.push(`${file} was changed or is gone`);
    }
    for (const [file, is] of after) {
      if (this.before.has(file) || is === "folder") continue;
      if (UNFINISHED.test(file)) {
        if (!mayLeave && !keeps?.(file)) found.push(`${file} is left over`);
      } else if (!isOutput(file)) found.push(`nobody asked for ${file}`);
      else if (is !== wanted.get(file)) {
        const whole = isWhole?.(file, readFileSync(path.join(this.work, file)));
        if (!whole) found.push(`${file} is not whole`);
      }
    }
    return found;
  }

  /** Outputs of an undisturbed run that are absent or other. */
  missing(wanted: Tree): string[] {
    const after = this.tree();
    const { isOutput, varies } = this.command;
    const lacks = ([file, is]: readonly [string, string]) =>
      isOutput(file) && !varies?.(file) && after.get(file) !== is;
    return [...wanted].filter(lacks).map(([file]) => `${file} is missing`);
  }
}

/** An error's code at the end of a line, or in a line of JSON; not that of a fault of the program. */
export function toldCode({ stdout, stderr }: Ended): string | undefined {
  const code = /\[([A-Z_]+)\]\s*$/m.exec(stderr)?.[1] ?? /"code":"([A-Z_]+)"/.exec(stdout)?.[1];
  return code === "INTERNAL" ? undefined : code;
}

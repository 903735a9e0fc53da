import { statSync } from "node:fs";
import { lstat, mkdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { OptionError } from "../errors.js";
import { OutputExistsError, WriteError, writeFileAtomic } from "./files.js";

/** Tells a file from every other on this machine, under whatever name: device and inode. */
export type FileIdentity = string;

/** Makes a folder and those above it. @throws WriteError */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new WriteError(folder, cause);
  }
}

/** Which file a path leads to in the end; undefined where there is none. */
export async function identityOf(file: string): Promise<FileIdentity | undefined> {
  try {
    const { dev, ino } = await stat(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** {@link identityOf}, at once. */
export function identityOfSync(file: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** The one name of a path that need not exist: its folder's real path and its own last part. */
async function realName(file: string): Promise<string> {
  const whole = path.resolve(file);
  const folder = await realpath(path.dirname(whole)).catch(() => path.dirname(whole));
  return path.join(folder, path.basename(whole));
}

export interface OutputOptions {
  /** Replace files that are there; never what the run reads. Default false. */
  readonly overwrite?: boolean | undefined;
  /** What the run reads. Outputs never take its place, under whatever name it is found there. */
  readonly inputs?: readonly (string | undefined)[];
}

/**
 * The files that one run of a command writes. None takes the place of a file that the run did not write itself, unless
 * the user asks for it; none ever takes the place of an input. `check` says so before the work, `write` makes sure.
 */
export class Outputs {
  readonly #overwrite: boolean;
  readonly #inputs: string[];
  #identities: Promise<ReadonlySet<FileIdentity | undefined>> | undefined;
  readonly #planned = new Set<string>();
  readonly #written = new Set<string>();

  constructor({ overwrite = false, inputs = [] }: OutputOptions = {}) {
    this.#overwrite = overwrite;
    this.#inputs = inputs.filter((file) => file !== undefined);
  }

  /** Further files that the run reads. */
  protect(inputs: readonly unknown[]): void {
    for (const file of inputs) if (typeof file === "string") this.#inputs.push(file);
    this.#identities = undefined;
  }

  /**
   * Looks whether the files can be written, before any work is done for them; an absent option is no file.
   *
   * @throws OutputExistsError; OptionError for an input and for two outputs of one name; WriteError for a folder, for
   * what is no regular file, and where the folder it goes to is not there.
   */
  async check(...files: readonly (string | undefined)[]): Promise<void> {
    const present: string[] = [];
    for (const file of files) {
      if (file === undefined) continue;
      const name = await realName(file);
      if (this.#planned.has(name)) {
        throw new OptionError(`${file} is named for two results: give each its own name`);
      }
      this.#planned.add(name);
      if (await this.#isThere(file)) present.push(file);
    }
    if (present.length > 0 && !this.#overwrite) {
      throw new OutputExistsError(present[0], present.length - 1);
    }
  }

  /** Writes a file whole or not at all. A file that this run wrote before is replaced. */
  async write(file: string, bytes: Uint8Array): Promise<void> {
    const name = await realName(file);
    const replace = this.#overwrite || this.#written.has(name);
    if (replace) await this.#isThere(file);
    await writeFileAtomic(file, bytes, { replace });
    this.#written.add(name);
  }

  /** {@link Outputs.write} for text, as UTF-8. */
  writeText(file: string, text: string): Promise<void> {
    return this.write(file, new TextEncoder().encode(text));
  }

  /** Whether a file is there that could be replaced. */
  async #isThere(file: string): Promise<boolean> {
    if (file === "" || file.endsWith("/") || file.endsWith(path.sep)) {
      throw new OptionError(`"${file}" names no file: give the name of the file to write`);
    }
    const folder = await stat(path.dirname(file)).catch((cause) => {
      throw new WriteError(file, cause);
    });
    if (!folder.isDirectory()) throw refusal(file, "ENOTDIR");
    const found = await lstat(file).catch(() => undefined);
    if (found === undefined) return false;
    if (await this.#isInput(file)) {
      throw new OptionError(`${file} is what the command reads: write to another file`);
    }
    const target = found.isSymbolicLink() ? await stat(file).catch(() => undefined) : found;
    if (target?.isDirectory()) throw refusal(file, "EISDIR");
    if (target && !target.isFile()) throw refusal(file, "EINVAL");
    return true;
  }

  async #isInput(file: string): Promise<boolean> {
    const identity = await identityOf(file);
    if (identity === undefined) return false;
    this.#identities ??= Promise.all(this.#inputs.map(identityOf)).then((all) => new Set(all));
    return (await this.#identities).has(identity);
  }
}

function refusal(file: string, code: string): WriteError {
  return new WriteError(file, Object.assign(new Error(code), { code }));
}

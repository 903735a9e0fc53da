import type { Command, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { readText } from "../data/read-text.node.js";

/** Options that say what to do rather than how: none of them is a setting of a run. */
const NOT_IN_FILES: ReadonlySet<string> = new Set([
  "config",
  "resume",
  "overwrite",
  "out",
  "workers",
]);

/** The name of an option in a file: `batch-size` of `--batch-size`, `augment` of `--no-augment`. */
const keyOf = ({ long = "" }: Option) => long.replace(/^--(no-)?/, "");

/** A setting as it would be written on the command line: lists by commas, `NAME=NUMBER` of a map. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(",");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, inner]) => `${name}=${inner}`)
    .join(",");
}

/** @throws {OptionError} for a value that the option does not take */
function settingOf(option: Option, value: unknown, where: string): unknown {
  if (option.negate || !(option.required || option.optional)) {
    if (typeof value === "boolean") return value;
    throw new OptionError(`${where}: ${keyOf(option)} must be true or false`);
  }
  const text = textOf(value);
  try {
    return option.parseArg ? option.parseArg(text, undefined) : text;
  } catch (error) {
    throw new OptionError(`${where}: ${keyOf(option)}: ${text}: ${(error as Error).message}`);
  }
}

/**
 * Gives a command the options of a YAML file, where the command line does not give them.
 * @throws {OptionError} with file and line, for what is no YAML, no option, or no value of one
 */
function applyConfig(command: Command, file: string, unused: ReadonlySet<string>): void {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines });
  const at = (offset = 0) => `${file}:${lines.linePos(offset).line || 1}`;
  const [error] = document.errors;
  if (error) throw new OptionError(`${at(error.pos[0])} is no YAML: ${error.message}`);
  const { contents } = document;
  if (contents === null) return;
  if (!isMap(contents)) {
    throw new OptionError(`${at()}: write a line for each option, such as "epochs: 10"`);
  }
  const options = command.options.filter((option) => !NOT_IN_FILES.has(keyOf(option)));
  for (const { key, value } of contents.items) {
    if (unused.has(String(key))) continue;
    const where = at(isScalar(key) ? key.range?.[0] : undefined);
    const option = options.find((known) => keyOf(known) === String(key));
    if (!option) {
      const known = options.map(keyOf).join(", ");
      throw new OptionError(`${where}: "${key}" is no option here; there are ${known}`);
    }
    const name = option.attributeName();
    const plain = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null;
    if (plain === null || command.getOptionValueSource(name) === "cli") continue;
    command.setOptionValueWithSource(name, settingOf(option, plain, where), "config");
  }
}

/**
 * Makes `--config FILE` of a command read options from YAML. What stands on the command line goes before the file.
 * @param unused options of another command's files that this one has no use for
 */
export function takeConfig(command: Command, unused: ReadonlySet<string> = new Set()): Command {
  return command.on("option:config", (file: string) => applyConfig(command, file, unused));
}

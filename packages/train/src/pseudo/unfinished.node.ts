import { appendFileSync, existsSync, truncateSync, unlinkSync } from "node:fs";
import { OptionError } from "retinaface-webgpu";
import { WriteError } from "retinaface-webgpu/node";
import { isObject, type JsonObject } from "../data/json.js";
import { readText } from "../data/read-text.node.js";
import type { PseudoLabel } from "./labels.js";

/** The first line of a file of labels that grow says how they are made, under this name. */
const HEADER_KEY = "pseudo";

/**
 * Labels of a run that may be killed at any moment: they grow by a line a photo in `OUT.part`, and take the name `OUT` when
 * all are there. A line that was cut off is made again, so that nothing is lost and nothing is in it twice.
 */
export class UnfinishedLabels {
  /** The file that grows. */
  readonly file: string;
  /** Labels so far, by the images' names in them. */
  readonly labels = new Map<string, PseudoLabel>();

  private constructor(out: string) {
    this.file = partOf(out);
  }

  /**
   * Goes on with the labels of an earlier run, or begins.
   *
   * @param protocol how labels are made, as JSON: those that were made in another way are not gone on with
   * @throws OptionError for labels of another protocol, and for a file that holds none; WriteError
   */
  static open(out: string, protocol: JsonObject): UnfinishedLabels {
    const unfinished = new UnfinishedLabels(out);
    const { file, labels } = unfinished;
    const header = `${JSON.stringify({ [HEADER_KEY]: protocol })}\n`;
    const text = existsSync(file) ? readText(file) : "";
    const end = text.lastIndexOf("\n") + 1;
    if (end === 0 && !header.startsWith(text) && !text.startsWith(`{"${HEADER_KEY}":`)) {
      throw noLabels(file, 1);
    }
    const [first, ...lines] = text.slice(0, end).split("\n").slice(0, -1);
    if (first !== undefined) checkProtocol(file, first, protocol);
    for (const [i, line] of lines.entries()) {
      const label = labelIn(line);
      if (!label) throw noLabels(file, i + 2);
      labels.set(label.image, label);
    }
    writing(file, () => {
      if (end < text.length) truncateSync(file, Buffer.byteLength(text.slice(0, end)));
      if (end === 0) appendFileSync(file, header);
    });
    return unfinished;
  }

  add(label: PseudoLabel): void {
    writing(this.file, () => appendFileSync(this.file, `${JSON.stringify(label)}\n`));
    this.labels.set(label.image, label);
  }

  /** Forgets the file, once its labels have their name. */
  remove(): void {
    writing(this.file, () => unlinkSync(this.file));
  }
}

/** Where labels grow that are to be called `out`. */
export function partOf(out: string): string {
  return `${out}.part`;
}

/** Labels that `pseudo` wrote, by the images' names in them; undefined for a file of anything else. */
export function readLabels(file: string): Map<string, PseudoLabel> | undefined {
  const labels = new Map<string, PseudoLabel>();
  for (const line of readText(file).split("\n").slice(0, -1)) {
    const label = labelIn(line);
    if (!label) return undefined;
    labels.set(label.image, label);
  }
  return labels;
}

function checkProtocol(file: string, line: string, protocol: JsonObject): void {
  const made = objectIn(line)?.[HEADER_KEY];
  if (!isObject(made)) throw noLabels(file, 1);
  for (const name of new Set([...Object.keys(made), ...Object.keys(protocol)])) {
    const [was, is] = [made[name], protocol[name]].map((value) => JSON.stringify(value));
    if (was === is) continue;
    throw new OptionError(
      `--resume goes on with ${file}, whose ${name} was ${was} and is now ${is}: give the same, or delete that file`,
    );
  }
}

function noLabels(file: string, line: number): OptionError {
  return new OptionError(
    `line ${line} of ${file} is none of labels that pseudo writes: move the file, or give another --out`,
  );
}

function objectIn(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function labelIn(line: string): PseudoLabel | undefined {
  const value = objectIn(line);
  const isLabel = typeof value?.image === "string" && Array.isArray(value.faces);
  return isLabel ? (value as unknown as PseudoLabel) : undefined;
}

function writing(file: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new WriteError(file, cause);
  }
}

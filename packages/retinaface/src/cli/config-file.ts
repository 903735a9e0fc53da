import { readBytes } from "#platform";
import { type AlignTemplate, checkTemplate } from "../align.js";
import { parseDetectorConfig } from "../config.js";
import { OptionError } from "../errors.js";
import type { DetectorConfig } from "../types.js";

/**
 * Reads a detector's configuration, JSON as the command `anchors --out` writes it.
 * @throws {OptionError} naming the file; ReadError where it cannot be read
 */
export async function readConfigFile(file: string): Promise<Partial<DetectorConfig>> {
  const text = new TextDecoder().decode(await readBytes(file));
  try {
    return parseDetectorConfig(JSON.parse(text));
  } catch (error) {
    throw new OptionError(
      `${file} is no configuration: ${(error as Error).message}; write one with the command anchors --out`,
    );
  }
}

/**
 * Reads a template for aligned crops: JSON `{"size": 112, "points": [[x, y], …]}`.
 * @throws {OptionError} naming the file; ReadError where it cannot be read
 */
export async function readTemplateFile(file: string): Promise<AlignTemplate> {
  const text = new TextDecoder().decode(await readBytes(file));
  try {
    return checkTemplate(JSON.parse(text));
  } catch (error) {
    throw new OptionError(`${file} is no template: ${(error as Error).message}`);
  }
}

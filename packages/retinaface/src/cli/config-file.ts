import { readBytes } from "#platform";
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

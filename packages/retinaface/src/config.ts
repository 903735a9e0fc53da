import { checkAnchors } from "./decode/anchors.js";
import { OptionError } from "./errors.js";
import type { AnchorConfig, DetectorConfig } from "./types.js";

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((member) => typeof member === "number");

function parseAnchors(value: unknown): AnchorConfig {
  const { minSizes, steps, ratios = [1], clip = false } = isObject(value) ? value : {};
  const isSizes = Array.isArray(minSizes) && minSizes.every(isNumbers);
  if (!isSizes || !isNumbers(steps) || !isNumbers(ratios) || typeof clip !== "boolean") {
    throw new OptionError(
      'anchors need "minSizes", a list of sizes for each level, and "steps"; "ratios" and "clip" are optional',
    );
  }
  const anchors = { minSizes, steps, ratios, clip };
  checkAnchors(anchors);
  return anchors;
}

function parseVariances(value: unknown): DetectorConfig["variances"] {
  if (!isNumbers(value) || value.length !== 2 || !value.every((v) => v > 0 && Number.isFinite(v))) {
    throw new OptionError("variances must be two positive numbers, of centre and size");
  }
  return [value[0], value[1]];
}

/**
 * A detector's configuration from JSON: `{"anchors": {"minSizes": …, "steps": …}, "variances": [0.1, 0.2]}`,
 * either or both.
 * @throws {OptionError} saying what is wrong with it
 */
export function parseDetectorConfig(value: unknown): Partial<DetectorConfig> {
  if (!isObject(value)) throw new OptionError("a configuration must be a JSON object");
  const { anchors, variances } = value;
  return {
    ...(anchors === undefined ? {} : { anchors: parseAnchors(anchors) }),
    ...(variances === undefined ? {} : { variances: parseVariances(variances) }),
  };
}

import { OptionError } from "../errors.js";
import { DEFAULT_THRESHOLDS, type Thresholds } from "../types.js";

const FRACTIONS = ["confidenceThreshold", "nmsThreshold", "visThreshold"] as const;
const COUNTS = ["topK", "keepTopK"] as const;

/**
 * Fills in defaults and checks ranges.
 *
 * @throws OptionError that names the option.
 */
export function resolveThresholds(
  options: { [Name in keyof Thresholds]?: Thresholds[Name] | undefined } = {},
  defaults: Thresholds = DEFAULT_THRESHOLDS,
): Thresholds {
  const resolved = { ...defaults };
  for (const name of FRACTIONS) {
    const value = options[name] ?? defaults[name];
    if (!(value >= 0 && value <= 1)) {
      throw new OptionError(`${name} must be a number from 0 to 1, got ${value}`);
    }
    resolved[name] = value;
  }
  for (const name of COUNTS) {
    const value = options[name] ?? defaults[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new OptionError(`${name} must be a whole number of at least 1, got ${value}`);
    }
    resolved[name] = value;
  }
  return resolved;
}

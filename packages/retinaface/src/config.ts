import { checkAnchors } from "./decode/anchors.js";
import { resolveThresholds } from "./decode/thresholds.js";
import { OptionError } from "./errors.js";
import { checkHeadTable } from "./model/heads.js";
import {
  type AnchorConfig,
  DEFAULT_THRESHOLDS,
  type DetectorConfig,
  type HeadSpec,
  type Thresholds,
} from "./types.js";

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((member) => typeof member === "number");

function parseForm(value: unknown): AnchorConfig["form"] {
  if (value === undefined || value === "torchvision") return value;
  throw new OptionError(
    'the form of anchors can only be "torchvision": leave it out for the usual',
  );
}

function parseAnchors(value: unknown): AnchorConfig {
  const { minSizes, steps, ratios = [1], clip = false, form } = isObject(value) ? value : {};
  const isSizes = Array.isArray(minSizes) && minSizes.every(isNumbers);
  if (!isSizes || !isNumbers(steps) || !isNumbers(ratios) || typeof clip !== "boolean") {
    throw new OptionError(
      'anchors need "minSizes", a list of sizes for each level, and "steps"; "ratios" and "clip" are optional',
    );
  }
  const own = parseForm(form);
  const anchors: AnchorConfig = { minSizes, steps, ratios, clip, ...(own && { form: own }) };
  checkAnchors(anchors);
  return anchors;
}

function parseSuppression(value: unknown): "by-class" {
  if (value === "by-class") return value;
  throw new OptionError('suppression can only be "by-class": leave it out for that of faces');
}

function parseVariances(value: unknown): DetectorConfig["variances"] {
  if (!isNumbers(value) || value.length !== 2 || !value.every((v) => v > 0 && Number.isFinite(v))) {
    throw new OptionError("variances must be two positive numbers, of centre and size");
  }
  return [value[0], value[1]];
}

function parseHeads(value: unknown): HeadSpec[] {
  if (!Array.isArray(value) || !value.every(isObject)) {
    throw new OptionError(
      "heads must be a list of rows with name, module, width, meaning and loss",
    );
  }
  const heads = value.map(({ name, module, width, meaning, loss }) => {
    if (![name, module, meaning, loss].every((text) => typeof text === "string")) {
      throw new OptionError("a head needs a name, a module, a meaning and a loss, all text");
    }
    return { name, module, width, meaning, loss } as HeadSpec;
  });
  checkHeadTable(heads);
  return heads;
}

/** Names of classes: text, none twice. @throws {OptionError} */
export function parseClassNames(value: unknown): string[] {
  const isName = (name: unknown) => typeof name === "string" && name.trim() !== "";
  const isList = Array.isArray(value) && value.length > 0 && value.every(isName);
  if (isList && new Set(value).size === value.length) return value;
  throw new OptionError("classes must be a list of names, none empty and none twice");
}

/** Some or all of the thresholds. @throws {OptionError} for a name that there is not, or a value out of range */
export function parseThresholds(value: unknown): Partial<Thresholds> {
  const names = Object.keys(DEFAULT_THRESHOLDS).join(", ");
  if (!isObject(value)) throw new OptionError(`thresholds must be an object with some of ${names}`);
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(DEFAULT_THRESHOLDS, name)) {
      throw new OptionError(`there is no threshold "${name}": those are ${names}`);
    }
    if (typeof given !== "number") throw new OptionError(`the threshold ${name} must be a number`);
  }
  resolveThresholds(value);
  return { ...value };
}

/**
 * A detector's configuration from JSON: `{"anchors": {"minSizes": …, "steps": …}, "variances": [0.1, 0.2]}`,
 * either or both, `"classes"` by name, `"heads"` where they are not the published ones, and `"thresholds"` where others than the published
 * ones were chosen for the weights.
 * @throws {OptionError} saying what is wrong with it
 */
export function parseDetectorConfig(value: unknown): Partial<DetectorConfig> {
  if (!isObject(value))
    throw new OptionError(
      "a configuration must be a JSON object: write one with the command anchors --out",
    );
  const { anchors, variances, heads, classes, suppression, thresholds } = value;
  return {
    ...(anchors === undefined ? {} : { anchors: parseAnchors(anchors) }),
    ...(variances === undefined ? {} : { variances: parseVariances(variances) }),
    ...(heads === undefined ? {} : { heads: parseHeads(heads) }),
    ...(classes === undefined ? {} : { classes: parseClassNames(classes) }),
    ...(suppression === undefined ? {} : { suppression: parseSuppression(suppression) }),
    ...(thresholds === undefined ? {} : { thresholds: parseThresholds(thresholds) }),
  };
}

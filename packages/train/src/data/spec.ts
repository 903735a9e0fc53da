import { DataError } from "../errors.js";
import {
  DATA_FORMATS,
  type DataFormat,
  FORMAT_NAMES,
  type FormatRow,
  YOLO_PARTS,
  type YoloPart,
} from "./formats.js";

/** One part of a data SPEC. */
export interface DataPart {
  readonly format: DataFormat;
  /** The label file or folder. */
  readonly path: string;
  /** Where the images are, if not at the format's usual place. */
  readonly images?: string;
  readonly classes?: string;
  readonly split?: "train" | "val";
  readonly fraction: number;
  readonly seed: number;
  /** Images whose ids it matches with the same text stay on one side of a split. */
  readonly group?: string;
  /** `class`, or a pattern of images' ids: both sides of a split get the same share of each. */
  readonly stratify?: string;
  /** What coordinates are of: the picture as it is shown, or its pixels as they are stored. */
  readonly orientation?: "upright" | "raw";
  /** Scores from which boxes of JSON lines are faces, and ignored ones. */
  readonly face?: number;
  readonly ignore?: number;
  /** Only images whose ids it matches. */
  readonly match?: string;
  /** Which part of a YOLO set that its `data.yaml` names. */
  readonly part?: YoloPart;
  /** Which column of a CSV file holds what. */
  readonly columns?: string;
  /** What a CSV file's coordinates are. */
  readonly units?: "pixels" | "shares";
  /** At most so many images, the first ones. */
  readonly limit?: number;
}

type PartOptions = Omit<DataPart, "format" | "path" | "images">;

const PREFIX = new RegExp(`^(${FORMAT_NAMES.join("|")}):`);
const NEXT_PART = new RegExp(`\\+(?=(?:${FORMAT_NAMES.join("|")}):)`);
const OPTIONS_START = /\?\w+=/;
const DEFAULTS: PartOptions = { fraction: 0.8, seed: 1 };

function readNumber(option: string, ok: (value: number) => boolean, want: string): number {
  const text = option.slice(option.indexOf("=") + 1);
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!ok(value)) throw new DataError(`The data option ${option} must be ${want}.`);
  return value;
}

/** A text as the SPEC holds it: & and + are written %26 and %2B there. */
function decode(option: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new DataError(`The data option ${option} has a % that is none of %26, %2B: write %25.`, {
      cause,
    });
  }
}

function readPattern(option: string, text: string): string {
  const pattern = decode(option, text);
  try {
    new RegExp(pattern);
    return pattern;
  } catch (cause) {
    throw new DataError(`The data option ${option} is no regular expression: mend it.`, { cause });
  }
}

function readChoice<const T extends string>(
  option: string,
  value: string,
  choices: readonly T[],
): T {
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  const list = choices.join(", ").replace(/, (\w+)$/, " or $1");
  throw new DataError(`The data option ${option} must be ${list}.`);
}

/** Options that say something of certain formats only. */
const OF_FORMATS = [...new Set(DATA_FORMATS.flatMap(({ options }: FormatRow) => options))];

/**
 * Makes sure that a part has no option of another format, once its format is known.
 * @throws {DataError} naming the formats that the option is for
 */
export function checkOptions(part: DataPart, format: DataFormat): void {
  if (format === "auto") return;
  for (const option of OF_FORMATS) {
    if (part[option as keyof DataPart] === undefined) continue;
    const rows = DATA_FORMATS.filter(({ options }: FormatRow) => options.includes(option));
    if (rows.some(({ name }) => name === format)) continue;
    const whose = rows.map(({ name, title }) => `${title} (${name})`).join(" and ");
    throw new DataError(`The data option ${option} is for ${whose}, not ${format}: leave it out.`);
  }
}

/** One band without the other would be guessed. */
function checkBands({ face, ignore }: DataPart): void {
  if (face === undefined && ignore === undefined) return;
  if (face === undefined || ignore === undefined || ignore > face) {
    throw new DataError(
      "The data options face and ignore go together, ignore at most face: write ?face=0.35&ignore=0.08.",
    );
  }
}

function parseOption(option: string): Partial<PartOptions> {
  const equals = option.indexOf("=");
  const key = option.slice(0, equals === -1 ? undefined : equals);
  const value = option.slice(equals + 1);
  switch (key) {
    case "classes":
      return { classes: value };
    case "split":
      return { split: readChoice(option, value, ["train", "val"]) };
    case "fraction":
      return { fraction: readNumber(option, (v) => v > 0 && v < 1, "between 0 and 1") };
    case "seed":
      return { seed: readNumber(option, Number.isSafeInteger, "an integer") };
    case "limit": {
      const positive = (v: number) => Number.isSafeInteger(v) && v > 0;
      return { limit: readNumber(option, positive, "a positive integer") };
    }
    case "group":
    case "match":
    case "stratify":
      return { [key]: readPattern(option, value) };
    case "orientation":
      return { orientation: readChoice(option, value, ["upright", "raw"]) };
    case "part":
      return { part: readChoice(option, value, YOLO_PARTS) };
    case "units":
      return { units: readChoice(option, value, ["pixels", "shares"]) };
    case "columns":
      return { columns: decode(option, value) };
    case "face":
    case "ignore":
      return { [key]: readNumber(option, (v) => v >= 0 && v <= 1, "a score from 0 to 1") };
    default:
      throw new DataError(
        `Unknown data option "${option}"; there are classes, split, fraction, seed, group, stratify, match, ` +
          `limit, orientation, ${OF_FORMATS.join(", ")}.`,
      );
  }
}

/** Splits `labels:images` at the colon that is not a Windows drive's. */
function splitPaths(text: string): [path: string, images?: string] {
  for (let i = text.indexOf(":", 1); i !== -1; i = text.indexOf(":", i + 1)) {
    const drive = /(^|:)[A-Za-z]$/.test(text.slice(0, i)) && /[\\/]/.test(text[i + 1] ?? "");
    if (!drive) return [text.slice(0, i), text.slice(i + 1)];
  }
  return [text];
}

function parsePart(text: string): DataPart {
  const prefix = PREFIX.exec(text);
  const format = (prefix?.[1] ?? "auto") as DataFormat;
  const rest = text.slice(prefix?.[0].length ?? 0);
  const optionsAt = rest.search(OPTIONS_START);
  const [path, images] = splitPaths(optionsAt === -1 ? rest : rest.slice(0, optionsAt));
  if (path === "" || images === "") {
    throw new DataError(`The data SPEC "${text}" names no path: write voc:DIR, for example.`);
  }
  const options = optionsAt === -1 ? [] : rest.slice(optionsAt + 1).split("&");
  const part: DataPart = Object.assign(
    { format, path, images, ...DEFAULTS },
    ...options.map(parseOption),
  );
  checkBands(part);
  checkOptions(part, format);
  return part;
}

/**
 * Parses a data SPEC, the way commands name data sets:
 *
 * ```text
 * SPEC    = PART { "+" PART }
 * PART    = [FORMAT ":"] PATH [":" IMAGES] ["?" OPTION { "&" OPTION }]
 * FORMAT  = a name of DATA_FORMATS | auto (the default: recognised by content)
 * OPTION  = classes=a,b=face;c=ignored | split=train|val | fraction=0.8 | seed=1 | group=PATTERN
 *         | stratify=class|PATTERN | match=PATTERN | limit=N | orientation=upright|raw | face=0.35 | ignore=0.08
 *         | part=train|val|test | columns=image,x1,y1,x2,y2,label | units=pixels|shares
 * ```
 *
 * `voc:DIR` is a folder of XML files, or one with `annotations/` and `images/`; `wider:label.txt`
 * also takes `wider_face_*_bbx_gt.txt`; IMAGES is the folder that paths in the labels are relative to.
 * A part after a `+` starts with its format, so that a path may hold a plus sign.
 * `split` keeps the part of a seeded split: `fraction` (0.8) of the images train, the rest validate;
 * both sides of a split must state the same `fraction`, `seed` and `group`, a regular expression: images whose paths it
 * matches with the same text (of its first bracket) stay together, and `stratify`, which gives both sides the same share of
 * each class, or of what a pattern matches. `orientation=raw` is for coordinates of the pixels as they are stored, where EXIF data turn them. `face` and `ignore` are scores of JSON lines from which a box is a face, and neither
 * face nor background. `match` keeps the images whose paths, as the labels have them, the regular expression matches.
 * Order: orientation, classes, match, split, limit.
 */
export function parseDataSpec(spec: string): DataPart[] {
  return partsOf(spec).map(parsePart);
}

const partsOf = (spec: string) => spec.split(NEXT_PART);

/**
 * A data SPEC without splits as the training side of one, a fifth held out of every part; null where a part is
 * split already.
 *
 * @param group @param stratify as the SPEC's options of these names
 */
export function holdOutSpec(spec: string, group?: string, stratify?: string): string | null {
  const parts = partsOf(spec);
  if (parts.some((part) => parsePart(part).split !== undefined)) return null;
  const encode = (text: string) => encodeURIComponent(text);
  const split = [
    "split=train&fraction=0.8&seed=1",
    ...(group === undefined ? [] : [`group=${encode(group)}`]),
    ...(stratify === undefined ? [] : [`stratify=${encode(stratify)}`]),
  ].join("&");
  return parts.map((part) => part + (OPTIONS_START.test(part) ? "&" : "?") + split).join("+");
}

/**
 * The other sides of a data SPEC's splits, for validation; null where nothing is split. Parts that train
 * whole are left out.
 */
export function validationSpec(spec: string): string | null {
  const training = partsOf(spec).filter((part) => parsePart(part).split === "train");
  const other = training.map((part) => part.replace(/([?&]split=)train\b/, "$1val"));
  return other.length > 0 ? other.join("+") : null;
}

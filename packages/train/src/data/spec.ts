import { DataError } from "../errors.js";

/** A label format; `auto` looks at what lies at the path. */
export type DataFormat = "auto" | "voc" | "wider" | "coco" | "jsonl";

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
  /** At most so many images, the first ones. */
  readonly limit?: number;
}

type PartOptions = Omit<DataPart, "format" | "path" | "images">;

const PREFIX = /^(auto|voc|wider|coco|jsonl):/;
const OPTIONS_START = /\?\w+=/;
const DEFAULTS: PartOptions = { fraction: 0.8, seed: 1 };

function readNumber(option: string, ok: (value: number) => boolean, want: string): number {
  const text = option.slice(option.indexOf("=") + 1);
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!ok(value)) throw new DataError(`The data option ${option} must be ${want}.`);
  return value;
}

function parseOption(option: string): Partial<PartOptions> {
  const equals = option.indexOf("=");
  const key = option.slice(0, equals === -1 ? undefined : equals);
  const value = option.slice(equals + 1);
  switch (key) {
    case "classes":
      return { classes: value };
    case "split":
      if (value !== "train" && value !== "val") {
        throw new DataError(`The data option ${option} must be train or val.`);
      }
      return { split: value };
    case "fraction":
      return { fraction: readNumber(option, (v) => v > 0 && v < 1, "between 0 and 1") };
    case "seed":
      return { seed: readNumber(option, Number.isSafeInteger, "an integer") };
    case "limit": {
      const positive = (v: number) => Number.isSafeInteger(v) && v > 0;
      return { limit: readNumber(option, positive, "a positive integer") };
    }
    default:
      throw new DataError(
        `Unknown data option "${option}"; there are classes, split, fraction, seed and limit.`,
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
  return Object.assign({ format, path, images, ...DEFAULTS }, ...options.map(parseOption));
}

/**
 * Parses a data SPEC, the way commands name data sets:
 *
 * ```text
 * SPEC    = PART { "+" PART }
 * PART    = [FORMAT ":"] PATH [":" IMAGES] ["?" OPTION { "&" OPTION }]
 * FORMAT  = voc | wider | coco | jsonl | auto (the default: recognised by content)
 * OPTION  = classes=a,b=face | split=train|val | fraction=0.8 | seed=1 | limit=N
 * ```
 *
 * `voc:DIR` is a folder of XML files, or one with `annotations/` and `images/`; `wider:label.txt`
 * also takes `wider_face_*_bbx_gt.txt`; IMAGES is the folder that paths in the labels are relative to.
 * A part after a `+` starts with its format, so that a path may hold a plus sign.
 * `split` keeps the part of a seeded split: `fraction` (0.8) of the images train, the rest validate;
 * both sides of a split must state the same `fraction` and `seed`. Order: classes, split, limit.
 */
export function parseDataSpec(spec: string): DataPart[] {
  return partsOf(spec).map(parsePart);
}

const partsOf = (spec: string) => spec.split(/\+(?=(?:auto|voc|wider|coco|jsonl):)/);

/**
 * The other sides of a data SPEC's splits, for validation; null where nothing is split. Parts that train
 * whole are left out.
 */
export function validationSpec(spec: string): string | null {
  const training = partsOf(spec).filter((part) => parsePart(part).split === "train");
  const other = training.map((part) => part.replace(/([?&]split=)train\b/, "$1val"));
  return other.length > 0 ? other.join("+") : null;
}

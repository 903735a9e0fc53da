import { InvalidArgumentError, Option } from "commander";
import { DEFAULT_THRESHOLDS } from "retinaface-webgpu";
import { SCALE_TEXT } from "retinaface-webgpu/node";
import { DATA_FORMATS } from "../data/formats.js";
import { parseTestScale, type TestScale } from "../evaluate/test-scales.js";

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A finite number of at least `least`. */
export function numberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`It must be a number of at least ${least}.`);
    }
    return value;
  };
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("It must be a number from 0 to 1.");
  }
  return value;
}

export function positiveNumbers(text: string): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!values.every((value) => value > 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError("It must be positive numbers separated by commas.");
  }
  return values;
}

/** An option that `parse` makes a number of. */
export function numberOption(
  flags: string,
  text: string,
  parse: (text: string) => number,
  value?: number,
): Option {
  return new Option(flags, text).argParser(parse).default(value);
}

/** An option that is one of some texts, by default the first. */
export function choiceOption(flags: string, text: string, values: readonly string[]): Option {
  return new Option(flags, text).choices(values).default(values[0]);
}

/** A test scale such as 640 or 1600/2150. */
function parseScale(text: string): TestScale {
  try {
    return parseTestScale(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** The size at which the network sees images; the same text and default in every command. */
export function scaleOption(): Option {
  return new Option("--scale <size>", SCALE_TEXT)
    .argParser(parseScale)
    .default({ kind: "original" } satisfies TestScale, "original");
}

/** Collects a repeatable option's test scales. */
export function addTestScale(text: string, before: TestScale[] | undefined): TestScale[] {
  return [...(before ?? []), parseScale(text)];
}

/** The data SPEC; the same for every command. */
export function dataOption(): Option {
  const formats = DATA_FORMATS.map(({ name, title }) => `${name}: ${title}`).join("; ");
  return new Option(
    "--data <spec>",
    "labelled images: a folder, file or .zip, or [FORMAT:]PATH[:IMAGES], with ?classes=a,b=face&split=val&fraction=0.8" +
      `&seed=1, joined by +; formats are ${formats}`,
  );
}

/** Collects a repeatable option's texts. */
export function addText(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export function weightsOption(): Option {
  return new Option(
    "--weights <file>",
    "checkpoint: .pth or .safetensors, or light (default: those that detect takes)",
  );
}

/** Post-processing options as commander names them. */
export interface ThresholdValues {
  readonly confidenceThreshold?: number;
  readonly topK?: number;
  readonly nmsThreshold?: number;
  readonly keepTopK?: number;
}

export function confidenceOption(): Option {
  return new Option("--confidence-threshold <x>", "candidates must score above this")
    .argParser(fraction)
    .default(DEFAULT_THRESHOLDS.confidenceThreshold);
}

/**
 * The detector's post-processing, as `detect` has it; every score counts in an evaluation. What is not given is as stored
 * with the weights.
 */
export function thresholdOptions(): Option[] {
  const { confidenceThreshold, topK, nmsThreshold, keepTopK } = DEFAULT_THRESHOLDS;
  const number = (flags: string, text: string, parse: (text: string) => number, value: number) =>
    new Option(flags, `${text} (default: as stored with the weights, else ${value})`).argParser(
      parse,
    );
  return [
    number(
      "--confidence-threshold <x>",
      "candidates must score above this",
      fraction,
      confidenceThreshold,
    ),
    number("--top-k <n>", "best candidates before suppression", wholeNumber(1), topK),
    number("--nms-threshold <x>", "IoU above which the worse is dropped", fraction, nmsThreshold),
    number("--keep-top-k <n>", "most faces of an image", wholeNumber(1), keepTopK),
  ];
}

import { InvalidArgumentError, Option } from "commander";
import { type BackendChoice, OptionError } from "retinaface-webgpu";
import { COMBINES, type Combine } from "../gallery/gallery.js";
import { WEIGHTS_VARIABLE } from "./embedder-weights.js";

/** Options of the commands that turn pictures into vectors, as commander names them. */
export interface LookValues {
  readonly weights?: string;
  readonly whole?: boolean;
  readonly detector?: string;
  readonly maxSide?: number;
  readonly visThreshold?: number;
  readonly backend: BackendChoice;
  readonly threads?: number;
}

function count(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number of at least 1.");
  }
  return value;
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError("It must be a number from 0 to 1.");
  }
  return value;
}

/** A share of strangers: all of them would be no threshold. */
function rate(text: string): number {
  const value = fraction(text);
  if (value === 1) throw new InvalidArgumentError("It must be below 1.");
  return value;
}

function cosine(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= -1 && value <= 1)) {
    throw new InvalidArgumentError("It must be a similarity, from -1 to 1.");
  }
  return value;
}

/** How pictures are looked at; the same in every command. */
export function lookOptions(): Option[] {
  return [
    new Option(
      "--weights <file>",
      `embedding network: .safetensors or .pth (default: ${WEIGHTS_VARIABLE}, else the gallery's own)`,
    ),
    new Option("--whole", "each picture is one face already, as crop --align makes them"),
    new Option(
      "--detector <file>",
      "weights that find the faces (default: those that detect takes)",
    ),
    new Option("--max-side <n>", "look for faces at the long side scaled down to n pixels")
      .argParser(count)
      .conflicts("whole"),
    new Option("--vis-threshold <x>", "least score of a face").argParser(fraction),
  ];
}

export const combineOption = () =>
  new Option(
    "--combine <how>",
    "how pictures of an identity answer together: its best one, their mean, or softly between the two",
  ).choices(COMBINES);

export const farOption = () =>
  new Option("--far <x>", "share of strangers that the threshold may take for somebody")
    .argParser(rate)
    .default(0.01);

export const thresholdOption = (text: string) =>
  new Option("--threshold <x>", text).argParser(cosine);

export const countOption = (flags: string, text: string) =>
  new Option(flags, text).argParser(count);

export const galleryOption = () =>
  new Option("--gallery <file>", "gallery that enrol has written").makeOptionMandatory();

/** A choice that commander has checked. */
export type CombineValue = Combine | undefined;

/** @throws OptionError for options of the detector where there is none */
export function checkLook({ whole, detector, visThreshold }: LookValues): void {
  if (!whole || (detector === undefined && visThreshold === undefined)) return;
  throw new OptionError(
    "with --whole no face is looked for: leave out --detector, --vis-threshold",
  );
}

import { OptionError } from "../errors.js";

/** The size at which the network is to see images, as `DetectOptions` has it. */
export interface WantedSides {
  readonly maxSide?: number | undefined;
  readonly minSide?: number | undefined;
}

/** Sides in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Reads what every command takes as `--scale`: `original`, `640` (a long side, never up) or `1600/2150` (a short side and the
 * limit of the long one, up too; so `640/640` is a long side of 640, up or down).
 * @throws OptionError
 */
export function parseScale(text: string): WantedSides {
  if (text === "original") return {};
  const match = /^([1-9]\d{0,4})(?:\/([1-9]\d{0,4}))?$/.exec(text);
  if (!match || (match[2] && Number(match[2]) < Number(match[1]))) {
    throw new OptionError(
      "a scale is original, a long side such as 640, or a short side with the limit of the long one such as " +
        `1600/2150, not "${text}"`,
    );
  }
  const side = Number(match[1]);
  return match[2] ? { minSide: side, maxSide: Number(match[2]) } : { maxSide: side };
}

/** The factor by which the network sees an image of this size scaled. */
export function scaleFactor(
  width: number,
  height: number,
  { maxSide = Number.POSITIVE_INFINITY, minSide }: WantedSides,
): number {
  const wanted = minSide === undefined ? 1 : minSide / Math.min(width, height);
  return Math.min(wanted, maxSide / Math.max(width, height));
}

/** At which size the network sees an image, in pixels. */
export function networkSize(width: number, height: number, sides: WantedSides): Size {
  const scale = scaleFactor(width, height, sides);
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}

/** The size to decode an image to: the one that the network sees, where that is smaller; else undefined. */
export function smallerSize(
  size: Size,
  { decode, ...sides }: WantedSides & { readonly decode?: "scaled" | "full" | undefined },
): Size | undefined {
  if (decode === "full") return undefined;
  const fit = networkSize(size.width, size.height, sides);
  return fit.width < size.width || fit.height < size.height ? fit : undefined;
}

import { OptionError } from "../errors.js";
import type { PixelSource } from "../image/source.js";
import type { Face } from "../types.js";

/** The size at which the network is to see images, as `DetectOptions` has it. */
export interface WantedSides {
  readonly maxSide?: number | undefined;
  readonly minSide?: number | undefined;
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
export function networkSize(
  width: number,
  height: number,
  sides: WantedSides,
): { width: number; height: number } {
  const scale = scaleFactor(width, height, sides);
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}

/** Images that go through the network together. */
export interface SizeGroup {
  readonly width: number;
  readonly height: number;
  readonly images: PixelSource[];
  readonly indices: number[];
}

/** Boxes cut to the image. */
export function clipBoxes(faces: readonly Face[], { width, height }: PixelSource): Face[] {
  const inside = (value: number, side: number) => Math.max(0, Math.min(value, side));
  return faces.map((face) => {
    const [x1, y1, x2, y2] = face.box;
    const [left, right] = [inside(x1, width), inside(x2, width)];
    const [top, bottom] = [inside(y1, height), inside(y2, height)];
    return { ...face, box: [left, top, right, bottom] };
  });
}

/** Images by the size at which the network sees them. */
export function groupBySize(images: readonly PixelSource[], sides: WantedSides): SizeGroup[] {
  const groups = new Map<string, SizeGroup>();
  for (const [i, image] of images.entries()) {
    const { width, height } = networkSize(image.width, image.height, sides);
    const key = `${width}x${height}`;
    const group = groups.get(key) ?? { width, height, images: [], indices: [] };
    group.images.push(image);
    group.indices.push(i);
    groups.set(key, group);
  }
  return [...groups.values()];
}

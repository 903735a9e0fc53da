import { OptionError } from "../errors.js";
import { checkRawImage } from "../image/raw.js";
import { scaleOf } from "../image/source.js";
import type { Face, RawImage } from "../types.js";
import type { Region } from "./region.js";
import { blurInto, fillInto, pixelateInto } from "./styles.js";

/** How a face is made unrecognisable. */
export type RedactStyle = "blur" | "pixelate" | "fill";

/** Options of `redact`. */
export interface RedactOptions {
  /**
   * `pixelate`: at most 4 cells across a face, with noise; `blur`: clouds of colour, 6 across; `fill`: one colour.
   * Default `pixelate`.
   */
  readonly style?: RedactStyle | undefined;
  /** By what factor the box grows about its centre, for hair, chin and ears; default 1.3. */
  readonly grow?: number | undefined;
  /** Default `ellipse`. */
  readonly shape?: "ellipse" | "box" | undefined;
  /** Of `fill`: red, green, blue, 0 to 255; default black. */
  readonly colour?: readonly [number, number, number] | undefined;
}

const STYLES = { blur: blurInto, pixelate: pixelateInto, fill: fillInto } as const;
const SHAPES: readonly unknown[] = ["ellipse", "box"];
const OPTIONS: readonly string[] = ["style", "grow", "shape", "colour"];
const GROW = 1.3;

/**
 * Makes faces unrecognisable in a copy of an image; what lies outside them stays as it is, alpha too.
 *
 * Faces of which `detect` is unsure are faces as well: ask it for them (`visThreshold: 0.3`).
 *
 * @param faces boxes as `detect` gives them of the image: in pixels of its original, where it was decoded smaller
 * @throws OptionError for options out of range; ImageError for pixels that do not fit the size
 */
export function redact(
  image: RawImage,
  faces: readonly Pick<Face, "box">[],
  options: RedactOptions = {},
): RawImage {
  checkRawImage(image);
  const { style, grow, shape, colour } = resolve(options);
  const copy = { ...image, data: new Uint8ClampedArray(image.data) };
  const [scaleX, scaleY] = scaleOf(image);
  for (const {
    box: [x1, y1, x2, y2],
  } of faces) {
    const box: Face["box"] = [x1 * scaleX, y1 * scaleY, x2 * scaleX, y2 * scaleY];
    const region = regionOf(box, image, grow, shape);
    if (region) STYLES[style](image, copy, region, colour);
  }
  return copy;
}

/** With defaults. @throws OptionError */
function resolve(options: RedactOptions) {
  const { style = "pixelate", grow = GROW, shape = "ellipse", colour = [0, 0, 0] } = options;
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name));
  if (unknown.length > 0) {
    throw new OptionError(
      `redact has no option ${unknown.join(", ")}; there are ${OPTIONS.join(", ")}`,
    );
  }
  if (!Object.hasOwn(STYLES, style)) {
    throw new OptionError(`style must be ${Object.keys(STYLES).join(", ")}; got ${String(style)}`);
  }
  if (!SHAPES.includes(shape)) {
    throw new OptionError(`shape must be ellipse or box; got ${String(shape)}`);
  }
  if (!(grow >= 1 && grow <= 10)) {
    throw new OptionError(`grow must be a number from 1, the box itself, to 10; got ${grow}`);
  }
  const three = Array.isArray(colour) && colour.length === 3;
  if (!three || !colour.every((value) => value >= 0 && value <= 255)) {
    throw new OptionError(`colour must be three numbers from 0 to 255, got ${String(colour)}`);
  }
  return { style, grow, shape, colour };
}

/** @returns undefined where nothing of it is in the image */
function regionOf(
  box: Face["box"],
  { width, height }: RawImage,
  grow: number,
  shape: "ellipse" | "box",
): Region | undefined {
  if (!box.every(Number.isFinite)) {
    throw new OptionError(`a face's box must be four finite numbers, got ${box.join(", ")}`);
  }
  const [x1, y1, x2, y2] = box;
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const [halfWidth, halfHeight] = [((x2 - x1) / 2) * grow, ((y2 - y1) / 2) * grow];
  const left = Math.max(0, Math.floor(x - halfWidth));
  const top = Math.max(0, Math.floor(y - halfHeight));
  const right = Math.min(width, Math.ceil(x + halfWidth));
  const bottom = Math.min(height, Math.ceil(y + halfHeight));
  if (left >= right || top >= bottom) return undefined;
  // Half a pixel more, so that a pixel which the edge crosses is redacted.
  const inEllipse = (px: number, py: number) =>
    ((px + 0.5 - x) / (halfWidth + 0.5)) ** 2 + ((py + 0.5 - y) / (halfHeight + 0.5)) ** 2 <= 1;
  const has = shape === "ellipse" ? inEllipse : () => true;
  return { left, top, right, bottom, width: 2 * halfWidth, height: 2 * halfHeight, has };
}

import { shownSize } from "../image/source.js";
import type { Face, RawImage } from "../types.js";
import type { DetectCallOptions } from "./options.js";

/** Codes of errors that a smaller photo remedies. */
const OUT_OF_MEMORY: ReadonlySet<unknown> = new Set(["GPU_OUT_OF_MEMORY", "OUT_OF_MEMORY"]);
/** By how much a photo is scaled down that there is no memory for, again and again. */
const SMALLER = Math.SQRT1_2;
/** Where even this long side does not fit, the photo's size is not the reason. */
const LEAST_SIDE = 512;

/** What finds the faces of pixels. */
export interface PixelDetector {
  detect(image: RawImage, options: DetectCallOptions): Promise<Face[]>;
}

/** Faces, and the `maxSide` at which there was memory for the photo. */
export interface Fitted {
  readonly faces: Face[];
  readonly side: number | undefined;
}

/**
 * Finds faces of a photo, which is scaled down until there is memory for it; not with `testTime`, which has sizes of its own.
 *
 * @param started called when the detector has the photo: another's turn may begin
 * @throws as `detect`
 */
export async function detectFitting(
  detector: PixelDetector,
  image: RawImage,
  options: DetectCallOptions,
  started: () => void = () => {},
): Promise<Fitted> {
  let side = options.maxSide;
  for (;;) {
    try {
      const faces = detector.detect(image, { ...options, maxSide: side });
      started();
      return { faces: await faces, side };
    } catch (error) {
      const { width, height } = shownSize(image);
      const tried = Math.min(side ?? Number.POSITIVE_INFINITY, Math.max(width, height));
      const smaller = Math.round(tried * SMALLER);
      const { code } = error as { code?: unknown };
      const last = options.testTime || smaller < LEAST_SIDE;
      if (last || !OUT_OF_MEMORY.has(code)) throw error;
      side = smaller;
    }
  }
}

/** What is said of a photo that was scaled down for want of memory. */
export function scaledNote(
  file: string,
  image: RawImage,
  side: number | undefined,
  wanted: number | undefined,
): string | undefined {
  if (side === wanted) return undefined;
  const { width, height } = shownSize(image);
  return `${file}: there is no memory for ${width}×${height}: scaled to a long side of ${side} pixels`;
}

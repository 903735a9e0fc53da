import {
  LANDMARK_COORDINATES,
  OptionError,
  type RawImage,
  resizeBilinear,
} from "retinaface-webgpu";
import { MIRRORED_LANDMARKS, mirrorImage } from "../augment/crop.js";
import type { Detections } from "./detections.js";
import { voteDetections } from "./voting.js";

/** The size at which the network sees an image. */
export type TestScale =
  | { readonly kind: "original" }
  /** The long side at most so many pixels: down, never up. */
  | { readonly kind: "long"; readonly side: number }
  /** The short side so many pixels, up or down, unless the long side would pass `most`. */
  | { readonly kind: "short"; readonly side: number; readonly most: number };

/**
 * Parses `original`, `640` (long side) or `1600/2150` (short side, limit of the long side); so
 * `640/640` is a long side of 640, up or down.
 * @throws OptionError
 */
export function parseTestScale(text: string): TestScale {
  if (text === "original") return { kind: "original" };
  const match = /^([1-9]\d{0,4})(?:\/([1-9]\d{0,4}))?$/.exec(text);
  if (!match || (match[2] && Number(match[2]) < Number(match[1]))) {
    throw new OptionError(
      `a test scale is "original", a long side such as 640, or a short side with the limit of the ` +
        `long one such as 1600/2150, not "${text}"`,
    );
  }
  const side = Number(match[1]);
  return match[2] ? { kind: "short", side, most: Number(match[2]) } : { kind: "long", side };
}

/** The inverse of {@link parseTestScale}. */
export function formatTestScale(scale: TestScale): string {
  if (scale.kind === "original") return "original";
  return scale.kind === "long" ? `${scale.side}` : `${scale.side}/${scale.most}`;
}

/** A detector's pass over one image, scaled down to `maxSide` where that is given. */
export type DetectPass = (image: RawImage, maxSide?: number) => Promise<Detections>;

/** The factor by which an image of this size is scaled. */
export function scaleFactor(scale: TestScale, width: number, height: number): number {
  const long = Math.max(width, height);
  switch (scale.kind) {
    case "original":
      return 1;
    case "long":
      return Math.min(1, scale.side / long);
    case "short":
      return Math.min(scale.side / Math.min(width, height), scale.most / long);
  }
}

function stretch(detections: Detections, x: number, y: number): Detections {
  const scaled = (values: Float64Array) => values.map((v, i) => v * (i % 2 === 0 ? x : y));
  const { boxes, scores, landmarks } = detections;
  return { boxes: scaled(boxes), scores, landmarks: landmarks && scaled(landmarks) };
}

/** Whole pixels of a side that is scaled. */
const scaledSide = (side: number, factor: number) => Math.max(1, Math.round(side * factor));

/** Pixels that the network sees for each pixel of an image of this size, across and down. */
export function networkScale(
  scale: TestScale,
  width: number,
  height: number,
): readonly [x: number, y: number] {
  const factor = scaleFactor(scale, width, height);
  return [scaledSide(width, factor) / width, scaledSide(height, factor) / height];
}

async function passAt(pass: DetectPass, image: RawImage, scale: TestScale): Promise<Detections> {
  if (scale.kind === "original") return pass(image);
  if (scale.kind === "long") return pass(image, scale.side);
  const factor = scaleFactor(scale, image.width, image.height);
  const sides = [image.width, image.height].map((side) => scaledSide(side, factor));
  const scaled = resizeBilinear(image, sides[0], sides[1]);
  const found = await pass(scaled);
  return stretch(found, image.width / scaled.width, image.height / scaled.height);
}

function mirrored(image: RawImage): RawImage {
  const copy = { ...image, data: image.data.slice() };
  mirrorImage(copy);
  return copy;
}

function mirrorBack(detections: Detections, width: number): Detections {
  const { boxes, scores, landmarks } = detections;
  const turned = boxes.map((value, i) => {
    if (i % 2 === 1) return value;
    return width - boxes[i % 4 === 0 ? i + 2 : i - 2];
  });
  const points = landmarks?.map((_, i) => {
    const column = i % LANDMARK_COORDINATES;
    const from = i - column + MIRRORED_LANDMARKS[column >> 1] * 2 + (i % 2);
    return i % 2 === 0 ? width - landmarks[from] : landmarks[from];
  });
  return { boxes: turned, scores, landmarks: points };
}

function concatenate(parts: readonly Detections[]): Detections {
  const join = (arrays: readonly Float64Array[]) =>
    Float64Array.from(arrays.flatMap((values) => [...values]));
  const landmarks = parts.map((part) => part.landmarks).filter((points) => points !== undefined);
  return {
    boxes: join(parts.map(({ boxes }) => boxes)),
    scores: join(parts.map(({ scores }) => scores)),
    landmarks: landmarks.length === parts.length ? join(landmarks) : undefined,
  };
}

/** Options of {@link detectAtScales}. */
export interface ScaleOptions {
  readonly scales: readonly TestScale[];
  /** Adds a pass over the mirrored image at every scale. */
  readonly mirror: boolean;
  /** IoU from which the passes' detections are one face. */
  readonly voteThreshold: number;
}

/**
 * Detects at one or several scales, mirrored too; several passes are merged by box voting.
 * @returns in pixels of `image`
 */
export async function detectAtScales(
  pass: DetectPass,
  image: RawImage,
  { scales, mirror, voteThreshold }: ScaleOptions,
): Promise<Detections> {
  const parts: Detections[] = [];
  for (const scale of scales) parts.push(await passAt(pass, image, scale));
  if (mirror) {
    const other = mirrored(image);
    for (const scale of scales) {
      parts.push(mirrorBack(await passAt(pass, other, scale), image.width));
    }
  }
  return parts.length === 1 ? parts[0] : voteDetections(concatenate(parts), voteThreshold);
}

import {
  scaleFactor as factorOf,
  mirrorBackFaces,
  parseScale,
  passesOf,
  type RawImage,
  TEST_TIME,
  type WantedSides,
} from "retinaface-webgpu";
import { type Detections, packFaces, unpackFaces } from "./detections.js";
import { voteDetections } from "./voting.js";

/** The size at which the network sees an image: the detector scales it in the network's input. */
export type TestScale =
  | { readonly kind: "original" }
  /** The long side at most so many pixels: down, never up. */
  | { readonly kind: "long"; readonly side: number }
  /** The short side so many pixels, up or down, unless the long side would pass `most`. */
  | { readonly kind: "short"; readonly side: number; readonly most: number };

/** Parses a size as every command takes it, see `parseScale`. @throws OptionError */
export function parseTestScale(text: string): TestScale {
  const { minSide, maxSide } = parseScale(text);
  if (maxSide === undefined) return { kind: "original" };
  if (minSide === undefined) return { kind: "long", side: maxSide };
  return { kind: "short", side: minSide, most: maxSide };
}

/** A size as the detector takes it. */
function sidesOf(scale: TestScale): WantedSides {
  switch (scale.kind) {
    case "original":
      return {};
    case "long":
      return { maxSide: scale.side };
    case "short":
      return { minSide: scale.side, maxSide: scale.most };
  }
}

/** The inverse of {@link parseTestScale}. */
export function formatTestScale(scale: TestScale): string {
  if (scale.kind === "original") return "original";
  return scale.kind === "long" ? `${scale.side}` : `${scale.side}/${scale.most}`;
}

/** A detector's pass over one image, which the network sees at these sides. */
export type DetectPass = (image: RawImage, sides?: WantedSides) => Promise<Detections>;

/** The factor by which an image of this size is scaled. */
export function scaleFactor(scale: TestScale, width: number, height: number): number {
  return factorOf(width, height, sidesOf(scale));
}

function mirrorBack(detections: Detections, width: number): Detections {
  const turned = packFaces(mirrorBackFaces(unpackFaces(detections), width));
  return detections.landmarks ? turned : { ...turned, landmarks: undefined };
}

/** Sizes and mirroring of RetinaFace's paper, as an evaluation takes them. */
export const TEST_TIME_SCALES: readonly TestScale[] = TEST_TIME.scales.map(
  ({ minSide, maxSide }) => ({ kind: "short", side: minSide, most: maxSide }),
);

function concatenate(parts: readonly Detections[]): Detections {
  const join = (arrays: readonly Float64Array[]) =>
    Float64Array.from(arrays.flatMap((values) => [...values]));
  const landmarks = parts.map((part) => part.landmarks).filter((points) => points !== undefined);
  const classes = parts.flatMap((part) => part.classes ?? []);
  const scores = join(parts.map((part) => part.scores));
  return {
    boxes: join(parts.map(({ boxes }) => boxes)),
    scores,
    landmarks: landmarks.length === parts.length ? join(landmarks) : undefined,
    classes: classes.length === scores.length ? classes : undefined,
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

/** What a detector finds at each scale, and after them in the mirrored image; in pixels of `image`. */
export async function detectPasses(
  pass: DetectPass,
  image: RawImage,
  { scales, mirror }: Pick<ScaleOptions, "scales" | "mirror">,
): Promise<Detections[]> {
  const sizes = scales.map(sidesOf);
  return passesOf(pass, image, { scales: sizes, mirror }, mirrorBack);
}

/**
 * Detects at one or several scales, mirrored too; several passes are merged by box voting.
 * @returns in pixels of `image`
 */
export async function detectAtScales(
  pass: DetectPass,
  image: RawImage,
  options: ScaleOptions,
): Promise<Detections> {
  const parts = await detectPasses(pass, image, options);
  return parts.length === 1 ? parts[0] : voteDetections(concatenate(parts), options.voteThreshold);
}

/** Test-time augmentation: one image looked at in several sizes and mirrored, and what was found merged. */
import { toRawImage } from "#platform";
import { faceLike, hasLandmarks } from "../decode/face.js";
import { OptionError } from "../errors.js";
import type { WantedSides } from "../image/fit.js";
import type { ImageInput } from "../image/input.js";
import { MIRRORED_LANDMARKS, mirroredImage } from "../image/mirror.js";
import { type Face, LANDMARK_NAMES, type Point, type RawImage, type Thresholds } from "../types.js";
import type { DetectCallOptions, TestTimeOptions } from "./options.js";
import { addTimings, noTimings, type Timings } from "./timings.js";
import { voteFaces } from "./voting.js";

/** How much longer than the short side a photo's long side may be, before that limits its size. */
const LONGEST = 1.5;

/** The protocol of RetinaFace's paper (Deng et al. 2020, section 4.3): short sides of 500 to 1,700 pixels, mirrored too. */
export const TEST_TIME = {
  scales: [500, 800, 1100, 1400, 1700].map((side) => ({
    minSide: side,
    maxSide: side * LONGEST,
  })),
  mirror: true,
  voteThreshold: 0.4,
} as const satisfies TestTimeOptions;

/** How an image is looked at, everything said. */
export interface TestTimePlan {
  readonly scales: readonly WantedSides[];
  readonly mirror: boolean;
  readonly voteThreshold: number;
}

/** Options with what is absent as in {@link TEST_TIME}. @throws OptionError */
export function testTimePlan(given: true | TestTimeOptions): TestTimePlan {
  const options: TestTimeOptions = given === true ? {} : given;
  const { scales = TEST_TIME.scales, mirror = TEST_TIME.mirror } = options;
  const { voteThreshold = TEST_TIME.voteThreshold } = options;
  if (scales.length === 0) throw new OptionError("testTime needs at least one size in scales");
  if (!(voteThreshold > 0 && voteThreshold <= 1)) {
    throw new OptionError(
      `testTime's voteThreshold must be above 0, at most 1, not ${voteThreshold}`,
    );
  }
  return { scales, mirror, voteThreshold };
}

/**
 * What `pass` finds at each size, and after them in the mirrored image.
 * @param mirrorBack what was found in a mirrored image so wide, in the image itself
 */
export async function passesOf<Found>(
  pass: (image: RawImage, sides: WantedSides) => Promise<Found>,
  image: RawImage,
  { scales, mirror }: Pick<TestTimePlan, "scales" | "mirror">,
  mirrorBack: (found: Found, width: number) => Found,
): Promise<Found[]> {
  const parts: Found[] = [];
  for (const sides of scales) parts.push(await pass(image, sides));
  if (!mirror) return parts;
  const other = mirroredImage(image);
  for (const sides of scales) parts.push(mirrorBack(await pass(other, sides), image.width));
  return parts;
}

/** Faces of a mirrored image in the image itself; without the values of further heads, of which nobody says what mirrors them. */
export function mirrorBackFaces(faces: readonly Face[], width: number): Face[] {
  const turned = ([x, y]: Point): Point => [width - x, y];
  return faces.map((face) => {
    const { values: _, ...rest } = face;
    const [x1, y1, x2, y2] = face.box;
    const named = hasLandmarks(face)
      ? LANDMARK_NAMES.map((name, i) => [
          name,
          turned(face.landmarks[LANDMARK_NAMES[MIRRORED_LANDMARKS[i]]]),
        ])
      : undefined;
    return faceLike(face, {
      ...rest,
      box: [width - x2, y1, width - x1, y2],
      ...(named && { landmarks: Object.fromEntries(named) }),
    });
  });
}

/** Faces of an image from all its passes, merged by box voting; best first, in pixels of `image`. */
export async function detectAugmented(
  pass: (image: RawImage, sides: WantedSides) => Promise<Face[]>,
  image: RawImage,
  plan: TestTimePlan,
): Promise<Face[]> {
  const parts = await passesOf(pass, image, plan, mirrorBackFaces);
  return parts.length === 1 ? parts[0] : voteFaces(parts.flat(), plan.voteThreshold);
}

/** What passes are made with. */
interface PassDetector {
  detect(image: ImageInput, options: DetectCallOptions): Promise<Face[]>;
}

/**
 * `detectBatch` with `testTime`. @throws OptionError for one size besides those of `testTime`; what `detect` throws
 */
export async function detectAllAugmented(
  detector: PassDetector,
  images: readonly ImageInput[],
  { testTime, onTimings, ...options }: DetectCallOptions,
  { visThreshold, keepTopK }: Thresholds,
): Promise<Face[][]> {
  const { maxSide, minSide, truncated, decoder, signal } = options;
  if (maxSide !== undefined || minSide !== undefined) {
    throw new OptionError("testTime has sizes of its own: leave maxSide and minSide out");
  }
  const plan = testTimePlan(testTime || true);
  const timings = noTimings();
  const onPass = (more: Timings) => addTimings(timings, more);
  const all: Face[][] = [];
  for (const input of images) {
    const image = await toRawImage(input, { truncated, decoder, signal });
    const pass = (one: RawImage, sides: WantedSides) =>
      detector.detect(one, { ...options, ...sides, visThreshold: 0, onTimings: onPass });
    const faces = await detectAugmented(pass, image, plan);
    all.push(faces.filter(({ score }) => score >= visThreshold).slice(0, keepTopK));
  }
  onTimings?.(timings);
  return all;
}

import type { Pose } from "@retinaface-webgpu/mesh";
import type { Random } from "@retinaface-webgpu/tensor";
import { mirrorImage, OptionError, type RawImage } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import type { MatchFaces } from "../objective/match.js";
import { chance, seededRandom } from "../random.js";
import {
  type CropOptions,
  cropFaces,
  cropImage,
  drawSquare,
  mirrorFaces,
  padToSquare,
} from "./crop.js";
import { distort, drawDistortion } from "./distort.js";
import { RESAMPLE_METHODS, type ResampleMethod, resample } from "./resample.js";

/** What a training image goes through. */
export interface AugmentOptions {
  /** Side of the square result in pixels. */
  readonly size: number;
  /** Random square crops; null keeps the whole image. */
  readonly crop: CropOptions | null;
  /** Probability of mirroring. */
  readonly mirror: number;
  /** Whether brightness, contrast, saturation and hue change. */
  readonly distort: boolean;
  /** One is drawn for each sample. */
  readonly resample: readonly ResampleMethod[];
  /** Names of the classes that the network tells apart, in the order of its logits behind background; absent: one. */
  readonly classes?: readonly string[] | undefined;
  /** Made-up heads to paste into a sample, for networks with a branch for meshes; default 0. */
  readonly heads?: number | undefined;
}

/** The published PyTorch training's augmentation. */
export function trainingAugment(size: number): AugmentOptions {
  return {
    size,
    crop: { minScale: 0.3, maxScale: 1, whole: 0.2 },
    mirror: 0.5,
    distort: true,
    resample: RESAMPLE_METHODS,
  };
}

/** The whole image, padded to a square and scaled, for a loss on validation data. */
export function plainAugment(size: number): AugmentOptions {
  return { size, crop: null, mirror: 0, distort: false, resample: ["linear"] };
}

/** The mesh of a face that was drawn. */
export interface KnownMesh {
  /** Which of the sample's faces. */
  readonly face: number;
  /** `[v, 2]`: where its vertices are seen, as fractions of the image's side. */
  readonly places: Float32Array;
  /** `[v, 3]`, in the face template's space. */
  readonly vertices: Float32Array;
  /** Before the camera of the square that it was drawn in. */
  readonly pose: Pose;
}

/** A training image with its faces as fractions of its side, ready for {@link matchPriors}. */
export interface Sample extends MatchFaces {
  readonly id: string;
  /** `size` × `size` upright RGBA; the mean is not yet subtracted. */
  readonly image: RawImage;
  readonly ignored: Uint8Array;
  /** Class of each face by name, where the data tell it. */
  readonly labels?: readonly string[];
  /**
   * `[r, 4]`: parts of the image, as fractions of its side, in which every face is labelled, so that a
   * teacher's word does not count against the labels'. Absent: none.
   */
  readonly complete?: Float32Array;
  /** Of the faces whose meshes are known. */
  readonly meshes?: readonly KnownMesh[];
}

/** The mean that training subtracts, R, G, B: padding with it becomes zero. */
export const MEAN_RGB = [123, 117, 104] as const;

const WHOLE = (image: RawImage) => ({
  data: image.data.slice(),
  width: image.width,
  height: image.height,
});

/** Each face's class, from 1; an ignored face of another name trains none. */
function classNumbers({ id, labels, ignored }: FaceRecord, names: readonly string[]): Uint8Array {
  return Uint8Array.from(labels, (label, i) => {
    const number = names.indexOf(label) + 1;
    if (number > 0 || ignored[i] === 1) return Math.max(number, 1);
    throw new OptionError(
      `${id} has a face of the class "${label}", and the network's are ${names.join(", ")}: map it by classes=, or to ignored.`,
    );
  });
}

/**
 * Makes a training sample: random square crop, photometric distortion, padding, scaling, mirroring.
 * Equal random states give equal samples.
 *
 * @param image the record's upright pixels; left as they are
 * @throws {OptionError} for a face of a class that is not among `options.classes`
 */
export function augment(
  record: FaceRecord,
  image: RawImage,
  options: AugmentOptions,
  random: Random,
): Sample {
  const { size } = options;
  if (!Number.isSafeInteger(size) || size < 1 || options.resample.length === 0) {
    throw new OptionError(
      `a sample needs a positive whole size and a way to resample, not ${size}`,
    );
  }
  const square = options.crop ? drawSquare(image, record, options.crop, random) : undefined;
  const cropped = square ? cropImage(image, square) : WHOLE(image);
  let faces = square ? cropFaces(record, square) : record;
  if (options.distort) distort(cropped, drawDistortion(random));
  const padded = padToSquare(cropped, MEAN_RGB);
  const method = options.resample[random.integer(options.resample.length)];
  const scaled = resample(padded, size, size, method);
  if (chance(random, options.mirror)) {
    mirrorImage(scaled);
    faces = mirrorFaces(faces, padded.width);
  }
  const fraction = (value: number) => value / padded.width;
  return {
    id: record.id,
    image: scaled,
    boxes: faces.boxes.map(fraction),
    landmarks: faces.landmarks.map(fraction),
    ignored: faces.ignored,
    labels: faces.labels,
    ...(options.classes && { classes: classNumbers(faces, options.classes) }),
  };
}

/** The random numbers of one sample: the same whichever thread makes it, and when. */
export function sampleRandom(seed: number, epoch: number, index: number): Random {
  return seededRandom(seed, epoch, index);
}

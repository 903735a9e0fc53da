import { seededRandom } from "@retinaface-webgpu/train";
import { say } from "@retinaface-webgpu/train/node";
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { errorLine, printable, type Streams, startProgress } from "retinaface-webgpu/node";
import { drawnMask, wearMask } from "../data/masks.js";
import type { IdentityImage } from "../data/split.js";
import type { EmbeddedPicture } from "../evaluation/pairs.js";
import { toSquare } from "../networks/pixels.js";
import type { Looker } from "./looker.js";
import { type OneFaceOptions, oneFace } from "./one-face.js";

/** A picture's file, and what its face wears. */
export interface WornPhoto {
  readonly file: string;
  /** Seed of the mask that is drawn on the face; absent: none. */
  readonly mask?: number | undefined;
}

/** A picture of a data set with its vector. */
export interface EmbeddedPhoto extends EmbeddedPicture, WornPhoto {}

export interface EmbeddedPhotos {
  readonly pictures: readonly EmbeddedPhoto[];
  /** How many could not be used; each was told on standard error. */
  readonly failed: number;
}

/** Faces that go through the network together. */
const BATCH = 8;

/** Pictures with a mask each, the same ones whenever they are drawn. */
export const masked = <T extends WornPhoto>(photos: readonly T[]): T[] =>
  photos.map((photo, mask) => ({ ...photo, mask }));

/** The one face of a picture, upright. @throws as `oneFace` and `toRawImage` */
export async function faceOf(
  { file, mask }: WornPhoto,
  looker: Looker,
  options: OneFaceOptions,
): Promise<RawImage> {
  const { crop } = oneFace(await looker.faces(await toRawImage(file)), options);
  if (mask === undefined) return crop;
  return wearMask(toSquare(crop, looker.embedder.size), drawnMask(seededRandom(mask)));
}

/** Turns pictures into vectors, with a progress bar. */
export async function embedFaces(
  photos: readonly (IdentityImage & WornPhoto)[],
  looker: Looker,
  options: OneFaceOptions,
): Promise<EmbeddedPhotos> {
  const streams: Streams = { stdout: process.stdout, stderr: process.stderr };
  const progress = startProgress(streams, photos.length, "{bar} {value}/{total} pictures {label}");
  const pictures: EmbeddedPhoto[] = [];
  let waiting: { photo: IdentityImage & WornPhoto; crop: RawImage }[] = [];
  let failed = 0;
  const embedWaiting = async () => {
    const vectors = await looker.vectors(waiting);
    for (const [i, { photo }] of waiting.entries()) {
      const { identity: id, file, mask } = photo;
      pictures.push({ id, file, mask, vector: vectors[i] });
    }
    waiting = [];
  };
  try {
    for (const [n, photo] of photos.entries()) {
      try {
        waiting.push({ photo, crop: await faceOf(photo, looker, options) });
      } catch (error) {
        failed++;
        progress.clear();
        const { code, message } = errorLine(error);
        say(printable(`${photo.file}: ${message} [${code}]`));
      }
      if (waiting.length === BATCH) await embedWaiting();
      progress.update(n + 1, photo.file);
    }
    await embedWaiting();
  } finally {
    progress.stop();
  }
  return { pictures, failed };
}

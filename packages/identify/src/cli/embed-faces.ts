import { say } from "@retinaface-webgpu/train/node";
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { errorLine, printable, type Streams, startProgress } from "retinaface-webgpu/node";
import type { IdentityImage } from "../data/split.js";
import type { EmbeddedPicture } from "../evaluation/pairs.js";
import type { Looker } from "./looker.js";
import { type OneFaceOptions, oneFace } from "./one-face.js";

/** A picture of a data set with its vector. */
export interface EmbeddedPhoto extends EmbeddedPicture {
  readonly file: string;
}

export interface EmbeddedPhotos {
  readonly pictures: readonly EmbeddedPhoto[];
  /** How many could not be used; each was told on standard error. */
  readonly failed: number;
}

/** Faces that go through the network together. */
const BATCH = 8;

/** The one face of a picture, upright. @throws as `oneFace` and `toRawImage` */
export async function faceOf(
  { file }: { readonly file: string },
  looker: Looker,
  options: OneFaceOptions,
): Promise<RawImage> {
  return oneFace(await looker.faces(await toRawImage(file)), options).crop;
}

/** Turns pictures into vectors, with a progress bar. */
export async function embedFaces(
  photos: readonly IdentityImage[],
  looker: Looker,
  options: OneFaceOptions,
): Promise<EmbeddedPhotos> {
  const streams: Streams = { stdout: process.stdout, stderr: process.stderr };
  const progress = startProgress(streams, photos.length, "{bar} {value}/{total} pictures {label}");
  const pictures: EmbeddedPhoto[] = [];
  let waiting: { photo: IdentityImage; crop: RawImage }[] = [];
  let failed = 0;
  const embedWaiting = async () => {
    const vectors = await looker.vectors(waiting);
    for (const [i, { photo }] of waiting.entries()) {
      pictures.push({ id: photo.identity, file: photo.file, vector: vectors[i] });
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

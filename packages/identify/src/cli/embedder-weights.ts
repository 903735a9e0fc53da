import { existsSync } from "node:fs";
import path from "node:path";
import { say } from "@retinaface-webgpu/train/node";
import { RetinaFaceError } from "retinaface-webgpu";

/** Names weights where no option does. */
export const WEIGHTS_VARIABLE = "RETINAFACE_EMBEDDER";

/**
 * The file of an embedder's weights: the one that is named, else that of the environment, else the one that the gallery was
 * made with, if it is still there. None come with the library.
 *
 * @param gallery its file and what it says
 * @throws RetinaFaceError `WEIGHTS_NOT_FOUND`
 */
export function locateEmbedder(
  named: string | undefined,
  gallery?: { readonly file: string; readonly weights: string | undefined },
): string {
  const given = named ?? process.env[WEIGHTS_VARIABLE];
  if (given !== undefined && given !== "") return given;
  if (gallery?.weights !== undefined) {
    const file = path.resolve(path.dirname(gallery.file), gallery.weights);
    if (existsSync(file)) {
      say(`weights: ${file}, with which the gallery was made`);
      return file;
    }
  }
  throw new RetinaFaceError(
    "WEIGHTS_NOT_FOUND",
    "No weights of an embedding network: none come with the library. Give --weights FILE, or set " +
      `${WEIGHTS_VARIABLE}: the command train makes them, and insightface's arcface_torch checkpoints can be read.`,
  );
}

/** How a gallery names the weights that it was made with: from its own folder. */
export function weightsFrom(gallery: string, weights: string): string {
  return path.relative(path.dirname(path.resolve(gallery)), path.resolve(weights));
}

import { RetinaFaceError } from "retinaface-webgpu";

/**
 * - `GALLERY_FOREIGN`: it is no gallery
 * - `GALLERY_CORRUPT`: it contradicts itself, its size or its checksum
 * - `GALLERY_TOO_LARGE`: it is larger than galleries are read
 * - `GALLERY_VERSION`: a newer version of the library wrote it
 * - `GALLERY_MODEL`: its vectors are another model's
 * - `GALLERY_CHANGED`: another program has written the file meanwhile
 * - `GALLERY_FULL`: more than a gallery holds
 */
export type GalleryErrorCode =
  | "GALLERY_FOREIGN"
  | "GALLERY_CORRUPT"
  | "GALLERY_TOO_LARGE"
  | "GALLERY_VERSION"
  | "GALLERY_MODEL"
  | "GALLERY_CHANGED"
  | "GALLERY_FULL";

/** A gallery that can not be used; what there was of it is as it was. */
export class GalleryError extends RetinaFaceError {
  declare readonly code: GalleryErrorCode;

  constructor(code: GalleryErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A vector that describes no face: of another length, not finite, or without direction. */
export class EmbeddingError extends RetinaFaceError {
  constructor(message: string) {
    super("EMBEDDING_INVALID", message);
  }
}

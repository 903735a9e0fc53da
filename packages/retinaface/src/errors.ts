/** Base of the errors this package throws on purpose: `code` is stable, `message` says the remedy. */
export class RetinaFaceError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An option or argument that is out of range or of the wrong shape. */
export class OptionError extends RetinaFaceError {
  constructor(message: string) {
    super("OPTION_INVALID", message);
  }
}

/** Why an image could not be used. */
export type ImageErrorCode =
  /** A format that is not decoded here, or not an image at all. */
  | "IMAGE_UNSUPPORTED"
  /** Truncated or damaged. */
  | "IMAGE_CORRUPT"
  /** No bytes, or no pixels. */
  | "IMAGE_EMPTY"
  /** More pixels than the limit. */
  | "IMAGE_TOO_LARGE"
  /** The file could not be opened or read. */
  | "IMAGE_UNREADABLE";

/** An image that could not be decoded. */
export class ImageError extends RetinaFaceError {
  declare readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A file or URL that could not be read. */
export class ReadError extends RetinaFaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("READ_FAILED", message, options);
  }
}

/** Numbers that cannot be a result: NaN or infinite scores, boxes or landmarks. */
export class NumericError extends RetinaFaceError {
  constructor(message: string) {
    super("NOT_FINITE", message);
  }
}

/** Landmarks that do not determine a similarity transform. */
export class AlignError extends RetinaFaceError {
  constructor(message: string) {
    super("LANDMARKS_DEGENERATE", message);
  }
}

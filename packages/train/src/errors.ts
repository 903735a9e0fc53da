import { RetinaFaceError } from "retinaface-webgpu";

/** A data set, its SPEC string or one of its files cannot be used at all. */
export class DataError extends RetinaFaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("DATA", message, options);
  }
}

/** A file is damaged or not in the format its reader expects. */
export class FormatError extends RetinaFaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("FORMAT", message, options);
  }
}

import { RetinaFaceError } from "../errors.js";

/**
 * - `CHECKPOINT_UNSAFE`: it asks for something beyond tensors, which a pickle could abuse to run code
 * - `CHECKPOINT_CORRUPT`: it contradicts itself or its own size
 * - `CHECKPOINT_UNSUPPORTED`: it is a checkpoint or another file that this reader does not know
 */
export type CheckpointErrorCode =
  | "CHECKPOINT_UNSAFE"
  | "CHECKPOINT_CORRUPT"
  | "CHECKPOINT_UNSUPPORTED";

/** A checkpoint that can not be read or converted; nothing of it was executed. */
export class CheckpointError extends RetinaFaceError {
  declare readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string) {
    super(code, message);
  }
}

/** The file contradicts itself. */
export function corrupt(message: string): CheckpointError {
  return new CheckpointError(
    "CHECKPOINT_CORRUPT",
    `${message} The file is damaged or cut off: fetch it again.`,
  );
}

/** The pickle asks for more than tensors. */
export function unsafe(message: string): CheckpointError {
  return new CheckpointError(
    "CHECKPOINT_UNSAFE",
    `${message} Only tensors in plain dictionaries are read, nothing is executed. ` +
      "If you trust the file, save its state dict alone: torch.save(model.state_dict(), file).",
  );
}

/** The file is honest but of a kind that is not read. */
export function unsupported(message: string): CheckpointError {
  return new CheckpointError("CHECKPOINT_UNSUPPORTED", message);
}

/** Text from a file, quoted and short enough for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}

/**
 * - `WEIGHTS_NOT_FOUND`: the file named is not there, or none was named and no default is at hand
 * - `WEIGHTS_URL_REFUSED`: an http(s) address where only files are read
 * - `WEIGHTS_UNREADABLE`: the file is there but can not be read
 * - `WEIGHTS_DAMAGED`: the file in the cache is not the one that was published
 */
export type WeightsErrorCode =
  | "WEIGHTS_NOT_FOUND"
  | "WEIGHTS_URL_REFUSED"
  | "WEIGHTS_UNREADABLE"
  | "WEIGHTS_DAMAGED";

/** There are no weights to load; the message says how to get them. */
export class WeightsNotFoundError extends RetinaFaceError {
  declare readonly code: WeightsErrorCode;

  constructor(code: WeightsErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/**
 * - `PULL_UNKNOWN_NAME`: no public file has this name
 * - `PULL_OFFLINE`: the server can not be reached
 * - `PULL_INTERRUPTED`: the connection broke off, again and again; what arrived is kept
 * - `PULL_NOT_FOUND`: the server does not have the file (404, 410)
 * - `PULL_REFUSED`: the server answers with another error
 * - `PULL_WRONG_SIZE`, `PULL_WRONG_HASH`: the server sends another file than the one registered
 * - `PULL_DISK_FULL`, `PULL_CACHE_UNWRITABLE`: the cache folder can not take the file
 * - `PULL_ABORTED`: the caller's signal
 */
export type PullErrorCode =
  | "PULL_UNKNOWN_NAME"
  | "PULL_OFFLINE"
  | "PULL_INTERRUPTED"
  | "PULL_NOT_FOUND"
  | "PULL_REFUSED"
  | "PULL_WRONG_SIZE"
  | "PULL_WRONG_HASH"
  | "PULL_DISK_FULL"
  | "PULL_CACHE_UNWRITABLE"
  | "PULL_ABORTED";

/** A public file could not be fetched; nothing is left under its final name. */
export class PullError extends RetinaFaceError {
  declare readonly code: PullErrorCode;

  constructor(code: PullErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

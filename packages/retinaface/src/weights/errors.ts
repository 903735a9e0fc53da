import { RetinaFaceError } from "../errors.js";

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
 * - `PULL_PROXY`: the proxy that HTTPS_PROXY or HTTP_PROXY names refuses, can not be reached, or is no proxy
 * - `PULL_INTERRUPTED`: the connection broke off, again and again; what arrived is kept
 * - `PULL_TOO_SLOW`: fewer bytes a second than the least rate, or longer than the limit; what arrived is kept
 * - `PULL_REDIRECT`: the server leads to another scheme, nowhere, or on and on
 * - `PULL_NOT_FOUND`: the server does not have the file (404, 410)
 * - `PULL_REFUSED`: the server answers with another error
 * - `PULL_WRONG_SIZE`, `PULL_WRONG_HASH`: the server sends another file than the one registered
 * - `PULL_DISK_FULL`, `PULL_CACHE_UNWRITABLE`: the cache folder can not take the file
 * - `PULL_ABORTED`: the caller's signal
 */
export type PullErrorCode =
  | "PULL_UNKNOWN_NAME"
  | "PULL_OFFLINE"
  | "PULL_PROXY"
  | "PULL_INTERRUPTED"
  | "PULL_TOO_SLOW"
  | "PULL_REDIRECT"
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

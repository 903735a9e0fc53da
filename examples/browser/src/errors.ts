import type { Failure } from "./protocol.js";

/** A refusal of the page or its worker. */
export class DetectorError extends Error {
  readonly code: string;

  constructor({ code, message }: Failure, options?: ErrorOptions) {
    super(message, options);
    this.name = "DetectorError";
    this.code = code;
  }
}

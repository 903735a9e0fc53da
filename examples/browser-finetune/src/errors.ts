import type { Failure } from "./protocol.js";

/** A refusal of the page or its worker. */
export class TuneError extends Error {
  readonly code: string;

  constructor({ code, message }: Failure) {
    super(message);
    this.name = "TuneError";
    this.code = code;
  }
}

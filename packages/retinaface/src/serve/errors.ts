import { RetinaFaceError } from "../errors.js";

/** A request that is refused, with the status that it is answered with. */
export class ServiceError extends RetinaFaceError {
  readonly status: number;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.status = status;
  }
}

/** Statuses by the codes of errors that tell of the photo or the question; anything else is the service's fault. */
const STATUSES: Readonly<Record<string, number>> = {
  OPTION_INVALID: 400,
  IMAGE_TOO_LARGE: 413,
  OUT_OF_MEMORY: 413,
  GPU_OUT_OF_MEMORY: 413,
  IMAGE_UNSUPPORTED: 415,
  IMAGE_CORRUPT: 422,
  IMAGE_EMPTY: 422,
};

/** The HTTP status of an error. */
export function statusOf(error: unknown): number {
  if (error instanceof ServiceError) return error.status;
  const { code } = Object(error) as { code?: unknown };
  return (typeof code === "string" && STATUSES[code]) || 500;
}

import { TensorError } from "./errors.js";

let enabled = true;

/** Whether operations are being recorded for `backward()`. */
export function gradEnabled(): boolean {
  return enabled;
}

/** Runs `fn` with recording, also within `noGrad`: a gradient that computes anew what it is the gradient of. */
export function withGrad<R>(fn: () => R): R {
  const before = enabled;
  enabled = true;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** Runs a synchronous `fn` without recording. @throws TensorError `ASYNC_NO_GRAD` for an asynchronous one */
export function noGrad<R>(fn: () => R): R {
  const before = enabled;
  enabled = false;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new TensorError(
        "ASYNC_NO_GRAD",
        "noGrad() takes a synchronous function: what runs after an await would be recorded. Await before or after it.",
      );
    }
    return result;
  } finally {
    enabled = before;
  }
}

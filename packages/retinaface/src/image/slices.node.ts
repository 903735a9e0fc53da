import { setImmediate } from "node:timers/promises";

/** Milliseconds of work after which timers, signals and others get their turn. */
const SLICE_MS = 20;

/**
 * Does work that pauses now and then, and lets the event loop turn between its slices.
 *
 * @throws the signal's reason once it is aborted.
 */
export async function inSlices<T>(
  work: Generator<unknown, T, undefined>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    for (;;) {
      const until = performance.now() + SLICE_MS;
      do {
        const step = work.next();
        if (step.done) return step.value;
      } while (performance.now() < until);
      await setImmediate();
      signal?.throwIfAborted();
    }
  } finally {
    work.return(undefined as T);
  }
}

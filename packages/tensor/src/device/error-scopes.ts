import { GpuOutOfMemoryError, GpuValidationError } from "../core/errors.js";
import type { GPUError } from "../core/web.js";

/** What became of some work: an error that WebGPU told of it later, if there was one. */
export type Outcome = Promise<Error | undefined>;

/** Errors that WebGPU reports after a call, until a read or a sync asks for them. */
export class ErrorScopes {
  #outcomes: Outcome[] = [];

  /**
   * Takes the answer of an error scope.
   *
   * @param label what was done, as errors name it
   * @param bytes asked for, where memory was
   */
  watch(scope: Promise<GPUError | null>, label: () => string, bytes = 0): void {
    const outcome = scope.then(
      (error) => {
        if (!error) return undefined;
        if (error instanceof GPUOutOfMemoryError) {
          const detail = bytes ? `${bytes} bytes could not be allocated` : error.message;
          return new GpuOutOfMemoryError(label(), detail);
        }
        return new GpuValidationError(label(), error.message);
      },
      () => undefined,
    );
    this.#outcomes.push(outcome);
  }

  /** Takes a promise that rejects with an error of its own. */
  collect(scope: Promise<void>): void {
    this.#outcomes.push(
      scope.then(
        () => undefined,
        (error: Error) => error,
      ),
    );
  }

  /** All so far: what comes later reports to those who ask later. */
  take(): Outcome[] {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    return outcomes;
  }
}

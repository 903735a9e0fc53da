/** Checks of what `compile` is given, for programs without types. */
import { describe, requireIntegers, requireList } from "../core/arguments.js";
import { DTYPES } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import type { TensorInfo } from "../core/tensor.js";

/** @throws TensorError `ARGUMENT` unless `forward` is a function and the inputs have shapes and types */
export function checkForward(forward: unknown, inputs: readonly TensorInfo[]): void {
  if (typeof forward !== "function") {
    throw argumentError(`a function, such as (x) => network.forward(x), not ${describe(forward)}`);
  }
  requireList("compile", inputs, 'inputs such as { shape: [1, 64, 64, 3], dtype: "f32" }');
  for (const [i, { shape, dtype }] of inputs.entries()) {
    requireIntegers(`The shape of compile's input ${i}`, shape, 0);
    if (DTYPES.includes(dtype)) continue;
    throw argumentError(`a dtype of ${DTYPES.join(", ")} for input ${i}, not ${describe(dtype)}`);
  }
}

export function argumentError(wanted: string): TensorError {
  return new TensorError("ARGUMENT", `compile takes ${wanted}.`);
}

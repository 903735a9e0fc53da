/** Numbers where an operation takes a tensor or a number. */
import { describe } from "../core/arguments.js";
import type { DType } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";

const RANGES = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/**
 * @throws TensorError `DTYPE` for a number that the element type does not hold: a fraction or one beyond the range of
 * integers. PyTorch gives a float then; here the types of results follow from types alone.
 */
export function requireNumberOf(op: string, value: number, dtype: DType): void {
  if (dtype !== "i32" && dtype !== "u32") return;
  const [low, high] = RANGES[dtype];
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new TensorError(
    "DTYPE",
    `${op}: ${value} is no ${dtype}; cast(x, "f32") the tensor first, or give an integer from ${low} to ${high}.`,
  );
}

/** As `requireNumberOf`, of bounds, which may be infinite. */
export function requireBoundOf(op: string, value: number, dtype: DType): void {
  if (value !== Number.POSITIVE_INFINITY && value !== Number.NEGATIVE_INFINITY) {
    requireNumberOf(op, value, dtype);
  }
}

/** @throws TensorError `ARGUMENT` unless both are tensors or numbers, and one of them a tensor. */
export function requireOperands(op: string, a: unknown, b: unknown): void {
  for (const operand of [a, b]) {
    if (operand instanceof Tensor || typeof operand === "number") continue;
    throw new TensorError("ARGUMENT", `${op} takes tensors and numbers, not ${describe(operand)}.`);
  }
  if (typeof a === "number" && typeof b === "number") {
    throw new TensorError("ARGUMENT", `${op} of ${a} and ${b}: one of the two must be a tensor.`);
  }
}

import { TensorError } from "../core/errors.js";
import type { TensorInfo } from "../core/tensor.js";

/** @throws TensorError `DTYPE` unless all tensors have the first one's element type. */
export function sameDtype(op: string, tensors: readonly TensorInfo[]): void {
  const other = tensors.find((t) => t.dtype !== tensors[0].dtype);
  if (other) {
    throw new TensorError(
      "DTYPE",
      `${op}: element types ${tensors[0].dtype} and ${other.dtype} differ; cast() one of them.`,
    );
  }
}

/** @throws TensorError `DTYPE` unless the tensor has one of the element types. */
export function requireDtype(
  op: string,
  tensor: TensorInfo,
  ...allowed: readonly TensorInfo["dtype"][]
): void {
  if (!allowed.includes(tensor.dtype)) {
    throw new TensorError(
      "DTYPE",
      `${op} takes ${allowed.join(" or ")}, not ${tensor.dtype}; cast() the tensor first.`,
    );
  }
}

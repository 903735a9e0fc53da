/** Arrangements of tensors made of other operations. */
import { requireIntegers, requireList } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import { normalizeAxis, sameShape, showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { broadcastTo, concat, reshape, split } from "./movement/forward.js";

/** Joins tensors of one shape along a new axis, the first by default. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  requireList("stack", tensors, "tensors");
  if (tensors.length === 0) throw new ShapeError("stack: no tensors given; it joins at least one");
  const { shape } = tensors[0];
  const other = tensors.find((t) => !sameShape(t.shape, shape));
  if (other) {
    throw new ShapeError(
      `stack: ${showShape(shape)} and ${showShape(other.shape)} differ; all must have one shape`,
    );
  }
  const at = normalizeAxis("stack", axis, [...shape, 1]);
  const widened = [...shape.slice(0, at), 1, ...shape.slice(at)];
  return concat(
    tensors.map((t) => reshape(t, widened)),
    at,
  );
}

/** Cuts an axis into `chunks` parts of one length, of which the last may be shorter (PyTorch's `chunk`). */
export function chunk(x: Tensor, chunks: number, axis: number): Tensor[] {
  requireIntegers("chunk", [chunks], 1);
  const extent = x.shape[normalizeAxis("chunk", axis, x.shape)];
  return split(x, Math.max(1, Math.ceil(extent / chunks)), axis);
}

/** Repeats the whole tensor along each axis; more counts than axes give new leading ones (PyTorch's `repeat`). */
export function repeat(x: Tensor, counts: readonly number[]): Tensor {
  requireList("repeat", counts, "counts, one for each axis");
  requireIntegers("repeat", counts, 0);
  if (counts.length < x.rank) {
    throw new ShapeError(
      `repeat: ${counts.length} counts for ${showShape(x.shape)}; give one for each axis`,
    );
  }
  const shape = [...new Array<number>(counts.length - x.rank).fill(1), ...x.shape];
  const apart = reshape(
    x,
    shape.flatMap((n) => [1, n]),
  );
  const repeated = broadcastTo(
    apart,
    shape.flatMap((n, axis) => [counts[axis], n]),
  );
  return reshape(
    repeated,
    shape.map((n, axis) => n * counts[axis]),
  );
}

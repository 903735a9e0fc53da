import { csrMatmul, csrRows as csrRowsKernel } from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { commonDevice, defineOp } from "../op.js";

/**
 * A sparse matrix in compressed rows, with PyTorch's names: row r has the values crowIndices[r] to crowIndices[r + 1],
 * and colIndices says their columns.
 */
export interface SparseCsr {
  /** [rows + 1] i32, rising from 0 to the number of values. */
  readonly crowIndices: Tensor;
  /** [values] i32. */
  readonly colIndices: Tensor;
  /** [values] f32. */
  readonly values: Tensor;
  readonly size: readonly [rows: number, columns: number];
}

export const sparseMatmulOp = /* @__PURE__ */ defineOp<null>({
  name: "sparseMatmul",
  outputs: ([starts, at, values, dense]) => {
    for (const indices of [starts, at]) requireDtype("sparseMatmul's indices", indices, "i32");
    for (const numbers of [values, dense]) requireDtype("sparseMatmul", numbers, "f32");
    return [{ shape: [starts.shape[0] - 1, dense.shape[1]], dtype: "f32" }];
  },
  forward: (run, [starts, at, values, dense], [y]) => {
    const [inner, columns] = dense.shape;
    const spec = { rows: y.shape[0], inner, columns, values: values.size };
    run.kernel(csrMatmul(spec), [starts, at, values, dense, y]);
  },
});

/** The row of each value: of row starts, and the columns whose shape it has. */
export const csrRowsOp = /* @__PURE__ */ defineOp<null>({
  name: "csrRows",
  outputs: ([, at]) => [at],
  forward: (run, [starts], [rows]) => {
    const spec = { rows: starts.shape[0] - 1, values: rows.size };
    run.kernel(csrRowsKernel(spec), [starts, rows]);
  },
});

/**
 * A sparse matrix [n, k] by a dense one [k, m] (PyTorch's `sparse.mm`), with gradients to the sparse values and the dense
 * matrix. The indices' values are not looked at: a column out of range counts as 0.
 *
 * @throws ShapeError naming the shapes that do not fit, TensorError `DTYPE`
 */
export function sparseMatmul(sparse: SparseCsr, dense: Tensor): Tensor {
  requireOptions("sparseMatmul", sparse, ["crowIndices", "colIndices", "values", "size"]);
  const { crowIndices, colIndices, values, size } = sparse;
  commonDevice("sparseMatmul", [crowIndices, colIndices, values, dense]);
  requireIntegers("sparseMatmul's size", size, 0);
  const [rows, inner] = size;
  const fits =
    size.length === 2 &&
    showShape(crowIndices.shape) === showShape([rows + 1]) &&
    colIndices.rank === 1 &&
    showShape(values.shape) === showShape(colIndices.shape);
  if (!fits) {
    throw new ShapeError(
      `sparseMatmul: row starts ${showShape(crowIndices.shape)}, columns ${showShape(colIndices.shape)} and values ` +
        `${showShape(values.shape)} for a matrix ${showShape(size)}; they are [rows + 1], [n] and [n]`,
    );
  }
  if (dense.rank !== 2 || dense.shape[0] !== inner) {
    throw new ShapeError(
      `sparseMatmul: ${showShape(size)} by ${showShape(dense.shape)}; the dense matrix must be [${inner}, m]`,
    );
  }
  return sparseMatmulOp([crowIndices, colIndices, values, dense], null)[0];
}

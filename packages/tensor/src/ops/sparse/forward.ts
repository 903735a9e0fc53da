import { csrMatmul, csrRows as csrRowsKernel } from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../../core/arguments.js";
import { ShapeError, TensorError } from "../../core/errors.js";
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
  /**
   * The same matrix transposed, where it is at hand and its values are no parameters: the gradient to the dense matrix is
   * then a product too. Without it, as many rows as there are values are made and added up.
   */
  readonly transposed?: Omit<SparseCsr, "transposed"> | undefined;
}

/** Inputs: row starts, columns and values, the dense matrix, and those of the transposed matrix if it is at hand. */
export const sparseMatmulOp = /* @__PURE__ */ defineOp<null>({
  name: "sparseMatmul",
  outputs: ([starts, at, values, dense, otherStarts = starts, otherAt = at, others = values]) => {
    for (const indices of [starts, at, otherStarts, otherAt]) {
      requireDtype("sparseMatmul's indices", indices, "i32");
    }
    for (const numbers of [values, dense, others]) requireDtype("sparseMatmul", numbers, "f32");
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

function requireFit({ crowIndices, colIndices, values, size }: SparseCsr): void {
  requireIntegers("sparseMatmul's size", size, 0);
  const fits =
    size.length === 2 &&
    showShape(crowIndices.shape) === showShape([size[0] + 1]) &&
    colIndices.rank === 1 &&
    showShape(values.shape) === showShape(colIndices.shape);
  if (fits) return;
  throw new ShapeError(
    `sparseMatmul: row starts ${showShape(crowIndices.shape)}, columns ${showShape(colIndices.shape)} and values ` +
      `${showShape(values.shape)} for a matrix ${showShape(size)}; they are [rows + 1], [n] and [n]`,
  );
}

/** The tensors of a transposed matrix. */
function transposedOf({ values, size, transposed }: SparseCsr): Tensor[] {
  if (!transposed) return [];
  const names = ["crowIndices", "colIndices", "values", "size"];
  requireOptions("sparseMatmul's transposed", transposed, names);
  const { crowIndices, colIndices } = transposed;
  commonDevice("sparseMatmul's transposed", [values, crowIndices, colIndices, transposed.values]);
  requireFit(transposed);
  const [columns, rows] = transposed.size;
  if (rows !== size[0] || columns !== size[1] || transposed.values.size !== values.size) {
    throw new ShapeError(
      `sparseMatmul: ${showShape(size)} with ${values.size} values, and transposed ${showShape(transposed.size)} with ` +
        `${transposed.values.size}; they must be one matrix`,
    );
  }
  if (values.requiresGrad || transposed.values.requiresGrad) {
    throw new TensorError(
      "ARGUMENT",
      "sparseMatmul: values that need a gradient change, and the transposed matrix would not: leave transposed out.",
    );
  }
  return [crowIndices, colIndices, transposed.values];
}

/**
 * A sparse matrix [n, k] by a dense one [k, m] (PyTorch's `sparse.mm`), with gradients to the sparse values and the dense
 * matrix. The indices' values are not looked at: a column out of range counts as 0.
 *
 * @throws ShapeError naming the shapes that do not fit, TensorError `DTYPE`
 */
export function sparseMatmul(sparse: SparseCsr, dense: Tensor): Tensor {
  const names = ["crowIndices", "colIndices", "values", "size", "transposed"];
  requireOptions("sparseMatmul", sparse, names);
  const { crowIndices, colIndices, values, size } = sparse;
  const own = [crowIndices, colIndices, values, dense];
  commonDevice("sparseMatmul", own);
  requireFit(sparse);
  if (dense.rank !== 2 || dense.shape[0] !== size[1]) {
    throw new ShapeError(
      `sparseMatmul: ${showShape(size)} by ${showShape(dense.shape)}; the dense matrix must be [${size[1]}, m]`,
    );
  }
  return sparseMatmulOp([...own, ...transposedOf(sparse)], null)[0];
}

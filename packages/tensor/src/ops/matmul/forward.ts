import {
  chooseMatmul,
  matmulBatchStrides,
  matmul as matmulKernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { broadcastShapes, type Shape, showShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype, sameDtype } from "../dtype-check.js";
import { reshape } from "../movement/forward.js";
import { commonDevice, defineOp } from "../op.js";

/** Which operands of `matmul` to read transposed (their last two axes exchanged). */
export interface MatmulOptions {
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

export interface MatmulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Rows, common extent and columns. */
function dimensions(a: Shape, b: Shape, { transposeA, transposeB }: MatmulAttrs) {
  const [p, q] = a.slice(-2);
  const [r, s] = b.slice(-2);
  const [m, k] = transposeA ? [q, p] : [p, q];
  const [common, n] = transposeB ? [s, r] : [r, s];
  return { m, k, common, n };
}

function show(shape: Shape, transposed: boolean): string {
  return `${showShape(shape)}${transposed ? " transposed" : ""}`;
}

export const matmulOp = /* @__PURE__ */ defineOp<MatmulAttrs>({
  name: "matmul",
  outputs: ([a, b], attrs) => {
    requireDtype("matmul", a, "f32", "f16");
    sameDtype("matmul", [a, b]);
    const names = `${show(a.shape, attrs.transposeA)} by ${show(b.shape, attrs.transposeB)}`;
    const { m, k, common, n } = dimensions(a.shape, b.shape, attrs);
    if (k !== common)
      throw new ShapeError(
        `matmul: ${names}: ${k} and ${common} differ; they are summed over and must agree (transposeA, transposeB)`,
      );
    const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
    return [{ shape: [...batch, m, n], dtype: a.dtype }];
  },
  forward: (run, [a, b], [y], attrs) => {
    const { m, k, n } = dimensions(a.shape, b.shape, attrs);
    const batch = y.shape.slice(0, -2);
    const strides = {
      aBatchStrides: matmulBatchStrides(a.shape.slice(0, -2), batch),
      bBatchStrides: matmulBatchStrides(b.shape.slice(0, -2), batch),
    };
    const variant = chooseMatmul({ m, n, k }, run.device.adapter);
    const type = y.dtype as "f32" | "f16";
    run.kernel(matmulKernel({ m, n, k, batch, ...strides, ...attrs, variant, type }), [a, b, y]);
  },
});

/** @throws ShapeError for a scalar, and for a vector that is to be transposed */
function requireAxes({ shape }: Tensor, transposed: boolean): void {
  if (shape.length >= (transposed ? 2 : 1)) return;
  throw new ShapeError(
    `matmul: ${show(shape, transposed)}: it needs at least ${transposed ? "two axes" : "one axis"}; multiply by a scalar with mul(), and leave a vector as it is`,
  );
}

/**
 * Matrix product of the last two axes, [… m, k] by [… k, n]; leading axes broadcast. A vector [k] is a row on the left
 * and a column on the right, and the result lacks that axis (NumPy's rule). f16 is computed in f32.
 *
 * @throws ShapeError naming the shapes that do not fit
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  requireOptions("matmul", options, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = options;
  commonDevice("matmul", [a, b]);
  const [row, column] = [a.rank === 1, b.rank === 1];
  requireAxes(a, transposeA);
  requireAxes(b, transposeB);
  const left = row ? reshape(a, [1, a.size]) : a;
  const right = column ? reshape(b, [b.size, 1]) : b;
  const [y] = matmulOp([left, right], { transposeA, transposeB });
  if (row) left.dispose();
  if (column) right.dispose();
  if (!row && !column) return y;
  const lead = y.shape.slice(0, -2);
  const result = reshape(y, [
    ...lead,
    ...(row ? [] : [y.shape[y.rank - 2]]),
    ...(column ? [] : [y.shape[y.rank - 1]]),
  ]);
  y.dispose();
  return result;
}

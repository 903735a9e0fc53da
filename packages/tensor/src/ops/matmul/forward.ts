import {
  chooseMatmul,
  matmulBatchStrides,
  matmul as matmulKernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { broadcastShapes, type Shape, showShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

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
    requireDtype("matmul", a, "f32");
    requireDtype("matmul", b, "f32");
    const names = `${show(a.shape, attrs.transposeA)} by ${show(b.shape, attrs.transposeB)}`;
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new ShapeError(
        `matmul: ${names}: both need at least two axes; reshape a vector to [1, n] or [n, 1]`,
      );
    }
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
    run.kernel(matmulKernel({ m, n, k, batch, ...strides, ...attrs, variant }), [a, b, y]);
  },
});

/** Matrix product of the last two axes, [… m, k] by [… k, n]; leading axes broadcast. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  requireOptions("matmul", options, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = options;
  return matmulOp([a, b], { transposeA, transposeB })[0];
}

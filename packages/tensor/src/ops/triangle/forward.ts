import { triangle } from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../../core/errors.js";
import { showShape, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { defineOp } from "../op.js";

export interface TriangleAttrs {
  readonly side: "lower" | "upper";
  readonly diagonal: number;
}

export const triangleOp = /* @__PURE__ */ defineOp<TriangleAttrs>({
  name: "triangle",
  outputs: ([x], { diagonal }) => {
    if (x.shape.length < 2 || !Number.isInteger(diagonal)) {
      throw new ShapeError(
        `tril, triu: diagonal ${diagonal} of ${showShape(x.shape)}; give matrices [… rows, columns] and an integer`,
      );
    }
    return [x];
  },
  forward: (run, [x], [y], attrs) => {
    const [rows, columns] = x.shape.slice(-2);
    const batch = sizeOf(x.shape.slice(0, -2));
    run.kernel(triangle({ ...attrs, batch, rows, columns, type: x.dtype }), [x, y]);
  },
});

/** The lower triangle of matrices [… rows, columns]: columns up to row + diagonal, else 0. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangleOp([x], { side: "lower", diagonal })[0];
}

/** The upper triangle of matrices [… rows, columns]: columns from row + diagonal on, else 0. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangleOp([x], { side: "upper", diagonal })[0];
}

/** The lower or upper triangle of matrices: what is outside is 0, not even NaN gets through. */
import { defineKernel, type ElementType, elementSize, input, output } from "./define.js";
import type { Kernel } from "./kernel.js";

/** Matrices [batch, rows, columns]; kept are columns up to row + `diagonal` (lower) or from it on (upper). */
export interface TriangleSpec {
  readonly side: "lower" | "upper";
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly diagonal: number;
  readonly type?: ElementType;
}

/** Bindings: x, y. */
export function triangle(spec: TriangleSpec): Kernel {
  const { side, batch, rows, columns, diagonal, type = "f32" } = spec;
  const size = batch * rows * columns;
  return defineKernel({
    name: `triangle-${side}`,
    buffers: [input("x", type), output("y", type)],
    params: { rows, columns, diagonal: { i32: diagonal } },
    count: size,
    body: `  let beyond = i32(i % p.columns) - i32(i / p.columns % p.rows) - p.diagonal;
  y[i] = select(${type}(0), x[i], beyond ${side === "lower" ? "<=" : ">="} 0);`,
    flops: 0,
    bytes: size * 2 * elementSize(type),
  });
}

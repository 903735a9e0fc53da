/**
 * Products of a sparse matrix in compressed rows (CSR) and a dense one.
 *
 * An invocation computes one element of the result, four side by side where rows are vectors of such: it goes through its
 * row's values and adds the dense rows that their columns name, in runs of 256. Rows of very different length leave lanes
 * idle; sorting rows by length, or splitting long ones, would mend that at the cost of more dispatches.
 */
import { defineKernel, input, output, scalarOrVector } from "./define.js";
import type { Kernel } from "./kernel.js";

/** [rows, inner] by [inner, columns], the first with `values` elements other than 0. */
export interface CsrSpec {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly values: number;
}

/** Bindings: row starts (i32) [rows + 1], columns (i32), values, dense, y. */
export function csrMatmul(spec: CsrSpec): Kernel {
  const { rows, inner, columns, values } = spec;
  const width = columns % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  return defineKernel({
    name: "csr-matmul",
    buffers: [
      input("starts", "i32"),
      input("at", "i32"),
      input("values", "f32"),
      input("dense", element),
      output("y", element),
    ],
    params: { columns: columns / width, inner, values },
    count: (rows * columns) / width,
    body: `  let row = i / p.columns;
  let column = i % p.columns;
  let first = u32(max(starts[row], 0));
  let last = min(u32(max(starts[row + 1u], 0)), p.values);
  var sum = ${element}();
  for (var start = first; start < last; start += 256u) {
    var part = ${element}();
    for (var k = start; k < min(start + 256u, last); k++) {
      let r = u32(at[k]);
      if (r < p.inner) { part += values[k] * dense[r * p.columns + column]; }
    }
    sum += part;
  }
  y[i] = sum;`,
    flops: 2 * values * columns,
    bytes: values * 8 + rows * 4 + (values + rows) * columns * 4,
  });
}

/** The row of each value. Bindings: row starts (i32) [rows + 1], rows (i32) [values]. */
export function csrRows({ rows, values }: Pick<CsrSpec, "rows" | "values">): Kernel {
  return defineKernel({
    name: "csr-rows",
    buffers: [input("starts", "i32"), output("row", "i32")],
    params: { rows },
    count: values,
    body: `  var low = 0u;
  var high = p.rows;
  while (low + 1u < high) {
    let middle = (low + high) / 2u;
    if (u32(starts[middle]) <= i) { low = middle; } else { high = middle; }
  }
  row[i] = i32(low);`,
    flops: values * Math.ceil(Math.log2(rows + 1)),
    bytes: values * 4 + rows * 4,
  });
}

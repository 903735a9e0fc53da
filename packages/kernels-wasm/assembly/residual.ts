/**
 * Where the residual of each output pixel lies: the pixel itself, or the one that nearest
 * upsampling takes.
 */
import { Window } from "../src/records";
import { word } from "./team";

/**
 * The fields of a residual follow each other in every record: address, order, height, width,
 * stride.
 */
enum Residual {
  address,
  order,
  height,
  width,
  stride,
}

/** Writes `count` addresses. @param field where the residual's words begin in the step */
export function residualTable(step: usize, field: i32, first: i32, count: i32, table: usize): void {
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  let column = first % outWidth;
  let row = (first / outWidth) % outHeight;
  let n = first / (outWidth * outHeight);
  for (let i = 0; i < count; i++) {
    store<u32>(table + (<usize>i << 2), residualAt(step, field, n, row, column));
    if (++column == outWidth) {
      column = 0;
      if (++row == outHeight) {
        row = 0;
        n++;
      }
    }
  }
}

/** The address of one pixel's residual. */
@inline
export function residualAt(step: usize, field: i32, n: i32, row: i32, column: i32): usize {
  const height = word(step, field + Residual.height);
  const width = word(step, field + Residual.width);
  const y = (row * height) / word(step, Window.outHeight);
  const x = (column * width) / word(step, Window.outWidth);
  const stride = word(step, field + Residual.stride) << 2;
  return word(step, field + Residual.address) + ((n * height + y) * width + x) * stride;
}

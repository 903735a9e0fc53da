/** Gradient of nearest-neighbour resizing: a chunk is a row of the input. */
import { ResizeGradient } from "../../src/training/records";
import { loadLanes, storeLanes } from "../tail";
import { word } from "../team";

export function resizeGradientChunk(step: usize, chunk: i32): void {
  const inHeight = word(step, ResizeGradient.inHeight);
  const inWidth = word(step, ResizeGradient.inWidth);
  const outHeight = word(step, ResizeGradient.outHeight);
  const outWidth = word(step, ResizeGradient.outWidth);
  const channels = word(step, ResizeGradient.channels);
  const n = chunk / inHeight;
  const row = chunk % inHeight;
  const firstRow = firstReader(row, inHeight, outHeight);
  const endRow = firstReader(row + 1, inHeight, outHeight);
  for (let column = 0; column < inWidth; column++) {
    const firstColumn = firstReader(column, inWidth, outWidth);
    const endColumn = firstReader(column + 1, inWidth, outWidth);
    const to = (chunk * inWidth + column) * channels;
    for (let c = 0; c < channels; c += 4) {
      const lanes = channels - c;
      let sum = f32x4.splat(0);
      for (let y = firstRow; y < endRow; y++) {
        const line = (n * outHeight + y) * outWidth;
        for (let x = firstColumn; x < endColumn; x++) {
          const from = <usize>((line + x) * channels + c) << 2;
          sum = f32x4.add(sum, loadLanes(word(step, ResizeGradient.gradient) + from, lanes));
        }
      }
      storeLanes(word(step, ResizeGradient.output) + (<usize>(to + c) << 2), sum, lanes);
    }
  }
}

/** The first output i with ⌊i · from / to⌋ ≥ `at`. */
@inline
function firstReader(at: i32, from: i32, to: i32): i32 {
  return (at * to + from - 1) / from;
}

import { at, build, type NdArray } from "./array.js";

/** Geometry of a deformable convolution. */
export interface DeformOptions {
  readonly stride: readonly [number, number];
  /** Top, bottom, left, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** Between the four pixels around a place, each by the area opposite; 0 outside. */
function between(x: NdArray, n: number, y: number, column: number, c: number): number {
  const [, height, width] = x.shape;
  let sum = 0;
  for (let row = 0; row < height; row++) {
    const down = 1 - Math.abs(y - row);
    if (down <= 0) continue;
    for (let i = 0; i < width; i++) {
      const across = 1 - Math.abs(column - i);
      if (across > 0) sum += down * across * at(x, n, row, i, c);
    }
  }
  return sum;
}

/** Equation 1 of Zhu et al. 2019, NHWC: Σ over taps of weight · x(place + tap + offset) · mask. */
export function deformConv2d(
  x: NdArray,
  offset: NdArray,
  weight: NdArray,
  bias: NdArray | undefined,
  mask: NdArray | undefined,
  { stride, padding, dilation, groups }: DeformOptions,
): NdArray {
  const [batch, height, width, channels] = x.shape;
  const [outputs, perGroup, kh, kw] = weight.shape;
  const taps = kh * kw;
  const perOffset = channels / (offset.shape[3] / (2 * taps));
  const rows = Math.floor(
    (height + padding[0] + padding[1] - dilation[0] * (kh - 1) - 1) / stride[0] + 1,
  );
  const columns = Math.floor(
    (width + padding[2] + padding[3] - dilation[1] * (kw - 1) - 1) / stride[1] + 1,
  );
  return build([batch, rows, columns, outputs], ([n, oy, ox, o]) => {
    let sum = bias ? at(bias, o) : 0;
    for (let i = 0; i < perGroup; i++) {
      const c = Math.floor(o / (outputs / groups)) * perGroup + i;
      for (let tap = 0; tap < taps; tap++) {
        const [ky, kx] = [Math.floor(tap / kw), tap % kw];
        const place = Math.floor(c / perOffset) * taps + tap;
        const y = oy * stride[0] - padding[0] + ky * dilation[0] + at(offset, n, oy, ox, 2 * place);
        const across =
          ox * stride[1] - padding[2] + kx * dilation[1] + at(offset, n, oy, ox, 2 * place + 1);
        const factor = mask ? at(mask, n, oy, ox, place) : 1;
        sum += factor * at(weight, o, i, ky, kx) * between(x, n, y, across, c);
      }
    }
    return sum;
  });
}

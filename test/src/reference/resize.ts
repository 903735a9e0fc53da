import { at, build, type NdArray } from "./array.js";

/** The input coordinate of an output pixel, by ONNX's definitions. `scale` is output / input. */
export const coordinateMaps: Record<
  string,
  (d: number, scale: number, from: number, to: number) => number
> = {
  halfPixel: (d, scale) => (d + 0.5) / scale - 0.5,
  alignCorners: (d, _, from, to) => (to === 1 ? 0 : (d * (from - 1)) / (to - 1)),
  asymmetric: (d, scale) => d / scale,
  halfPixelFloor: (d, scale) => (d + 0.5) / scale,
};

/** What makes up a resize of [N, H, W, C]. */
export interface ResizeReference {
  readonly size: readonly [number, number];
  readonly scale: readonly [number, number];
  readonly coordinates: string;
}

function sources(x: NdArray, { size, scale, coordinates }: ResizeReference) {
  const map = coordinateMaps[coordinates];
  return (index: readonly number[]) =>
    [1, 2].map((axis) => map(index[axis], scale[axis - 1], x.shape[axis], size[axis - 1]));
}

/** A billionth of slack, so that exact multiples are not lost to the rounding of the scale. */
const rounders: Record<string, (v: number) => number> = {
  floor: (v) => Math.floor(v + 1e-9),
  ceil: (v) => Math.ceil(v - 1e-9),
  roundPreferFloor: (v) => Math.ceil(v - 0.5 - 1e-9),
  roundPreferCeil: (v) => Math.floor(v + 0.5 + 1e-9),
};

function clampTo(v: number, extent: number): number {
  return Math.min(Math.max(v, 0), extent - 1);
}

export function nearest(x: NdArray, spec: ResizeReference, rounding: string): NdArray {
  const [n, h, w, c] = x.shape;
  const source = sources(x, spec);
  return build([n, ...spec.size, c], (index) => {
    const [sy, sx] = source(index).map(rounders[rounding]);
    return at(x, index[0], clampTo(sy, h), clampTo(sx, w), index[3]);
  });
}

export function bilinear(x: NdArray, spec: ResizeReference): NdArray {
  const [n, h, w, c] = x.shape;
  const source = sources(x, spec);
  return build([n, ...spec.size, c], (index) => {
    const [sy, sx] = source(index);
    const [y, xx] = [clampTo(sy, h), clampTo(sx, w)];
    const [y0, x0] = [Math.floor(y), Math.floor(xx)];
    const [y1, x1] = [Math.min(y0 + 1, h - 1), Math.min(x0 + 1, w - 1)];
    const [fy, fx] = [y - y0, xx - x0];
    const value = (r: number, s: number) => at(x, index[0], r, s, index[3]);
    const top = value(y0, x0) * (1 - fx) + value(y0, x1) * fx;
    const bottom = value(y1, x0) * (1 - fx) + value(y1, x1) * fx;
    return top * (1 - fy) + bottom * fy;
  });
}

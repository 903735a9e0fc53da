import { at, build, indices, type NdArray } from "./array.js";

/** Windows of a pooling over the axes between the first and the last of [N, …, C]. */
export interface PoolReference {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly ceil?: boolean;
}

function outputShape(x: NdArray, spec: PoolReference): number[] {
  const extents = spec.kernel.map((kernel, k) => {
    const n = x.shape[k + 1];
    const span = spec.dilation[k] * (kernel - 1) + 1;
    const room = n + spec.before[k] + spec.after[k] - span;
    let windows = Math.floor(room / spec.stride[k]) + 1;
    if (spec.ceil && room % spec.stride[k] !== 0) {
      const start = windows * spec.stride[k];
      if (start < n + spec.before[k]) windows++;
    }
    return windows;
  });
  return [x.shape[0], ...extents, x.shape[x.shape.length - 1]];
}

/** For each tap of the window at `index`: its position, and whether it is in the input and in the padded input. */
function taps(x: NdArray, spec: PoolReference, index: readonly number[]) {
  return [...indices(spec.kernel)].map((tap) => {
    const position = tap.map(
      (t, k) => index[k + 1] * spec.stride[k] - spec.before[k] + t * spec.dilation[k],
    );
    const extent = (k: number) => x.shape[k + 1];
    return {
      position,
      inside: position.every((p, k) => p >= 0 && p < extent(k)),
      padded: position.every((p, k) => p < extent(k) + spec.after[k]),
    };
  });
}

/** Folds the values of every window; `padded` is how many taps lie in the input or its padding. */
export function pool(
  x: NdArray,
  spec: PoolReference,
  fold: (values: number[], padded: number) => number,
): NdArray {
  return build(outputShape(x, spec), (index) => {
    const window = taps(x, spec, index);
    const values = window
      .filter((tap) => tap.inside)
      .map((tap) => at(x, index[0], ...tap.position, index[index.length - 1]));
    return fold(values, window.filter((tap) => tap.padded).length);
  });
}

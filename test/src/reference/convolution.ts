import { at, build, flatIndex, indices, type NdArray, sizeOf } from "./array.js";

/** A convolution of [N, H, W, C] by an OIHW weight. */
export interface ConvolutionReference {
  readonly stride: readonly [number, number];
  /** Top, bottom, left, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** Cross-correlation with an optional bias. */
export function conv2d(
  x: NdArray,
  weight: NdArray,
  bias: NdArray | undefined,
  spec: ConvolutionReference,
): NdArray {
  const [batch, height, width] = x.shape;
  const [outputs, perGroup, kh, kw] = weight.shape;
  const [top, bottom, left, right] = spec.padding;
  const extent = (n: number, kernel: number, k: 0 | 1) =>
    Math.floor((n - spec.dilation[k] * (kernel - 1) - 1) / spec.stride[k]) + 1;
  const shape = [
    batch,
    extent(height + top + bottom, kh, 0),
    extent(width + left + right, kw, 1),
    outputs,
  ];
  return build(shape, ([n, oy, ox, o]) => {
    const group = Math.floor(o / (outputs / spec.groups));
    let sum = bias ? bias.data[o] : 0;
    for (let ky = 0; ky < kh; ky++)
      for (let kx = 0; kx < kw; kx++) {
        const y = oy * spec.stride[0] + ky * spec.dilation[0] - top;
        const xx = ox * spec.stride[1] + kx * spec.dilation[1] - left;
        if (y < 0 || xx < 0 || y >= height || xx >= width) continue;
        for (let i = 0; i < perGroup; i++)
          sum += at(x, n, y, xx, group * perGroup + i) * at(weight, o, i, ky, kx);
      }
    return sum;
  });
}

/** What PyTorch's ConvTranspose2d computes: every input pixel adds its weighted kernel to the output. */
export function convTranspose2d(
  x: NdArray,
  weight: NdArray,
  bias: NdArray | undefined,
  spec: ConvolutionReference & { readonly outputPadding: readonly [number, number] },
): NdArray {
  const [batch, height, width, inputs] = x.shape;
  const [, perGroup, kh, kw] = weight.shape;
  const [top, bottom, left, right] = spec.padding;
  const { stride, dilation, groups, outputPadding } = spec;
  const outputs = perGroup * groups;
  const rows =
    (height - 1) * stride[0] - top - bottom + dilation[0] * (kh - 1) + outputPadding[0] + 1;
  const columns =
    (width - 1) * stride[1] - left - right + dilation[1] * (kw - 1) + outputPadding[1] + 1;
  const shape = [batch, rows, columns, outputs];
  const data = new Float64Array(sizeOf(shape));
  for (const [n, iy, ix, i] of indices(x.shape)) {
    const group = Math.floor(i / (inputs / groups));
    for (const [o, ky, kx] of indices([perGroup, kh, kw])) {
      const y = iy * stride[0] + ky * dilation[0] - top;
      const xx = ix * stride[1] + kx * dilation[1] - left;
      if (y < 0 || xx < 0 || y >= rows || xx >= columns) continue;
      const target = flatIndex(shape, [n, y, xx, group * perGroup + o]);
      data[target] += at(x, n, iy, ix, i) * at(weight, i, o, ky, kx);
    }
  }
  if (bias) for (const [k] of data.entries()) data[k] += bias.data[k % outputs];
  return { shape, data };
}

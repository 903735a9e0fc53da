/**
 * Deformable convolution (Dai et al. 2017; modulated: Zhu et al. 2019) as two parts: bilinear samples of the input, a
 * pixel a tap side by side, and a convolution of these whose stride is its kernel. The second part is `conv2d`, with its
 * kernels, gradients and fusion, and reads the weight as it is; only the samples have kernels of their own.
 *
 * Layout: x [n, h, w, c]; offset [n, h', w', 2 · groups · taps], down and across side by side for each tap of each group
 * of channels; mask [n, h', w', groups · taps]; samples [n, h' · kh, w' · kw, c], those of an output pixel as a kh × kw
 * block. The price is memory: taps times the input. A kernel that samples and multiplies at once would sample again for
 * every few output channels, or needs a tile of the samples in workgroup memory; neither was tried.
 */
import { scalarOrVector } from "../define.js";
import type { ParamValue } from "../kernel.js";

/** Where a deformable convolution reads. */
export interface DeformSpec {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Top and left; below 0 where the output begins inside. */
  readonly padding: readonly [number, number];
  /** Groups of channels with offsets of their own. */
  readonly offsetGroups: number;
  /** Whether each sample is multiplied by a number of a mask. */
  readonly modulated: boolean;
}

/** Samples of each channel's group: output pixels times groups times taps. */
export function deformPlaces(spec: DeformSpec): number {
  const { batch, outHeight, outWidth, kernelSize, offsetGroups } = spec;
  return batch * outHeight * outWidth * kernelSize[0] * kernelSize[1] * offsetGroups;
}

/** How many channels an invocation takes at once. */
export function deformWidth({ channels, offsetGroups }: DeformSpec): 1 | 4 {
  return (channels / offsetGroups) % 4 === 0 ? 4 : 1;
}

/** The WGSL type of a pixel's channels that are taken at once. */
export function deformElement(spec: DeformSpec): string {
  return scalarOrVector("f32", deformWidth(spec));
}

/** Parameters of the geometry; channels count elements of `deformElement`. */
export function deformParams(spec: DeformSpec): Record<string, ParamValue> {
  const width = deformWidth(spec);
  return {
    height: { i32: spec.inHeight },
    width: { i32: spec.inWidth },
    channels: spec.channels / width,
    groupChannels: spec.channels / spec.offsetGroups / width,
    groups: spec.offsetGroups,
    outHeight: spec.outHeight,
    outWidth: spec.outWidth,
    kernelHeight: spec.kernelSize[0],
    kernelWidth: spec.kernelSize[1],
    strideY: { i32: spec.stride[0] },
    strideX: { i32: spec.stride[1] },
    dilationY: { i32: spec.dilation[0] },
    dilationX: { i32: spec.dilation[1] },
    top: { i32: spec.padding[0] },
    left: { i32: spec.padding[1] },
  };
}

/**
 * WGSL that finds a sample: `placeOf` where it lies, `sampledPixel` where its channels are among the samples, both of its
 * number in [n, h', w', groups, taps].
 */
export const placing = `struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}`;

/** WGSL of `corner`, the channels of a pixel, 0 outside; `x` is bound as the input. */
export function cornerFunction(element: string): string {
  return `fn corner(n: u32, row: i32, column: i32, c: u32) -> ${element} {
  if (row < 0 || row >= p.height || column < 0 || column >= p.width) { return ${element}(); }
  return x[((n * u32(p.height) + u32(row)) * u32(p.width) + u32(column)) * p.channels + c];
}`;
}

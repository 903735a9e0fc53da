/** Samples of deformable convolutions and their gradients: one record, as in `records.ts`. */
export enum Deform {
  /** [n, h, w, c]; of the gradient of the input, what is written. */
  input = 4,
  offset,
  /** 0 for none. */
  mask,
  /** [n, h' · kh, w' · kw, c], or their gradient. */
  samples,
  gradOffset,
  /** 0 for none. */
  gradMask,
  batch,
  inHeight,
  inWidth,
  channels,
  outHeight,
  outWidth,
  kernelHeight,
  kernelWidth,
  strideY,
  strideX,
  padTop,
  padLeft,
  dilationY,
  dilationX,
  /** Of channels, with offsets of their own. */
  groups,
  /** Output pixels of a chunk; of the gradient of the input, channels. */
  chunkSize,
  size,
}

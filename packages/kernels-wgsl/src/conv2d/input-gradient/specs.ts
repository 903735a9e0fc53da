/** The gradient towards the input as another convolution: of the output's gradient, with the weights turned round. */
import { type Conv2dSpec, conv2dOutputSize } from "../shared/spec.js";

/**
 * The spec with the roles of input and output exchanged: what is read is the output's gradient.
 *
 * @param adds a tensor of the input's size is added, as a residual
 */
export function swapped(spec: Conv2dSpec, adds = false): Conv2dSpec {
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  return {
    batch: spec.batch,
    inHeight: outHeight,
    inWidth: outWidth,
    inChannels: spec.outChannels,
    outChannels: spec.inChannels,
    kernelSize: spec.kernelSize,
    stride: spec.stride,
    dilation: spec.dilation,
    padding: spec.padding,
    groups: spec.groups,
    activation: { kind: "none" },
    inStride: spec.outStride ?? spec.outChannels,
    inOffset: spec.outOffset ?? 0,
    outStride: spec.inStride ?? spec.inChannels,
    outOffset: spec.inOffset ?? 0,
    ...(adds
      ? { residual: { order: "before-activation", height: spec.inHeight, width: spec.inWidth } }
      : {}),
  };
}

/**
 * The convolution of the output's gradient (on a grid of zeros, if the stride is not 1) that gives
 * the input's gradient, to be launched with transposed packing. Its padding may be negative.
 */
export function turnedRound(spec: Conv2dSpec, adds = false): Conv2dSpec {
  const reach = spec.kernelSize.map((k, axis) => spec.dilation[axis]! * (k - 1));
  const [top, bottom, left, right] = spec.padding;
  return {
    ...swapped(spec, adds),
    padding: [reach[0]! - top, reach[0]! - bottom, reach[1]! - left, reach[1]! - right],
  };
}

/** `turnedRound` where that is a convolution like any other; undefined elsewhere. */
export function asForwardConv2d(spec: Conv2dSpec, adds = false): Conv2dSpec | undefined {
  const turned = turnedRound(spec, adds);
  const plain = spec.stride.every((s) => s === 1) && turned.padding.every((p) => p >= 0);
  return plain ? turned : undefined;
}

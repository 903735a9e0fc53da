import type { Activation } from "../activation.js";

/** A tensor added to the convolution, enlarged to the output's size by nearest neighbour. */
export interface Conv2dResidual {
  readonly order: "before-activation" | "after-activation";
  /** Its size: NHWC with `batch` images and `outChannels` channels, densely stored. */
  readonly height: number;
  readonly width: number;
}

/**
 * A two-dimensional convolution (cross-correlation, as in PyTorch) of NHWC images with OIHW
 * weights, with bias, residual and activation: what kernels-wgsl calls by the same names.
 */
export interface Conv2dSpec {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [height: number, width: number];
  readonly stride: readonly [y: number, x: number];
  readonly dilation: readonly [y: number, x: number];
  /** Zeros around the input, in pixels. */
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
  readonly groups: number;
  readonly activation: Activation;
  /** Channels a pixel of the tensor that holds the input; `inChannels` when absent. */
  readonly inStride?: number;
  /** First channel of the input in that tensor; 0 when absent. */
  readonly inOffset?: number;
  /** Channels a pixel of the tensor that receives the output; `outChannels` when absent. */
  readonly outStride?: number;
  /** First channel of the output in that tensor; 0 when absent. Other channels are left alone. */
  readonly outOffset?: number;
  readonly residual?: Conv2dResidual | undefined;
}

/** Output size: `⌊(in + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1` on each axis. */
export function outputSize(
  spec: Pick<Conv2dSpec, "inHeight" | "inWidth" | "kernelSize" | "stride" | "dilation" | "padding">,
): readonly [height: number, width: number] {
  const { inHeight, inWidth, kernelSize, stride, dilation, padding } = spec;
  const [top, bottom, left, right] = padding;
  const rows = inHeight + top + bottom - dilation[0] * (kernelSize[0] - 1) - 1;
  const columns = inWidth + left + right - dilation[1] * (kernelSize[1] - 1) - 1;
  return [Math.floor(rows / stride[0]) + 1, Math.floor(columns / stride[1]) + 1];
}

/** Floating-point operations of one forward pass, a multiply-add counting 2. */
export function conv2dFlops(spec: Conv2dSpec): number {
  const [height, width] = outputSize(spec);
  const perOutput = spec.kernelSize[0] * spec.kernelSize[1] * (spec.inChannels / spec.groups);
  return 2 * spec.batch * height * width * spec.outChannels * perOutput;
}

/** Whether each channel is convolved by itself. */
export function isDepthwise({ groups, inChannels, outChannels }: Conv2dSpec): boolean {
  return groups > 1 && groups === inChannels && groups === outChannels;
}

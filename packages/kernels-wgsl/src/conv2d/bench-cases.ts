import type { Conv2dSpec } from "./shared/spec.js";

/** A convolution worth measuring. */
export interface Conv2dBenchCase {
  readonly name: string;
  readonly spec: Conv2dSpec;
  /** How often RetinaFace MobileNet-0.25 runs it at 640×640; 0 for shapes of general interest. */
  readonly perFrame: number;
}

const LEAKY = { kind: "leaky_relu", slope: 0.1 } as const;

function benchCase(
  label: string,
  perFrame: number,
  size: number,
  [inChannels, outChannels]: readonly [number, number],
  kernel: 1 | 3,
  more: Partial<Conv2dSpec> = {},
): Conv2dBenchCase {
  const pad = (kernel - 1) / 2;
  const spec: Conv2dSpec = {
    batch: 1,
    inHeight: size,
    inWidth: size,
    inChannels,
    outChannels,
    kernelSize: [kernel, kernel],
    stride: [1, 1],
    dilation: [1, 1],
    padding: [pad, pad, pad, pad],
    groups: 1,
    activation: LEAKY,
    ...more,
  };
  return { name: `${label} ${inChannels}→${outChannels} @${size}`, spec, perFrame };
}

function depthwiseCase(perFrame: number, size: number, channels: number, stride = 1) {
  const label = stride === 1 ? "depthwise" : "depthwise s2";
  return benchCase(label, perFrame, size, [channels, channels], 3, {
    groups: channels,
    stride: [stride, stride],
  });
}

/**
 * The distinct convolutions of RetinaFace MobileNet-0.25 at 640×640, and the shapes that other
 * libraries are compared on.
 */
export function conv2dBenchCases(): Conv2dBenchCase[] {
  const upsampled = (size: number): Partial<Conv2dSpec> => ({
    residual: { order: "after-activation", height: size, width: size },
  });
  return [
    benchCase("first", 1, 640, [3, 8], 3, { stride: [2, 2] }),
    depthwiseCase(1, 320, 8),
    benchCase("pointwise", 1, 320, [8, 16], 1),
    depthwiseCase(1, 320, 16, 2),
    benchCase("pointwise", 1, 160, [16, 32], 1),
    depthwiseCase(1, 160, 32),
    benchCase("pointwise", 1, 160, [32, 32], 1),
    depthwiseCase(1, 160, 32, 2),
    benchCase("pointwise", 1, 80, [32, 64], 1),
    depthwiseCase(1, 80, 64),
    benchCase("pointwise", 2, 80, [64, 64], 1),
    depthwiseCase(1, 80, 64, 2),
    benchCase("pointwise", 1, 40, [64, 128], 1),
    depthwiseCase(5, 40, 128),
    benchCase("pointwise", 5, 40, [128, 128], 1),
    depthwiseCase(1, 40, 128, 2),
    benchCase("pointwise", 1, 20, [128, 256], 1),
    depthwiseCase(1, 20, 256),
    benchCase("pointwise", 1, 20, [256, 256], 1),
    benchCase("pointwise", 1, 20, [256, 64], 1),
    benchCase("pointwise", 1, 40, [128, 64], 1, upsampled(20)),
    benchCase("pointwise", 0, 80, [64, 64], 1, upsampled(40)),
    benchCase("3×3", 1, 80, [64, 64], 3),
    benchCase("3×3", 1, 40, [64, 64], 3),
    benchCase("3×3", 1, 80, [64, 32], 3),
    benchCase("3×3", 1, 80, [64, 16], 3),
    benchCase("3×3", 3, 80, [16, 16], 3),
    benchCase("3×3", 1, 40, [64, 32], 3),
    benchCase("3×3", 1, 40, [64, 16], 3),
    benchCase("3×3", 3, 40, [16, 16], 3),
    benchCase("3×3", 1, 20, [64, 32], 3),
    benchCase("3×3", 1, 20, [64, 16], 3),
    benchCase("3×3", 3, 20, [16, 16], 3),
    benchCase("heads", 1, 80, [64, 32], 1),
    benchCase("heads", 1, 40, [64, 32], 1),
    benchCase("heads", 1, 20, [64, 32], 1),
    benchCase("3×3", 0, 160, [64, 64], 3),
    benchCase("pointwise", 0, 160, [64, 64], 1),
    depthwiseCase(0, 160, 64),
    benchCase("3×3", 0, 20, [512, 512], 3),
    benchCase("pointwise", 0, 20, [2048, 512], 1),
  ];
}

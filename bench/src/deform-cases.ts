import * as kernels from "@retinaface-webgpu/kernels-wgsl";
import type { Work } from "./work.js";

/** Samples of a modulated deformable 3×3 convolution of a pyramid's level, and their gradients; offsets below a pixel. */
export function deformCases(): Work[] {
  const [side, channels, taps] = [40, 64, 9];
  const spec: kernels.DeformSpec = {
    ...{ batch: 1, inHeight: side, inWidth: side, channels, outHeight: side, outWidth: side },
    ...{ kernelSize: [3, 3], stride: [1, 1], dilation: [1, 1], padding: [1, 1] },
    ...{ offsetGroups: 1, modulated: true },
  };
  const pixels = side * side;
  const [x, offset, mask] = [pixels * channels, pixels * taps * 2, pixels * taps];
  const samples = x * taps;
  const name = `deformable 3×3 ${channels} of ${side}×${side}`;
  const launch = kernels.deformInputGradient(spec);
  const { counts, starts, list } = launch;
  return [
    {
      name: `${name}: samples`,
      sizes: [x, offset, mask, samples],
      steps: [{ kernel: kernels.deformSample(spec), bindings: [0, 1, 2, 3] }],
    },
    {
      name: `${name}: gradient of offset and mask`,
      sizes: [samples, x, offset, mask, offset, mask],
      steps: [{ kernel: kernels.deformOffsetGradient(spec), bindings: [0, 1, 2, 3, 4, 5] }],
    },
    {
      name: `${name}: gradient of input`,
      sizes: [samples, offset, mask, counts, starts, list, x],
      steps: [
        { kernel: launch.clear, bindings: [3] },
        { kernel: launch.count, bindings: [1, 3] },
        { kernel: launch.begin, bindings: [3, 4] },
        { kernel: launch.place, bindings: [1, 4, 3, 5] },
        { kernel: launch.order, bindings: [4, 3, 5] },
        { kernel: launch.sum, bindings: [0, 1, 2, 4, 3, 5, 6] },
      ],
    },
  ];
}

import { type Conv2dSpec, conv2dOutputSize } from "@retinaface-webgpu/kernels-wgsl";

/** Numbers of one convolution in plain arrays: NHWC activations, OIHW weights. */
export interface Conv2dData {
  /** `batch × inHeight × inWidth × (inStride ?? inChannels)` */
  readonly input: Float32Array;
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  readonly residual?: Float32Array;
}

function activate(x: number, { activation }: Conv2dSpec): number {
  if (activation.kind === "none" || x >= 0) return x;
  return activation.kind === "relu" ? 0 : x * activation.slope;
}

/** Every product of a convolution as `visit(output, input, weight)` with flat NHWC/OIHW indices. */
function forEachProduct(
  spec: Conv2dSpec,
  visit: (output: number, input: number, weight: number) => void,
): void {
  const [outH, outW] = conv2dOutputSize(spec);
  const [kh, kw] = spec.kernelSize;
  const inPerGroup = spec.inChannels / spec.groups;
  const outPerGroup = spec.outChannels / spec.groups;
  for (let n = 0; n < spec.batch; n++)
    for (let oy = 0; oy < outH; oy++)
      for (let ox = 0; ox < outW; ox++)
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const y = oy * spec.stride[0] + ky * spec.dilation[0] - spec.padding[0];
            const x = ox * spec.stride[1] + kx * spec.dilation[1] - spec.padding[2];
            if (y < 0 || x < 0 || y >= spec.inHeight || x >= spec.inWidth) continue;
            const inPixel = ((n * spec.inHeight + y) * spec.inWidth + x) * spec.inChannels;
            const outPixel = ((n * outH + oy) * outW + ox) * spec.outChannels;
            for (let o = 0; o < spec.outChannels; o++) {
              const first = Math.floor(o / outPerGroup) * inPerGroup;
              for (let i = 0; i < inPerGroup; i++) {
                const weight = ((o * inPerGroup + i) * kh + ky) * kw + kx;
                visit(outPixel + o, inPixel + first + i, weight);
              }
            }
          }
}

/** The channel slice of a spec's input, densely. */
function denseInput(spec: Conv2dSpec, input: Float32Array): Float64Array {
  const stride = spec.inStride ?? spec.inChannels;
  const offset = spec.inOffset ?? 0;
  const pixels = spec.batch * spec.inHeight * spec.inWidth;
  const dense = new Float64Array(pixels * spec.inChannels);
  for (let p = 0; p < pixels; p++)
    for (let c = 0; c < spec.inChannels; c++)
      dense[p * spec.inChannels + c] = input[p * stride + offset + c]!;
  return dense;
}

/** The convolution's output in float64, densely (`outStride` and `outOffset` are ignored). */
export function referenceConv2d(spec: Conv2dSpec, data: Conv2dData): Float64Array {
  const [outH, outW] = conv2dOutputSize(spec);
  const input = denseInput(spec, data.input);
  const sums = new Float64Array(spec.batch * outH * outW * spec.outChannels);
  forEachProduct(spec, (o, i, w) => {
    sums[o]! += input[i]! * data.weight[w]!;
  });
  for (let n = 0, at = 0; n < spec.batch; n++)
    for (let y = 0; y < outH; y++)
      for (let x = 0; x < outW; x++)
        for (let c = 0; c < spec.outChannels; c++, at++) {
          const value = sums[at]! + (data.bias?.[c] ?? 0);
          const added = data.residual ? residualAt(spec, data.residual, n, y, x, c) : 0;
          const before = spec.residual?.order !== "after-activation";
          sums[at] = before ? activate(value + added, spec) : activate(value, spec) + added;
        }
  return sums;
}

function residualAt(
  spec: Conv2dSpec,
  residual: Float32Array,
  n: number,
  y: number,
  x: number,
  c: number,
): number {
  const [outH, outW] = conv2dOutputSize(spec);
  const { height, width } = spec.residual!;
  const sourceY = Math.floor((y * height) / outH);
  const sourceX = Math.floor((x * width) / outW);
  return residual[((n * height + sourceY) * width + sourceX) * spec.outChannels + c]!;
}

/** Gradients in float64 for the gradient of the plain convolution's output (no activation). */
export function referenceConv2dGradients(
  spec: Conv2dSpec,
  data: Conv2dData,
  gradOutput: Float32Array,
): { input: Float64Array; weight: Float64Array; bias: Float64Array } {
  const input = denseInput(spec, data.input);
  const gradInput = new Float64Array(input.length);
  const gradWeight = new Float64Array(data.weight.length);
  const gradBias = new Float64Array(spec.outChannels);
  forEachProduct(spec, (o, i, w) => {
    gradInput[i]! += gradOutput[o]! * data.weight[w]!;
    gradWeight[w]! += gradOutput[o]! * input[i]!;
  });
  for (const [at, g] of gradOutput.entries()) gradBias[at % spec.outChannels]! += g;
  return { input: gradInput, weight: gradWeight, bias: gradBias };
}

import {
  type Conv2dActivation,
  type Conv2dResidual,
  type Conv2dSecond,
  type Conv2dSpec,
  conv2dOutputSize,
} from "@retinaface-webgpu/kernels-wgsl";

/** A convolution with its numbers, in the kernels' layouts: NHWC and OIHW. */
export interface TestConv {
  readonly spec: Conv2dSpec;
  readonly input: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly residual: Float32Array | undefined;
}

/** A bias whose sums f16 cannot hold: they must not become finite numbers, whatever the adapter rounds. */
const BEYOND_HALF = 2 ** 17;

const SIDE = 5;

/**
 * A convolution like `spec` on one small image, with at most about `channels` channels: as many as keep
 * the count's remainder by 8, on which the kernels' texts depend.
 *
 * @param side output pixels a side, about
 */
export function testConv(spec: Conv2dSpec, channels: number, side = SIDE): TestConv {
  const small = shrink(spec, channels, side);
  const inStride = small.inStride ?? small.inChannels;
  const perGroup = small.inChannels / small.groups;
  const taps = small.kernelSize[0] * small.kernelSize[1];
  const { residual } = small;
  const bias = pattern(small.outChannels, 7);
  if (spec.outType === "f16" && bias.length > 1) bias[0] = BEYOND_HALF;
  return {
    spec: small,
    input: pattern(small.batch * small.inHeight * small.inWidth * inStride, 5),
    weight: pattern(small.outChannels * perGroup * taps, 3),
    bias,
    residual: residual && pattern(residual.height * residual.width * small.outChannels, 11),
  };
}

function shrink(spec: Conv2dSpec, channels: number, side: number): Conv2dSpec {
  const few = (n: number) => (n > channels ? channels + (n % 8) : n);
  const depthwise = spec.groups === spec.inChannels && spec.groups === spec.outChannels;
  const inChannels = spec.groups === 1 || depthwise ? few(spec.inChannels) : spec.inChannels;
  const outChannels = depthwise
    ? inChannels
    : spec.groups === 1
      ? few(spec.outChannels)
      : spec.outChannels;
  const [inHeight, inWidth] = ([0, 1] as const).map((axis) => {
    const window = spec.dilation[axis] * (spec.kernelSize[axis] - 1) + 1;
    const size = axis === 0 ? spec.inHeight : spec.inWidth;
    return Math.min(size, window + spec.stride[axis] * (side + axis));
  });
  const inStride = (spec.inStride ?? spec.inChannels) - spec.inChannels + inChannels;
  const second = shrinkSecond(spec, outChannels);
  const [wide, narrow] = [spec.second?.from ?? spec.outChannels, second?.from ?? outChannels];
  const outStride = (spec.outStride ?? wide) - wide + narrow;
  const groups = depthwise ? inChannels : spec.groups;
  const sized = { ...spec, batch: 1, inHeight, inWidth, inChannels, outChannels, groups };
  const small = { ...sized, inStride, outStride, second };
  if (!spec.residual) return small;
  return { ...small, residual: scaledResidual(spec, small) };
}

/** The residual of `spec` for `small`, whose output has another size. */
function scaledResidual(spec: Conv2dSpec, small: Conv2dSpec): Conv2dResidual {
  const [height, width] = conv2dOutputSize(spec);
  const [smallHeight, smallWidth] = conv2dOutputSize(small);
  const scaled = (n: number, from: number, to: number) => Math.max(1, Math.round((n * to) / from));
  const residual = spec.residual!;
  return {
    ...residual,
    height: scaled(residual.height, height, smallHeight),
    width: scaled(residual.width, width, smallWidth),
  };
}

/** A small depthwise convolution and the 1×1 that reads what it makes. */
export function testPair(
  depthwise: Conv2dSpec,
  point: Conv2dSpec,
  channels: number,
): [depthwise: TestConv, point: TestConv] {
  const first = testConv(depthwise, channels);
  const [inHeight, inWidth] = conv2dOutputSize(first.spec);
  const inChannels = first.spec.outChannels;
  const reading = { ...point, batch: 1, inHeight, inWidth, inChannels, inStride: inChannels };
  const residual = point.residual && scaledResidual(point, reading);
  const second = testConv({ ...reading, residual }, channels, Number.POSITIVE_INFINITY);
  return [first, second];
}

/** The second output of as many channels, the multiples of 4 of its numbers kept. */
function shrinkSecond(
  { outChannels, second }: Conv2dSpec,
  channels: number,
): Conv2dSecond | undefined {
  if (!second || channels === outChannels) return second;
  const from = (channels >> 3) << 2;
  const outStride = second.outStride - (outChannels - second.from) + (channels - from);
  return { ...second, from, outStride };
}

/** Eighths from −1 to 1 in no simple order: their products and sums are exact in float32. */
function pattern(length: number, seed: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => (((i * (seed * 2 + 9) + (i >> 4) * 3 + seed) % 17) - 8) / 8,
  );
}

/**
 * The whole tensor that holds the output, zero in channels that are not the convolution's; then that of the second output,
 * if there is one.
 */
export function hostConv2d(test: TestConv): Float64Array[] {
  const { spec } = test;
  const { activation, outChannels, outStride, outOffset = 0, second } = spec;
  const from = second?.from ?? outChannels;
  const first = { first: 0, end: from, stride: outStride ?? from, offset: outOffset, activation };
  if (!second) return [channelsOf(test, first)];
  const { outStride: stride, outOffset: offset } = second;
  const rest = { first: from, end: outChannels, stride, offset, activation: second.activation };
  return [first, rest].map((part) => channelsOf(test, part));
}

/** A run of output channels and where it goes. */
interface Channels {
  readonly first: number;
  readonly end: number;
  readonly stride: number;
  readonly offset: number;
  readonly activation: Conv2dActivation;
}

function channelsOf(
  { spec, input, weight, bias, residual }: TestConv,
  { first, end, stride, offset, activation }: Channels,
): Float64Array {
  const [height, width] = conv2dOutputSize(spec);
  const result = new Float64Array(height * width * stride);
  const own = { ...spec, activation };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = first; c < end; c++) {
        const sum = bias[c] + products(spec, input, weight, y, x, c);
        const at = (y * width + x) * stride + offset + c - first;
        result[at] = finish(own, sum, residual ? residualAt(spec, residual, y, x, c) : 0);
      }
    }
  }
  return result;
}

function products(
  spec: Conv2dSpec,
  input: Float32Array,
  weight: Float32Array,
  outY: number,
  outX: number,
  channel: number,
): number {
  const { kernelSize, stride, dilation, padding, inChannels, outChannels, groups } = spec;
  const perGroup = inChannels / groups;
  const first = Math.floor(channel / (outChannels / groups)) * perGroup + (spec.inOffset ?? 0);
  const [kh, kw] = kernelSize;
  let sum = 0;
  for (let ky = 0; ky < kh; ky++) {
    const y = outY * stride[0] + ky * dilation[0] - padding[0];
    if (y < 0 || y >= spec.inHeight) continue;
    for (let kx = 0; kx < kw; kx++) {
      const x = outX * stride[1] + kx * dilation[1] - padding[2];
      if (x < 0 || x >= spec.inWidth) continue;
      const from = (y * spec.inWidth + x) * (spec.inStride ?? inChannels) + first;
      const tap = channel * perGroup * kh * kw + ky * kw + kx;
      for (let i = 0; i < perGroup; i++) sum += input[from + i] * weight[tap + i * kh * kw];
    }
  }
  return sum;
}

function finish({ residual, activation }: Conv2dSpec, sum: number, added: number): number {
  const slope = activation.kind === "leaky_relu" ? activation.slope : 0;
  const activate = (v: number) => (v >= 0 || activation.kind === "none" ? v : v * slope);
  return residual?.order === "after-activation" ? activate(sum) + added : activate(sum + added);
}

function residualAt(
  spec: Conv2dSpec,
  residual: Float32Array,
  y: number,
  x: number,
  channel: number,
): number {
  const { height, width } = spec.residual!;
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const row = Math.floor((y * height) / outHeight);
  const column = Math.floor((x * width) / outWidth);
  return residual[(row * width + column) * spec.outChannels + channel];
}

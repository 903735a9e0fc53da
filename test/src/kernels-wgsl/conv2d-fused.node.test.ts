import {
  bindConv2d,
  type Conv2dLaunch,
  type Conv2dSpec,
  conv2d,
  conv2dOutputSize,
  conv2dVariants,
  depthwisePoint,
  fitsDepthwisePoint,
  fitsSeveralPoints,
  joinedConv2d,
  offerMeasuredConv2d,
  severalPoints,
  suitsDepthwisePoint,
  suitsSeveralPoints,
} from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Conv2dData, referenceConv2d } from "../reference/conv2d.js";
import { assertClose } from "../support/close.js";
import { openRawGpu, type RawStep } from "../support/raw-gpu.js";
import { randomData } from "./conv2d-cases.js";
import { cpuTraits, traits } from "./snapshot-cases.js";

const gpu = await openRawGpu();
offerMeasuredConv2d();

const FILL = -7.5;
const LEAKY = { kind: "leaky_relu", slope: 0.1 } as const;
const RELU = { kind: "relu" } as const;

const BASE: Conv2dSpec = {
  batch: 2,
  inHeight: 7,
  inWidth: 9,
  inChannels: 12,
  outChannels: 16,
  kernelSize: [3, 3],
  stride: [1, 1],
  dilation: [1, 1],
  padding: [1, 1, 1, 1],
  groups: 1,
  activation: RELU,
};
const POINT = { kernelSize: [1, 1], padding: [0, 0, 0, 0], stride: [1, 1] } as const;

/** Packs weights for a launch. */
function packing(launch: Conv2dLaunch, { weight, bias }: Conv2dData) {
  const packed = gpu.buffer(new Float32Array(launch.packedLength).fill(Number.NaN));
  const none = new Float32Array(4).fill(Number.NaN);
  const bindings = [gpu.buffer(weight), gpu.buffer(bias ?? none), packed];
  const step: RawStep = { kernel: launch.pack(bias !== undefined), bindings };
  return { packed, step };
}

/** Room for a spec's output, and four more, which must stay as they are. */
function room({ outChannels, outStride = outChannels }: Conv2dSpec, pixels: number) {
  return gpu.buffer(new Float32Array(pixels * outStride + 4).fill(FILL));
}

/** The whole of a tensor as it must be, the reference's channels in their places. */
function placed(spec: Conv2dSpec, dense: Float64Array): Float32Array {
  const { outChannels: channels, outStride: stride = channels, outOffset: offset = 0 } = spec;
  const pixels = dense.length / channels;
  const all = new Float32Array(pixels * stride + 4).fill(FILL);
  for (let pixel = 0; pixel < pixels; pixel++) {
    all.set(dense.subarray(pixel * channels, (pixel + 1) * channels), pixel * stride + offset);
  }
  return all;
}

async function assertPlaced(buffer: GPUBuffer, spec: Conv2dSpec, dense: Float64Array) {
  const wanted = placed(spec, dense);
  const scale = dense.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-30);
  const actual = (await gpu.read(buffer)).subarray(0, wanted.length);
  assertClose(actual, wanted, { atol: 2e-5 * scale, rtol: 0 });
}

test("two convolutions of one input in one dispatch give what each gives", async () => {
  const first: Conv2dSpec = { ...BASE, outStride: 28, outOffset: 4 };
  const second: Conv2dSpec = { ...BASE, outChannels: 7, activation: LEAKY };
  const even: Conv2dSpec = { ...second, outChannels: 16, outStride: 24, outOffset: 8 };
  for (const other of [second, even]) {
    const joined = joinedConv2d(first, other, traits);
    assert.ok(joined);
    const [one, two] = [randomData(first, 1), randomData(other, 2)];
    const expected = [first, other].map((spec, i) =>
      referenceConv2d(spec, { ...[one, two][i], input: one.input }),
    );
    const data = {
      input: one.input,
      weight: Float32Array.of(...one.weight, ...two.weight),
      bias: Float32Array.of(...one.bias!, ...two.bias!),
    };
    const few = other === second ? /subgroup|tiled-small/ : /direct|winograd/;
    for (const variant of conv2dVariants(joined, gpu.traits).filter((name) => few.test(name))) {
      const launch = conv2d(joined, gpu.traits, variant);
      const { packed, step } = packing(launch, data);
      const pixels = BASE.batch * BASE.inHeight * BASE.inWidth;
      const [output, beside] = [first, other].map((spec) => room(spec, pixels));
      const parts = {
        input: gpu.buffer(data.input),
        output,
        second: beside,
        scratch: launch.scratch?.map((n) => gpu.buffer(new Float32Array(n).fill(Number.NaN))),
        packed: (offset: number, size: number) => ({
          buffer: packed,
          offset: offset * 4,
          size: size * 4,
        }),
      };
      const run = launch.dispatches.map((dispatch) => ({
        kernel: dispatch.kernel,
        bindings: bindConv2d<GPUBuffer | GPUBufferBinding>(dispatch, parts),
      }));
      gpu.run([step, ...run]);
      await assertPlaced(output, first, expected[0]!);
      await assertPlaced(beside, other, expected[1]!);
    }
  }
});

test("convolutions are joined where that computes nothing in vain", () => {
  const of = (outChannels: number, more: Partial<Conv2dSpec> = {}) => ({
    ...BASE,
    outChannels,
    ...more,
  });
  assert.ok(joinedConv2d(of(32), of(16), traits), "a GPU has tiles of 16 channels");
  assert.not(joinedConv2d(of(32), of(16), cpuTraits), "lanes of 32 would be half empty");
  assert.is(joinedConv2d(of(16), of(16), cpuTraits)?.outChannels, 32);
  assert.not(joinedConv2d(of(6), of(16), traits), "a vec4f would belong to both");
  assert.not(joinedConv2d(of(16), of(16, { stride: [2, 2] }), traits));
  assert.not(joinedConv2d(of(16), of(16, { inHeight: 8 }), traits));
  const residual = { order: "after-activation", height: 7, width: 9 } as const;
  assert.not(joinedConv2d(of(16, { residual }), of(16), traits));
});

/** Depthwise convolutions and the 1×1 behind them: strides, batches, channels that fill no tile, slices, a residual. */
const PAIRS: readonly (readonly [depthwise: Partial<Conv2dSpec>, point: Partial<Conv2dSpec>])[] = [
  [{ inChannels: 8 }, { outChannels: 16 }],
  [
    { inChannels: 20, inHeight: 10, stride: [2, 2], inStride: 24, inOffset: 4, activation: LEAKY },
    {
      outChannels: 36,
      activation: LEAKY,
      residual: { order: "after-activation", height: 3, width: 2 },
    },
  ],
  [
    { inChannels: 40, kernelSize: [5, 3], padding: [4, 4, 2, 2], dilation: [2, 2], batch: 1 },
    { outChannels: 35, outStride: 41, outOffset: 3 },
  ],
];

for (const [i, [above, below]] of PAIRS.entries()) {
  test(`a depthwise convolution and the 1×1 behind it in one dispatch: case ${i + 1}`, async () => {
    const channels = above.inChannels!;
    const depthwise = { ...BASE, ...above, outChannels: channels, groups: channels };
    const [inHeight, inWidth] = conv2dOutputSize(depthwise);
    const { batch } = depthwise;
    const point: Conv2dSpec = {
      ...{ ...BASE, ...POINT, batch, inHeight, inWidth, inChannels: channels },
      ...below,
    };
    assert.ok(fitsDepthwisePoint(depthwise, point));
    const [first, second] = [randomData(depthwise, i + 1), randomData(point, i + 2)];
    const between = Float32Array.from(referenceConv2d(depthwise, first));
    const expected = referenceConv2d(point, { ...second, input: between });
    const launch = depthwisePoint(depthwise, point);
    const own = packing(launch.depthwise, first);
    const { packed, step } = packing(launch.pair, second);
    const output = room(point, batch * inHeight * inWidth);
    const parts = {
      input: gpu.buffer(first.input),
      output,
      residual: second.residual && gpu.buffer(second.residual),
      depthwise: own.packed,
      packed: (offset: number, size: number) => ({
        buffer: packed,
        offset: offset * 4,
        size: size * 4,
      }),
    };
    const run = launch.pair.dispatches.map((dispatch) => ({
      kernel: dispatch.kernel,
      bindings: bindConv2d<GPUBuffer | GPUBufferBinding>(dispatch, parts),
    }));
    assert.is(run.length, 1);
    gpu.run([own.step, step, ...run]);
    await assertPlaced(output, point, expected);
  });
}

test("pairs are one dispatch on GPUs, where nothing else is in between", () => {
  const depthwise = { ...BASE, outChannels: 12, groups: 12 };
  const point = { ...BASE, ...POINT, outChannels: 24 };
  assert.ok(suitsDepthwisePoint(depthwise, point, traits));
  assert.not(suitsDepthwisePoint(depthwise, point, cpuTraits), "a CPU adapter");
  assert.not(suitsDepthwisePoint(depthwise, { ...point, outChannels: 512 }, traits));
  assert.not(fitsDepthwisePoint({ ...depthwise, inStride: 14, inOffset: 1 }, point));
  assert.not(fitsDepthwisePoint(depthwise, { ...point, stride: [2, 2] }));
  assert.not(fitsDepthwisePoint({ ...depthwise, outStride: 24 }, point));
  const residual = { order: "after-activation", height: 7, width: 9 } as const;
  assert.not(fitsDepthwisePoint({ ...depthwise, residual }, point));
});

test("1×1 convolutions of several maps in one dispatch, each with its weights", async () => {
  const none = { kind: "none" } as const;
  const of = (inHeight: number, more: Partial<Conv2dSpec> = {}): Conv2dSpec => ({
    ...{ ...BASE, ...POINT, inHeight, outChannels: 8, activation: none },
    ...more,
  });
  const specs = [
    of(7),
    of(4, { inStride: 20, inOffset: 4 }),
    of(1, { outStride: 16, outOffset: 4 }),
  ];
  assert.ok(suitsSeveralPoints(specs, traits));
  assert.not(suitsSeveralPoints(specs, cpuTraits), "a CPU adapter");
  assert.not(fitsSeveralPoints([of(7), of(4, { outChannels: 12 })]));
  assert.not(fitsSeveralPoints([of(7), of(4, { activation: RELU })]));
  assert.not(fitsSeveralPoints([of(7), of(4, { inStride: 13, inOffset: 1 })]));
  assert.not(
    fitsSeveralPoints([of(7), of(6), of(5), of(4)]),
    "more buffers than every device binds",
  );
  const data = specs.map((spec, k) => randomData(spec, k + 1));
  const { kernel, packing: launch } = severalPoints(specs);
  const weights = {
    input: new Float32Array(0),
    weight: Float32Array.from(data.flatMap(({ weight }) => [...weight])),
    bias: Float32Array.from(data.flatMap(({ bias }) => [...bias!])),
  };
  const { packed, step } = packing(launch, weights);
  const pixels = ({ batch, inHeight, inWidth }: Conv2dSpec) => batch * inHeight * inWidth;
  const outputs = specs.map((spec) => room(spec, pixels(spec)));
  const inputs = data.map(({ input }) => gpu.buffer(input));
  gpu.run([step, { kernel, bindings: [packed, ...inputs, ...outputs] }]);
  for (const [k, spec] of specs.entries()) {
    await assertPlaced(outputs[k]!, spec, referenceConv2d(spec, data[k]!));
  }
});

test.after(() => gpu.destroy());
test.run();

import {
  type Conv2dKernel,
  conv2d,
  conv2dVariant,
  conv2dVariants,
  depthwisePoint,
  fitsDepthwise,
} from "@retinaface-webgpu/kernels-wasm";
import { type Conv2dSpec, conv2dOutputSize } from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { caseName, randomData, SPECS } from "../kernels-wgsl/conv2d-cases.js";
import { type Conv2dData, referenceConv2d } from "../reference/conv2d.js";
import { runWasm } from "../support/wasm.js";

/** Differs from double precision by at most this share of the sum of the products' magnitudes. */
const TOLERANCE = { product: 2e-6, depthwise: 2e-6, winograd: 2e-5 } as const;

async function run(kernel: Conv2dKernel, spec: Conv2dSpec, data: Conv2dData, packed: Float32Array) {
  const [height, width] = conv2dOutputSize(spec);
  const stride = spec.outStride ?? spec.outChannels;
  const output = await runWasm(kernel, {
    input: data.input,
    packed,
    ...(data.residual ? { residual: data.residual } : {}),
    output: spec.batch * height * width * stride,
  });
  return output;
}

/** The magnitudes that a sum is made of, in the reference's own way. */
function magnitudes(spec: Conv2dSpec, data: Conv2dData): Float64Array {
  const absolute = (values: Float32Array) => values.map(Math.abs);
  return referenceConv2d(
    { ...spec, activation: { kind: "none" } },
    {
      input: absolute(data.input),
      weight: absolute(data.weight),
      ...(data.bias ? { bias: absolute(data.bias) } : {}),
      ...(data.residual ? { residual: absolute(data.residual) } : {}),
    },
  );
}

function check(
  output: Float32Array,
  expected: Float64Array,
  spec: Conv2dSpec,
  magnitude: Float64Array,
  tolerance: number,
): void {
  const { outChannels: channels, outStride: stride = channels, outOffset: offset = 0 } = spec;
  for (let p = 0; p < expected.length / channels; p++) {
    for (let c = 0; c < stride; c++) {
      const value = output[p * stride + c];
      const own = c >= offset && c < offset + channels;
      const at = p * channels + c - offset;
      if (!own) {
        assert.ok(Number.isNaN(value), `pixel ${p} channel ${c} of others was overwritten`);
      } else if (!(Math.abs(value - expected[at]) <= tolerance * magnitude[at] + 1e-6)) {
        assert.unreachable(`pixel ${p} channel ${c - offset}: ${value}, not ${expected[at]}`);
      }
    }
  }
}

const SLOPES = [-0.5, 1.5].map((slope) => ({ kind: "leaky_relu", slope }) as const);
const MORE: readonly Conv2dSpec[] = [
  ...SLOPES.map((activation) => ({ ...SPECS[0], activation })),
  { ...SPECS[0], inHeight: 10, inWidth: 5, inChannels: 9, outChannels: 19, batch: 2 },
  { ...SPECS[0], inHeight: 6, inWidth: 3, padding: [0, 2, 2, 1], inChannels: 8, outChannels: 12 },
  {
    ...SPECS[0],
    inHeight: 13,
    inWidth: 14,
    outChannels: 22,
    residual: { order: "after-activation", height: 7, width: 7 },
    activation: { kind: "relu" },
  },
];

for (const [i, spec] of [...SPECS, ...MORE].entries()) {
  for (const variant of conv2dVariants(spec)) {
    test(`${variant}: ${caseName(spec)} (${i})`, async () => {
      const data = randomData(spec, i + 1);
      const kernel = conv2d(spec, variant);
      const packed = kernel.pack({ weight: data.weight, bias: data.bias });
      assert.is(packed.length, kernel.packedLength);
      const output = await run(kernel, spec, data, packed);
      const expected = referenceConv2d(spec, data);
      check(output, expected, spec, magnitudes(spec, data), TOLERANCE[variant]);
    });
  }
}

const POINT = { kernelSize: [1, 1], padding: [0, 0, 0, 0], stride: [1, 1] } as const;
const PAIRS: readonly (readonly [depthwise: number, outChannels: number])[] = [
  [33, 16],
  [41, 24],
  [18, 7],
];

for (const [size, outChannels] of PAIRS) {
  test(`a depthwise convolution and the 1×1 to ${outChannels} that reads it`, async () => {
    const channels = size % 2 === 0 ? 16 : 10;
    const leaky = { kind: "leaky_relu", slope: 0.1 } as const;
    const first: Conv2dSpec = {
      ...SPECS[0],
      inHeight: size,
      inWidth: size - 3,
      inChannels: channels,
      outChannels: channels,
      groups: channels,
      stride: size % 2 === 0 ? [2, 2] : [1, 1],
      activation: leaky,
      batch: 2,
    };
    const [inHeight, inWidth] = conv2dOutputSize(first);
    const point: Conv2dSpec = {
      ...SPECS[0],
      ...POINT,
      batch: 2,
      inHeight,
      inWidth,
      inChannels: channels,
      outChannels,
      outStride: outChannels + 5,
      outOffset: 2,
      activation: { kind: "relu" },
      residual: { order: "before-activation", height: 3, width: 4 },
    };
    assert.ok(fitsDepthwise(first, point));
    const before = randomData(first, 3);
    const between = Float32Array.from(referenceConv2d(first, before));
    const data = { ...randomData(point, 5), input: between };
    const kernel = depthwisePoint(first, point);
    const packed = kernel.pack(
      { weight: before.weight, bias: before.bias },
      { weight: data.weight, bias: data.bias },
    );
    assert.is(packed.length, kernel.packedLength);
    const output = await run(kernel, point, { ...data, input: before.input }, packed);
    check(output, referenceConv2d(point, data), point, magnitudes(point, data), 4e-6);
  });
}

test("the chooser", () => {
  const [spec] = SPECS;
  assert.is(conv2dVariant(spec), "winograd");
  assert.is(conv2dVariant({ ...spec, stride: [2, 2] }), "product");
  assert.is(conv2dVariant({ ...spec, inChannels: 3 }), "product");
  assert.is(conv2dVariant({ ...spec, groups: 8 }), "depthwise");
  assert.is(conv2dVariant({ ...spec, groups: 2 }), "product");
  assert.not(fitsDepthwise(spec, { ...spec, ...POINT }));
});

test("infinite and undefined numbers come through activations as PyTorch has them", async () => {
  const spec: Conv2dSpec = {
    ...SPECS[0],
    ...POINT,
    inHeight: 1,
    inWidth: 4,
    inChannels: 1,
    outChannels: 1,
    activation: { kind: "relu" },
  };
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const data = { input: Float32Array.of(-inf, inf, nan, -2), weight: Float32Array.of(1) };
  const outputs = async (activation: Conv2dSpec["activation"]) => {
    const kernel = conv2d({ ...spec, activation });
    return [...(await run(kernel, spec, data, kernel.pack({ ...data, bias: undefined })))];
  };
  assert.equal(await outputs({ kind: "relu" }), [0, inf, nan, 0]);
  assert.equal(await outputs({ kind: "leaky_relu", slope: 0.5 }), [-inf, inf, nan, -1]);
  assert.equal(await outputs({ kind: "leaky_relu", slope: 2 }), [-inf, inf, nan, -4]);
});

test("Winograd's error beside the direct kernel's: 64 channels", async () => {
  const spec: Conv2dSpec = {
    ...SPECS[0],
    inHeight: 20,
    inWidth: 20,
    inChannels: 64,
    outChannels: 64,
  };
  const data = randomData(spec, 7);
  const expected = referenceConv2d(spec, data);
  const scale = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
  const errors = await Promise.all(
    (["product", "winograd"] as const).map(async (variant) => {
      const kernel = conv2d(spec, variant);
      const packed = kernel.pack({ weight: data.weight, bias: data.bias });
      const output = await run(kernel, spec, data, packed);
      return output.reduce((worst, x, i) => Math.max(worst, Math.abs(x - expected[i])), 0) / scale;
    }),
  );
  const [direct, winograd] = errors;
  // As a share of the outputs' root mean square: 6.6e-6 and 4.1e-5 with the outliers of these inputs.
  assert.ok(direct < 1.5e-5, `${direct}`);
  assert.ok(winograd < 8e-5, `${winograd}`);
});

test.run();

import {
  type Conv2dLaunch,
  type Conv2dSpec,
  conv2d,
  conv2dOutputSize,
  conv2dVariants,
} from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Conv2dData, referenceConv2d } from "../reference/conv2d.js";
import { openRawGpu, type RawGpu } from "../support/raw-gpu.js";
import { caseName, randomData, SPECS } from "./conv2d-cases.js";

const gpu = await openRawGpu();

/** Runs a launch and returns the wide output tensor, filled with `fill` before. */
async function runLaunch(
  { buffer, run, read }: RawGpu,
  launch: Conv2dLaunch,
  spec: Conv2dSpec,
  data: Conv2dData,
  fill: number,
): Promise<Float32Array> {
  const [h, w] = conv2dOutputSize(spec);
  const length = spec.batch * h * w * (spec.outStride ?? spec.outChannels);
  const packed = buffer(new Float32Array(launch.packedLength).fill(Number.NaN));
  const output = buffer(new Float32Array(length + 4).fill(fill));
  const input = buffer(data.input);
  const pack = launch.pack(data.bias !== undefined);
  const bias = buffer(data.bias ?? new Float32Array(4).fill(Number.NaN));
  const steps = [{ kernel: pack, bindings: [buffer(data.weight), bias, packed] }];
  for (const { kernel, packedOffset, packedSize } of launch.dispatches) {
    const slice = { buffer: packed, offset: packedOffset * 4, size: packedSize * 4 };
    const residual = data.residual ? [buffer(data.residual)] : [];
    steps.push({ kernel, bindings: [input, slice as never, ...residual, output] });
  }
  run(steps);
  return (await read(output)).subarray(0, length + 4);
}

/** Compares the slice with the reference and everything outside it with `fill`. */
function assertOutput(
  spec: Conv2dSpec,
  actual: Float32Array,
  expected: Float64Array,
  fill: number,
): void {
  const stride = spec.outStride ?? spec.outChannels;
  const offset = spec.outOffset ?? 0;
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
  const pixels = expected.length / spec.outChannels;
  for (let at = 0; at < actual.length; at++) {
    const pixel = Math.floor(at / stride);
    const channel = (at % stride) - offset;
    const inside = pixel < pixels && channel >= 0 && channel < spec.outChannels;
    const want = inside ? expected[pixel * spec.outChannels + channel]! : fill;
    const error = Math.abs(actual[at]! - want);
    if (!(error <= (inside ? 2e-5 * scale : 0))) {
      assert.unreachable(`element ${at}: ${actual[at]} instead of ${want} (scale ${scale})`);
    }
  }
}

for (const [i, spec] of SPECS.entries()) {
  test(`conv2d ${caseName(spec)}`, async () => {
    const data = randomData(spec, i + 1);
    const expected = referenceConv2d(spec, data);
    for (const variant of conv2dVariants(spec, gpu.traits)) {
      const launch = conv2d(spec, gpu.traits, variant);
      const actual = await runLaunch(gpu, launch, spec, data, -7.5);
      try {
        assertOutput(spec, actual, expected, -7.5);
      } catch (error) {
        throw new Error(`${variant}: ${(error as Error).message}`);
      }
    }
  });
}

test("conv2d takes the direct variant for every spec", () => {
  for (const spec of SPECS) assert.ok(conv2dVariants(spec, gpu.traits).includes("direct"));
});

test("conv2d refuses numbers that do not fit together", () => {
  const bad: Partial<Conv2dSpec>[] = [
    { groups: 2, inChannels: 3 },
    { kernelSize: [9, 1], inHeight: 3, padding: [0, 0, 0, 0] },
    { outStride: 8, outOffset: 2, outChannels: 8 },
    { stride: [0, 1] },
    { inWidth: 1.5 },
  ];
  for (const change of bad) {
    assert.throws(
      () => conv2d({ ...SPECS[0]!, ...change }, gpu.traits),
      (e: { code?: string }) => e.code === "CONV2D_SPEC",
    );
  }
});

test.after(() => gpu.destroy());
test.run();

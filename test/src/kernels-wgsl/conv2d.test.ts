import {
  bindConv2d,
  type ChainedWeightGradient,
  type Conv2dLaunch,
  type Conv2dParts,
  type Conv2dSpec,
  conv2d,
  conv2dBackwardInput,
  conv2dBackwardInputVariants,
  conv2dBackwardWeight,
  conv2dBackwardWeightVariants,
  conv2dOutputSize,
  conv2dVariants,
  offerMeasuredConv2d,
} from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Conv2dData, referenceConv2d, referenceConv2dGradients } from "../reference/conv2d.js";
import { openRawGpu, type RawGpu, type RawStep } from "../support/raw-gpu.js";
import {
  caseName,
  randomData,
  randomGradient,
  SPECS,
  TILED_CASES,
  WINOGRAD_CASES,
} from "./conv2d-cases.js";

const gpu = await openRawGpu();
offerMeasuredConv2d();

const FILL = -7.5;
const DENSE = { channels: 1, stride: 1, offset: 0 };

/** Packs the weights, runs a launch and returns its output of `length` elements and 4 more. */
async function runLaunch(
  { buffer, run, read }: RawGpu,
  launch: Conv2dLaunch,
  { weight, bias }: Pick<Conv2dData, "weight" | "bias">,
  [input, residual]: readonly GPUBuffer[],
  length: number,
): Promise<Float32Array> {
  const packed = buffer(new Float32Array(launch.packedLength).fill(Number.NaN));
  const output = buffer(new Float32Array(length + 4).fill(FILL));
  const noBias = new Float32Array(4).fill(Number.NaN);
  const weights = [buffer(weight), buffer(bias ?? noBias), packed];
  const steps: RawStep[] = [{ kernel: launch.pack(bias !== undefined), bindings: weights }];
  const parts: Conv2dParts<GPUBuffer | GPUBufferBinding> = {
    input,
    output,
    residual,
    scratch: launch.scratch?.map(unwritten),
    packed: (offset, size) => ({ buffer: packed, offset: offset * 4, size: size * 4 }),
  };
  for (const one of launch.dispatches) {
    steps.push({ kernel: one.kernel, bindings: bindConv2d(one, parts) });
  }
  run(steps);
  return (await read(output)).subarray(0, length + 4);
}

function unwritten(elements: number): GPUBuffer {
  return gpu.buffer(new Float32Array(elements).fill(Number.NaN));
}

/** Runs a weight gradient of several dispatches. */
function runChain(
  { scratch, dispatches }: ChainedWeightGradient,
  parts: Readonly<Record<"input" | "gradient" | "weight" | "bias", GPUBuffer>>,
): void {
  const buffers = scratch.map(unwritten);
  gpu.run(
    dispatches.map(({ kernel, operands }) => ({
      kernel,
      bindings: operands.map((one) =>
        typeof one === "string" ? parts[one] : buffers[one.scratch]!,
      ),
    })),
  );
}

/** Compares a slice of the channels with the dense reference and everything outside with FILL. */
function assertSlice(
  actual: Float32Array,
  expected: Float64Array,
  { channels, stride, offset }: { channels: number; stride: number; offset: number },
  what: string,
): void {
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
  const pixels = expected.length / channels;
  for (let at = 0; at < actual.length; at++) {
    const pixel = Math.floor(at / stride);
    const channel = (at % stride) - offset;
    const inside = pixel < pixels && channel >= 0 && channel < channels;
    const want = inside ? expected[pixel * channels + channel]! : FILL;
    const error = Math.abs(actual[at]! - want);
    if (!(error <= (inside ? 2e-5 * scale : 0))) {
      assert.unreachable(`${what}, element ${at}: ${actual[at]}, not ${want} (scale ${scale})`);
    }
  }
}

/**
 * The variants of a case to try. CPU adapters take a second or two to compile a text with tiles, of which there are
 * fifteen: the large ones are all tried in Node; the small ones, which the same code writes, and in browsers both, in
 * a few cases that differ most. Winograd's is tried in a few, and not in browsers.
 */
function tried(names: readonly string[], i: number): string[] {
  const inBrowser = typeof process === "undefined";
  const few = inBrowser ? /^tiled/ : /^tiled-small/;
  return names.filter((name) => {
    if (name === "winograd") return !inBrowser && WINOGRAD_CASES.includes(i);
    return !few.test(name) || TILED_CASES.includes(i);
  });
}

for (const [i, spec] of SPECS.entries()) {
  test(`conv2d ${caseName(spec)}`, async () => {
    const data = randomData(spec, i + 1);
    const expected = referenceConv2d(spec, data);
    const [h, w] = conv2dOutputSize(spec);
    const { outChannels: channels, outStride: stride = channels, outOffset: offset = 0 } = spec;
    const buffers = [gpu.buffer(data.input), ...(data.residual ? [gpu.buffer(data.residual)] : [])];
    for (const variant of tried(conv2dVariants(spec, gpu.traits), i)) {
      const launch = conv2d(spec, gpu.traits, variant);
      const actual = await runLaunch(gpu, launch, data, buffers, spec.batch * h * w * stride);
      assertSlice(actual, expected, { channels, stride, offset }, variant);
    }
  });
}

for (const [i, spec] of SPECS.entries()) {
  test(`conv2d gradients of ${caseName(spec)}`, async () => {
    const data = randomData(spec, i + 1);
    const { dense, wide } = randomGradient(spec, i + 100);
    const expected = referenceConv2dGradients(spec, data, dense);
    const { batch, inHeight, inWidth, inChannels: c, inStride = c, inOffset = 0 } = spec;
    const gradient = gpu.buffer(wide);

    const length = batch * inHeight * inWidth * inStride;
    const slice = { channels: c, stride: inStride, offset: inOffset };
    for (const variant of tried(conv2dBackwardInputVariants(spec, gpu.traits), i)) {
      const launch = conv2dBackwardInput(spec, gpu.traits, variant);
      const actual = await runLaunch(gpu, launch, { weight: data.weight }, [gradient], length);
      assertSlice(actual, expected.input, slice, `${variant} gradInput`);
    }
    // With a gradient from elsewhere added: densely stored, whatever slice the result is.
    const other = Float32Array.from(expected.input, (_, k) => Math.cos(k * 0.7));
    const added = expected.input.map((value, k) => value + other[k]!);
    const cheap = tried(conv2dBackwardInputVariants(spec, gpu.traits), i);
    const variant = cheap[i % cheap.length]!;
    const launch = conv2dBackwardInput(spec, gpu.traits, variant, true);
    const buffers = [gradient, gpu.buffer(other)];
    const actual = await runLaunch(gpu, launch, { weight: data.weight }, buffers, length);
    assertSlice(actual, added, slice, `${variant} gradInput and another`);

    const check = async (name: string, gradWeight: GPUBuffer, gradBias: GPUBuffer) => {
      const weights = (await gpu.read(gradWeight)).subarray(0, data.weight.length);
      const biases = (await gpu.read(gradBias)).subarray(0, spec.outChannels);
      assertSlice(weights, expected.weight, DENSE, `${name} gradWeight`);
      assertSlice(biases, expected.bias, DENSE, `${name} gradBias`);
    };
    for (const variant of conv2dBackwardWeightVariants(spec, gpu.traits)) {
      const launch = conv2dBackwardWeight(spec, gpu.traits, variant);
      const [weight, bias] = [unwritten(data.weight.length), unwritten(spec.outChannels)];
      const input = gpu.buffer(data.input);
      if ("dispatches" in launch) {
        runChain(launch, { input, gradient, weight, bias });
        await check(variant, weight, bias);
        continue;
      }
      const scratch = unwritten(launch.scratchLength);
      gpu.run([
        { kernel: launch.partial, bindings: [input, gradient, scratch] },
        { kernel: launch.finish(true), bindings: [scratch, weight, bias] },
      ]);
      await check(variant, weight, bias);
      if (!launch.direct) continue;
      const [direct, directBias] = [unwritten(data.weight.length), unwritten(spec.outChannels)];
      const bindings = [input, gradient, direct, directBias];
      gpu.run([{ kernel: launch.direct, bindings }]);
      await check(`${variant} direct`, direct, directBias);
    }
  });
}

test("images with more tiles than temporary memory holds are computed in parts", async () => {
  const size = { inHeight: 173, inWidth: 172, inChannels: 64, outChannels: 5 };
  const spec: Conv2dSpec = { ...SPECS[0]!, ...size };
  if (!conv2dVariants(spec, gpu.traits).includes("subgroup-winograd")) return;
  const data = randomData(spec, 1);
  const input = gpu.buffer(data.input);
  const pixels = size.inHeight * size.inWidth;
  const outputs = await Promise.all(
    ["subgroup-winograd", "subgroup-gemm"].map((variant) => {
      const launch = conv2d(spec, gpu.traits, variant);
      assert.is(launch.dispatches.length, variant === "subgroup-winograd" ? 6 : 1);
      return runLaunch(gpu, launch, data, [input], pixels * 5);
    }),
  );
  assertSlice(outputs[0]!, Float64Array.from(outputs[1]!.subarray(0, pixels * 5)), DENSE, "parts");

  const gradient = gpu.buffer(randomGradient(spec, 2).dense);
  const chain = conv2dBackwardWeight(spec, gpu.traits, "subgroup-winograd-weight-gradient");
  const sliced = conv2dBackwardWeight(spec, gpu.traits, "subgroup-weight-gradient");
  if (!("dispatches" in chain) || "dispatches" in sliced) return assert.unreachable();
  assert.is(chain.dispatches.length, 7);
  const [weight, bias, expectedWeight, expectedBias] = [0, 1, 0, 1].map((isBias) =>
    unwritten(isBias ? 5 : data.weight.length),
  );
  runChain(chain, { input, gradient, weight: weight!, bias: bias! });
  const scratch = unwritten(sliced.scratchLength);
  gpu.run([
    { kernel: sliced.partial, bindings: [input, gradient, scratch] },
    { kernel: sliced.finish(true), bindings: [scratch, expectedWeight!, expectedBias!] },
  ]);
  const read = async (one: GPUBuffer, n: number) => (await gpu.read(one)).subarray(0, n);
  for (const [one, other, n] of [
    [weight!, expectedWeight!, data.weight.length],
    [bias!, expectedBias!, 5],
  ] as const) {
    assertSlice(await read(one, n), Float64Array.from(await read(other, n)), DENSE, "parts");
  }
});

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
    { second: { from: 2, activation: { kind: "none" }, outStride: 8, outOffset: 0 } },
    { second: { from: 8, activation: { kind: "none" }, outStride: 8, outOffset: 0 } },
    { second: { from: 4, activation: { kind: "none" }, outStride: 6, outOffset: 3 } },
    {
      second: { from: 4, activation: { kind: "none" }, outStride: 4, outOffset: 0 },
      residual: { order: "after-activation", height: 7, width: 9 },
    },
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

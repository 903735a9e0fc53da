import {
  conv2d,
  conv2dInputGradient,
  conv2dPacking,
  conv2dVariants,
  conv2dWeightGradient,
  type Kernel,
} from "@retinaface-webgpu/kernels-wasm";
import { type Conv2dSpec, conv2dOutputSize } from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  caseName,
  generator,
  randomData,
  randomGradient,
  SPECS,
} from "../kernels-wgsl/conv2d-cases.js";
import { type Conv2dData, referenceConv2dGradients } from "../reference/conv2d.js";
import { runWasmSteps, type WasmOperands } from "../support/wasm.js";
import { endThreads, runOnThreads } from "../support/wasm-threads.js";

/**
 * Of the sum of the products' magnitudes; Winograd's transforms lose more (`conv2d.test.ts`), and what they
 * lose goes by the whole tile: where few products are left, at the rim, by a share of the largest.
 */
const TOLERANCE = 3e-6;
const WINOGRAD_TOLERANCE = 2e-5;
/** Of sums over all tiles of what both transforms enlarge. */
const WINOGRAD_WEIGHT_TOLERANCE = 4e-5;

const [BASE] = SPECS;
const POINT = { kernelSize: [1, 1], padding: [0, 0, 0, 0] } as const;
const MORE: readonly Conv2dSpec[] = [
  // Phases that no tap reaches, taps that miss phases, padding beyond the kernel's reach.
  { ...BASE, ...POINT, stride: [2, 3], inChannels: 6, outChannels: 10, batch: 2 },
  { ...BASE, stride: [2, 2], dilation: [2, 2], inHeight: 12, inChannels: 5, padding: [2, 2, 2, 2] },
  { ...BASE, stride: [3, 2], dilation: [2, 3], groups: 2, padding: [3, 0, 1, 4] },
  { ...BASE, padding: [4, 3, 3, 5], inChannels: 3, outChannels: 5 },
  { ...BASE, padding: [3, 3, 3, 3], inChannels: 12, outChannels: 9, batch: 2 },
  { ...BASE, padding: [0, 1, 0, 0], inHeight: 9, inWidth: 6, inChannels: 9, outChannels: 12 },
  // Pixels, channels and segments enough for every way of cutting up.
  { ...BASE, inChannels: 32, outChannels: 20, inHeight: 33, inWidth: 30, batch: 2 },
  { ...BASE, inChannels: 61, outChannels: 67, inHeight: 19, inWidth: 22 },
  { ...BASE, ...POINT, inChannels: 20, outChannels: 30, inHeight: 40, inWidth: 37, batch: 3 },
  { ...BASE, ...POINT, inChannels: 130, outChannels: 258, inHeight: 3, inWidth: 7 },
  { ...BASE, inChannels: 16, outChannels: 16, groups: 16, inHeight: 45, inWidth: 40, batch: 2 },
  { ...BASE, inChannels: 3, outChannels: 8, stride: [2, 2], inHeight: 60, inWidth: 61, batch: 2 },
  { ...BASE, inChannels: 7, outChannels: 7, groups: 7, stride: [2, 2], padding: [1, 0, 0, 1] },
  {
    ...BASE,
    inChannels: 7,
    outChannels: 7,
    groups: 7,
    inHeight: 2,
    inWidth: 2,
    padding: [3, 3, 3, 3],
  },
];

/** Plain ones, of which the gradients are. */
const CASES = [...SPECS, ...MORE].map(
  (spec): Conv2dSpec => ({ ...spec, activation: { kind: "none" }, residual: undefined }),
);

function close(
  what: string,
  actual: Float32Array,
  expected: Float64Array,
  magnitude: Float64Array,
  tolerance: number,
): void {
  assert.is(actual.length, expected.length);
  const largest = magnitude.reduce((a, b) => Math.max(a, b), 0);
  const least = tolerance >= WINOGRAD_TOLERANCE ? largest / 4 : 0;
  for (const [i, x] of actual.entries()) {
    if (!(Math.abs(x - expected[i]) <= tolerance * Math.max(magnitude[i], least) + 1e-6)) {
      assert.unreachable(`${what} ${i}: ${x}, not ${expected[i]}`);
    }
  }
}

const absolute = (values: Float32Array) => values.map(Math.abs);

function references(spec: Conv2dSpec, data: Conv2dData, gradient: Float32Array) {
  return {
    expected: referenceConv2dGradients(spec, data, gradient),
    magnitude: referenceConv2dGradients(
      spec,
      { input: absolute(data.input), weight: absolute(data.weight) },
      absolute(gradient),
    ),
  };
}

/** The channels of a slice; the others must still be NaN. */
function slice(spec: Conv2dSpec, wide: Float32Array): Float32Array {
  const { inChannels: channels, inStride: stride = channels, inOffset: offset = 0 } = spec;
  const dense = new Float32Array((wide.length / stride) * channels);
  for (const [i, value] of wide.entries()) {
    const c = (i % stride) - offset;
    if (c >= 0 && c < channels) dense[Math.floor(i / stride) * channels + c] = value;
    else if (!Number.isNaN(value)) assert.unreachable(`channel ${c + offset} of others: ${value}`);
  }
  return dense;
}

async function bitEqualOnThreads(
  kernels: readonly Kernel[],
  operands: WasmOperands,
  results: Record<string, Float32Array>,
  names: readonly string[],
): Promise<void> {
  for (const threads of [2, 3]) {
    const again = await runOnThreads(threads, kernels, operands);
    for (const name of names) {
      const bits = (values: Float32Array) => new Int32Array(values.buffer);
      const differs = bits(again[name]).findIndex(
        // What no kernel writes differs: NaN here, zeros there.
        (bit, i) => bit !== bits(results[name])[i] && !Number.isNaN(results[name][i]),
      );
      assert.is(differs, -1, `${threads} threads: ${name} ${differs}`);
    }
  }
}

for (const [i, spec] of CASES.entries()) {
  test(`gradients: ${caseName(spec)} (${i})`, async () => {
    const data = randomData(spec, i + 1);
    const { dense, wide } = randomGradient(spec, i + 77);
    const { expected, magnitude } = references(spec, data, dense);

    const gradient = conv2dInputGradient(spec);
    const steps = [...gradient.packing, ...gradient.kernels];
    const operands = {
      gradient: wide,
      weight: data.weight,
      packed: gradient.packedLength,
      output: spec.batch * spec.inHeight * spec.inWidth * (spec.inStride ?? spec.inChannels),
    };
    const results = await runWasmSteps(steps, operands);
    const output = slice(spec, results.output);
    const winograd = gradient.packing[0]?.name.includes("winograd");
    const tolerance = winograd ? WINOGRAD_TOLERANCE : TOLERANCE;
    close("input", output, expected.input, magnitude.input, tolerance);
    await bitEqualOnThreads(steps, operands, results, ["output"]);

    for (const bias of [false, true]) {
      const { kernels, scratchLength } = conv2dWeightGradient(spec, { bias });
      const weightOperands = {
        input: data.input,
        gradient: wide,
        gradWeight: data.weight.length,
        ...(bias ? { gradBias: spec.outChannels } : {}),
        scratch: scratchLength,
      };
      const sums = await runWasmSteps(kernels, weightOperands);
      const byTiles = kernels[0].name.includes("winograd");
      const room = byTiles ? WINOGRAD_WEIGHT_TOLERANCE : TOLERANCE;
      close("weight", sums.gradWeight, expected.weight, magnitude.weight, room);
      if (bias) close("bias", sums.gradBias, expected.bias, magnitude.bias, TOLERANCE);
      else if (!byTiles) continue;
      const names = bias ? ["gradWeight", "gradBias"] : ["gradWeight"];
      await bitEqualOnThreads(kernels, weightOperands, sums, names);
    }
  });
}

test("something is added to the input gradient", async () => {
  const dense = CASES.filter(({ inStride, outStride }) => !inStride && !outStride);
  for (const [i, spec] of dense.entries()) {
    const data = randomData(spec, i + 5);
    const residual = randomData(spec, i + 6).input;
    const gradient = randomGradient(spec, i + 9).dense;
    const { expected, magnitude } = references(spec, data, gradient);
    const { packing, packedLength, kernels } = conv2dInputGradient(spec, { adds: true });
    const { output } = await runWasmSteps([...packing, ...kernels], {
      gradient,
      weight: data.weight,
      residual,
      packed: packedLength,
      output: data.input.length,
    });
    const sums = expected.input.map((x, at) => x + residual[at]);
    const magnitudes = magnitude.input.map((x, at) => x + Math.abs(residual[at]));
    close(`${caseName(spec)}:`, output, sums, magnitudes, WINOGRAD_TOLERANCE);
  }
});

test("packing as a step gives what packing by the library gives", async () => {
  for (const [i, spec] of CASES.entries()) {
    const { weight } = randomData(spec, i + 1);
    const random = generator(i);
    const bias = Float32Array.from({ length: spec.outChannels }, () => random() - 0.5);
    for (const variant of conv2dVariants(spec)) {
      for (const given of [bias, undefined]) {
        const kernel = conv2d(spec, variant);
        const expected = kernel.pack({ weight, bias: given });
        const { packed } = await runWasmSteps(
          [conv2dPacking(spec, { bias: given !== undefined }, variant)],
          { weight, ...(given ? { bias: given } : {}), packed: kernel.packedLength },
        );
        const room = variant === "winograd" ? 1e-6 : 0;
        const wrong = packed.findIndex(
          (x, at) => !(Math.abs(x - expected[at]) <= room * Math.max(1, Math.abs(expected[at]))),
        );
        assert.is(wrong, -1, `${variant}, ${caseName(spec)}: ${packed[wrong]} at ${wrong}`);
      }
    }
  }
});

test("gradients sum up to what they must: one pixel's gradient gives the pixels under the kernel", async () => {
  const spec: Conv2dSpec = { ...BASE, inHeight: 5, inWidth: 5, inChannels: 1, outChannels: 1 };
  const input = Float32Array.from({ length: 25 }, (_, i) => i + 1);
  const [height, width] = conv2dOutputSize(spec);
  const gradient = new Float32Array(height * width);
  gradient[2 * width + 3] = 1;
  const { kernels, scratchLength } = conv2dWeightGradient(spec);
  const { gradWeight } = await runWasmSteps(kernels, {
    input,
    gradient,
    gradWeight: 9,
    scratch: scratchLength,
  });
  assert.equal([...gradWeight], [8, 9, 10, 13, 14, 15, 18, 19, 20]);
});

test.after(endThreads);
test.run();

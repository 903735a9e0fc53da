import {
  type BatchNormSpec,
  batchNorm,
  batchNormInferenceGradient,
  batchNormInputGradient,
  batchNormParameterGradients,
  batchNormTraining,
} from "@retinaface-webgpu/kernels-wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { runWasmSteps, type WasmOperands } from "../support/wasm.js";
import { endThreads, runOnThreads } from "../support/wasm-threads.js";

const EPS = 1e-5;
const MOMENTUM = 0.1;

interface Case {
  readonly rows: number;
  readonly channels: number;
  readonly slope?: number;
  /** Means of channels lie as many standard deviations from zero. */
  readonly far?: number;
}

const CASES: readonly Case[] = [
  { rows: 1, channels: 3 },
  { rows: 2, channels: 8, slope: 0 },
  { rows: 37, channels: 5, slope: 0.1 },
  { rows: 9, channels: 17 },
  { rows: 3000, channels: 8, slope: 0 },
  { rows: 1501, channels: 12, slope: 0.01, far: 1000 },
  { rows: 20011, channels: 2, far: 300 },
  { rows: 70, channels: 1030, slope: 0 },
];

function dataOf({ rows, channels, far = 1 }: Case, seed: number) {
  const random = new Random(seed);
  const each = (length: number, low: number, high: number) =>
    Float32Array.from({ length }, () => random.uniform(low, high));
  const centers = each(channels, -far, far);
  const x = Float32Array.from({ length: rows * channels }, (_, i) => {
    const outlier = random.uniform(0, 1) < 0.02 ? 10 : 1;
    return centers[i % channels] + random.uniform(-1.7, 1.7) * outlier;
  });
  return {
    x,
    gamma: each(channels, 0.5, 2),
    beta: each(channels, -1, 1),
    gradient: each(rows * channels, -1, 1),
    runningMean: each(channels, -1, 1),
    runningVariance: each(channels, 0.5, 2),
  };
}

type Data = ReturnType<typeof dataOf>;

/** Everything in double precision, by the definitions. */
function reference({ rows, channels, slope = 1 }: Case, data: Data, given?: ArrayLike<number>[]) {
  const { x, gamma, beta, gradient } = data;
  const column = (values: ArrayLike<number>, c: number) =>
    Array.from({ length: rows }, (_, r) => values[r * channels + c]);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const y = new Float64Array(x.length);
  const gx = new Float64Array(x.length);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const gGamma = new Float64Array(channels);
  const gBeta = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const values = column(x, c);
    mean[c] = given ? given[0][c] : sum(values) / rows;
    variance[c] = given ? given[1][c] : sum(values.map((v) => (v - mean[c]) ** 2)) / rows;
    const inverse = 1 / Math.sqrt(variance[c] + EPS);
    const normal = values.map((v) => (v - mean[c]) * inverse);
    const before = normal.map((v) => v * gamma[c] + beta[c]);
    const g = column(gradient, c).map((v, r) => (before[r] > 0 ? v : v * slope));
    gGamma[c] = sum(g.map((v, r) => v * normal[r]));
    gBeta[c] = sum(g);
    for (let r = 0; r < rows; r++) {
      y[r * channels + c] = before[r] > 0 ? before[r] : before[r] * slope;
      const through = given ? 0 : gBeta[c] / rows + (normal[r] * gGamma[c]) / rows;
      gx[r * channels + c] = gamma[c] * inverse * (g[r] - through);
    }
  }
  return { y, gx, mean, variance, gGamma, gBeta };
}

function close(
  what: string,
  actual: Float32Array,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  assert.is(actual.length, expected.length);
  for (const [i, x] of actual.entries()) {
    if (!(Math.abs(x - expected[i]) <= tolerance * Math.max(1, Math.abs(expected[i])))) {
      assert.unreachable(`${what} ${i}: ${x}, not ${expected[i]}`);
    }
  }
}

function nameOf({ rows, channels, slope, far }: Case): string {
  return `${rows} rows of ${channels}${slope === undefined ? "" : `, slope ${slope}`}${far ? `, mean ${far}` : ""}`;
}

const specOf = ({ rows, channels, slope }: Case): BatchNormSpec => {
  return { rows, channels, slope, eps: EPS };
};

/** Leaves out elements whose activation's input is so near to 0 that rounding decides. */
function away(each: Case, data: Data, margin: number): Data {
  const { gamma, beta } = data;
  const { mean, variance } = reference(each, data);
  const gradient = data.gradient.map((g, i) => {
    const c = i % each.channels;
    const normal = (data.x[i] - mean[c]) / Math.sqrt(variance[c] + EPS);
    return Math.abs(normal * gamma[c] + beta[c]) < margin ? 0 : g;
  });
  return { ...data, gradient };
}

for (const [i, each] of CASES.entries()) {
  const spec = specOf(each);
  const { rows, channels, slope, far = 1 } = each;
  const size = rows * channels;
  // A mean of a thousand has its own rounding, 6e-5, and x − mean takes it over.
  const precision = 2e-6 + far * 2e-7;
  test(`training: ${nameOf(each)}`, async () => {
    const data = away(each, dataOf(each, i + 1), slope === undefined ? 0 : 1e-3);
    const expected = reference(each, data);
    const { x, gamma, beta, runningMean, runningVariance } = data;
    const { kernels, scratchLength } = batchNormTraining({ ...spec, momentum: MOMENTUM });
    const operands = {
      ...{ x, gamma, beta, runningMean, runningVariance },
      ...{ y: size, mean: channels, variance: channels, scratch: scratchLength },
    };
    const running = ["runningMean", "runningVariance"];
    const results = await runWasmSteps(kernels, operands, running);
    close("y", results.y, expected.y, precision * 5);
    close("mean", results.mean, expected.mean, 3e-7);
    close("variance", results.variance, expected.variance, 1e-6 + far * 1e-8);
    const unbias = rows > 1 ? rows / (rows - 1) : 1;
    const approach = (from: Float32Array, to: Float64Array, by = 1) =>
      Array.from(from, (r, c) => r + MOMENTUM * (to[c] * by - r));
    close("running mean", results.runningMean, approach(runningMean, expected.mean), 1e-6);
    const variances = approach(runningVariance, expected.variance, unbias);
    close("running variance", results.runningVariance, variances, 2e-6);
    for (const threads of [2, 3]) {
      const again = await runOnThreads(threads, kernels, operands, running);
      for (const name of ["y", "mean", "variance", ...running]) {
        assert.equal(again[name], results[name], `${name} with ${threads} threads`);
      }
    }
  });

  test(`gradients: ${nameOf(each)}`, async () => {
    const data = away(each, dataOf(each, i + 1), slope === undefined ? 0 : 1e-3);
    const expected = reference(each, data);
    const { x, gamma, beta, gradient } = data;
    const mean = Float32Array.from(expected.mean);
    const variance = Float32Array.from(expected.variance);
    const affine: WasmOperands = slope === undefined ? {} : { gamma, beta };
    const sequence = batchNormParameterGradients(spec);
    const given = { gradient, x, mean, variance };
    const operands = {
      ...given,
      ...affine,
      ...{ gradGamma: channels, gradBeta: channels, sums: 2 * channels },
      scratch: sequence.scratchLength,
    };
    const results = await runWasmSteps(sequence.kernels, operands);
    // Sums of so many terms of magnitude 1.
    const room = precision * Math.max(4, Math.sqrt(rows));
    close("gradient to gamma", results.gradGamma, expected.gGamma, room);
    close(
      "gradient to beta",
      results.gradBeta,
      expected.gBeta,
      1e-6 * Math.max(4, Math.sqrt(rows)),
    );
    assert.equal([...results.sums], [...results.gradGamma, ...results.gradBeta]);
    for (const threads of [2, 3]) {
      const again = await runOnThreads(threads, sequence.kernels, operands);
      assert.equal(again.sums, results.sums, `${threads} threads`);
    }

    const { output } = await runWasmSteps([batchNormInputGradient(spec)], {
      ...given,
      ...{ gamma, sums: Float32Array.of(...expected.gGamma, ...expected.gBeta) },
      ...(slope === undefined ? {} : { beta }),
      output: size,
    });
    // One row: the variance is 0 and everything times 1/√eps.
    close("gradient to x", output, expected.gx, precision * (rows > 2 ? 10 : 4000));
  });

  test(`given statistics: ${nameOf(each)}`, async () => {
    const data = dataOf(each, i + 21);
    const { x, gamma, beta, gradient } = data;
    const means = Array.from({ length: channels }, (_, c) => x[c] + 0.25);
    const [mean, variance] = [Float32Array.from(means), data.runningVariance];
    const expected = reference(each, data, [mean, variance]);
    const { y } = await runWasmSteps([batchNorm(spec)], {
      x,
      mean,
      variance,
      gamma,
      beta,
      y: size,
    });
    close("y", y, expected.y, precision * 5);
    const { output } = await runWasmSteps([batchNormInferenceGradient(spec)], {
      ...{ gradient, variance, gamma },
      ...(slope === undefined ? {} : { y: Float32Array.from(expected.y) }),
      output: size,
    });
    close("gradient", output, expected.gx, 2e-6);
  });
}

test("the reference's gradients are those of its values, by finite differences", () => {
  const each: Case = { rows: 7, channels: 3, slope: 0.1 };
  const data = dataOf(each, 5);
  const loss = (changed: Partial<Data>) => {
    const { y } = reference(each, { ...data, ...changed });
    return y.reduce((sum, v, i) => sum + v * data.gradient[i], 0);
  };
  const expected = reference(each, data);
  const step = 1e-4;
  for (const [name, gradient] of [
    ["x", expected.gx],
    ["gamma", expected.gGamma],
    ["beta", expected.gBeta],
  ] as const) {
    for (const [i, g] of gradient.entries()) {
      const moved = (by: number) => {
        const values = Float64Array.from(data[name]);
        values[i] += by;
        return loss({ [name]: values as unknown as Float32Array });
      };
      const slope = (moved(step) - moved(-step)) / (2 * step);
      assert.ok(Math.abs(slope - g) < 1e-3 * Math.max(1, Math.abs(g)), `${name} ${i}`);
    }
  }
});

test("what is not a number stays so, and comes through ReLU", async () => {
  const data = Float32Array.of(Number.NaN, 1, -1, 2);
  const one = Float32Array.of(1);
  const { y } = await runWasmSteps([batchNorm({ rows: 4, channels: 1, eps: 0, slope: 0 })], {
    ...{ x: data, mean: Float32Array.of(0), variance: one, gamma: one },
    ...{ beta: Float32Array.of(0), y: 4 },
  });
  assert.equal(
    [...y].map((v) => v + 0),
    [Number.NaN, 1, 0, 2],
  );
});

test.after(endThreads);
test.run();

import {
  DEFAULT_CONFIG,
  decodeBoxes,
  decodeLandmarks,
  encodeBoxes,
  encodeLandmarks,
  OptionError,
  priorBoxes,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

const variances = DEFAULT_CONFIG.variances;

function near(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.is(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    assert.ok(difference <= tolerance, `[${i}] ${actual[i]} is not ${expected[i]}`);
  }
}

/** Deterministic numbers in -1..1. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

test("zero offsets give the prior itself and its centre", () => {
  const prior = [0.5, 0.25, 0.2, 0.1];
  near(decodeBoxes([0, 0, 0, 0], prior, variances), [0.4, 0.2, 0.6, 0.3], 1e-15);
  near(
    decodeLandmarks(new Float32Array(10), prior, variances),
    Array.from({ length: 5 }, () => [0.5, 0.25]).flat(),
    0,
  );
});

test("a worked example", () => {
  const boxes = decodeBoxes(
    [1, -2, Math.log(2) / 0.2, Math.log(3) / 0.2],
    [0.5, 0.5, 0.2, 0.1],
    [0.1, 0.2],
  );
  near(boxes, [0.52 - 0.2, 0.48 - 0.15, 0.52 + 0.2, 0.48 + 0.15], 1e-15);
  const points = decodeLandmarks(
    [1, 2, 0, 0, 0, 0, 0, 0, -5, 10],
    [0.5, 0.5, 0.2, 0.1],
    [0.1, 0.2],
  );
  near(points.subarray(0, 2), [0.52, 0.52], 1e-15);
  near(points.subarray(8), [0.4, 0.6], 1e-15);
});

test("encode and decode are inverse for random offsets over all priors", () => {
  const priors = priorBoxes(64, 96, DEFAULT_CONFIG.anchors);
  const rows = priors.length / 4;
  const loc = numbers(rows * 4, 1).map((v) => v * 3);
  near(encodeBoxes(decodeBoxes(loc, priors, variances), priors, variances), loc, 2e-6);
  const landms = numbers(rows * 10, 2).map((v) => v * 5);
  near(
    encodeLandmarks(decodeLandmarks(landms, priors, variances), priors, variances),
    landms,
    2e-6,
  );
});

test("other variances are used", () => {
  const prior = [0.5, 0.5, 0.2, 0.2];
  const box = [0.45, 0.4, 0.65, 0.8];
  const coarse = encodeBoxes(box, prior, [0.1, 0.2]);
  const fine = encodeBoxes(box, prior, [0.05, 0.1]);
  near(
    fine,
    coarse.map((v) => v * 2),
    1e-6,
  );
  near(decodeBoxes(fine, prior, [0.05, 0.1]), box, 1e-7);
});

test("rows that do not match the priors are refused", () => {
  const priors = new Float32Array(8);
  for (const f of [
    () => encodeBoxes(new Float32Array(4), priors, variances),
    () => decodeBoxes(new Float32Array(12), priors, variances),
    () => encodeLandmarks(new Float32Array(10), priors, variances),
    () => decodeLandmarks(new Float32Array(8), priors, variances),
    () => decodeBoxes(new Float32Array(6), new Float32Array(6), variances),
  ]) {
    assert.throws(f, (e: unknown) => e instanceof OptionError);
  }
});

test.run();

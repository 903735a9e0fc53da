import {
  anchorCount,
  DEFAULT_CONFIG,
  OptionError,
  priorBoxes,
  priorBoxesAt,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

const anchors = DEFAULT_CONFIG.anchors;

test("640×640 has 16,800 priors in the order level, row, column, size", () => {
  const priors = priorBoxes(640, 640, anchors);
  assert.is(anchorCount(640, 640, anchors), 16800);
  assert.is(priors.length, 16800 * 4);
  const f = Math.fround;
  assert.equal([...priors.subarray(0, 4)], [4 / 640, 4 / 640, 16 / 640, 16 / 640].map(f));
  assert.equal([...priors.subarray(4, 8)], [4 / 640, 4 / 640, 32 / 640, 32 / 640].map(f));
  assert.equal([...priors.subarray(8, 12)], [12 / 640, 4 / 640, 16 / 640, 16 / 640].map(f));
  const secondRow = 80 * 2 * 4;
  assert.equal([...priors.subarray(secondRow, secondRow + 2)], [4 / 640, 12 / 640].map(f));
  const level2 = 80 * 80 * 2 * 4;
  assert.equal([...priors.subarray(level2, level2 + 3)], [8 / 640, 8 / 640, 64 / 640].map(f));
  assert.equal([...priors.subarray(-4)], [624 / 640, 624 / 640, 512 / 640, 512 / 640].map(f));
});

test("sizes that are no multiple of a step get ceil cells, against a float64 list", () => {
  for (const [height, width] of [
    [1, 1],
    [17, 9],
    [1, 1000],
    [33, 250],
  ] as const) {
    const expected: number[] = [];
    for (const [k, step] of anchors.steps.entries()) {
      for (let i = 0; i * step < height; i++) {
        for (let j = 0; j * step < width; j++) {
          for (const size of anchors.minSizes[k]!) {
            expected.push(((j + 0.5) * step) / width, ((i + 0.5) * step) / height);
            expected.push(size / width, size / height);
          }
        }
      }
    }
    const priors = priorBoxes(height, width, anchors);
    assert.is(anchorCount(height, width, anchors), expected.length / 4);
    assert.equal([...priors], expected.map(Math.fround), `${height}×${width}`);
  }
});

test("other sizes, steps and ratios", () => {
  const config = { minSizes: [[10, 20, 30]], steps: [50], ratios: [1, 4], clip: false };
  const priors = priorBoxes(60, 100, config);
  assert.is(priors.length, 2 * 2 * 6 * 4);
  const sizes = [];
  for (let n = 0; n < 6; n++) sizes.push(priors[n * 4 + 2]! * 100, priors[n * 4 + 3]! * 60);
  const expected = [10, 10, 20, 5, 20, 20, 40, 10, 30, 30, 60, 15];
  for (const [i, size] of sizes.entries()) assert.ok(Math.abs(size - expected[i]!) < 1e-4);
});

test("clip keeps every value in 0..1", () => {
  const open = priorBoxes(40, 40, anchors);
  const clipped = priorBoxes(40, 40, { ...anchors, clip: true });
  assert.ok(open.some((v) => v > 1));
  assert.equal(
    [...clipped],
    [...open].map((v) => Math.min(1, Math.max(0, v))),
  );
});

test("wrong settings are refused", () => {
  const bad = [
    () => priorBoxes(0, 10, anchors),
    () => priorBoxes(10, 10.5, anchors),
    () => anchorCount(Number.NaN, 10, anchors),
    () => priorBoxes(10, 10, { ...anchors, steps: [8, 16] }),
    () => priorBoxes(10, 10, { ...anchors, steps: [8, 16, 0] }),
    () => priorBoxes(10, 10, { ...anchors, minSizes: [[16], [], [256]] }),
    () => priorBoxes(10, 10, { ...anchors, ratios: [Number.POSITIVE_INFINITY] }),
  ];
  for (const f of bad) assert.throws(f, (e: unknown) => e instanceof OptionError);
});

test("some rows alone are those of all, to the bit", () => {
  for (const config of [
    DEFAULT_CONFIG.anchors,
    { minSizes: [[9, 20, 33], [50]], steps: [8, 32], ratios: [0.5, 1, 2], clip: true },
    {
      minSizes: [[32], [70, 90]],
      steps: [8, 16],
      ratios: [0.5, 1],
      clip: false,
      form: "torchvision" as const,
    },
  ]) {
    const [height, width] = [83, 101];
    const all = priorBoxes(height, width, config);
    const indices = Array.from(
      { length: anchorCount(height, width, config) },
      (_, i) => i,
    ).reverse();
    const some = priorBoxesAt(height, width, config, indices);
    for (const [at, index] of indices.entries()) {
      assert.equal(some.slice(at * 4, at * 4 + 4), all.slice(index * 4, index * 4 + 4));
    }
  }
});

test.run();

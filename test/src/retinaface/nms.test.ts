import {
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type Face,
  NumericError,
  nms,
  OptionError,
  postprocess,
  priorBoxes,
  resolveThresholds,
  visible,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { workTime } from "../support/work-time.js";

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The textbook form: take the best, strike out what overlaps it, repeat. */
function referenceNms(boxes: number[][], scores: number[], threshold: number): number[] {
  let order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const area = ([x1, y1, x2, y2]: number[]) => (x2! - x1! + 1) * (y2! - y1! + 1);
  const keep: number[] = [];
  while (order.length > 0) {
    const [best, ...rest] = order;
    keep.push(best!);
    const a = boxes[best!]!;
    order = rest.filter((i) => {
      const b = boxes[i]!;
      const w = Math.max(0, Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!) + 1);
      const h = Math.max(0, Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!) + 1);
      return (w * h) / (area(a) + area(b) - w * h) <= threshold;
    });
  }
  return keep;
}

function randomBoxes(count: number, next: () => number, extent: number): number[][] {
  return Array.from({ length: count }, () => {
    const x = Math.floor(next() * extent);
    const y = Math.floor(next() * extent);
    return [x, y, x + 5 + Math.floor(next() * 40), y + 5 + Math.floor(next() * 40)];
  });
}

test("agrees with the textbook form, with many equal scores", () => {
  const next = generator(7);
  for (const threshold of [0, 0.3, 0.4, 0.75, 1]) {
    const boxes = randomBoxes(400, next, 150);
    const scores = boxes.map(() => Math.round(next() * 20) / 20);
    assert.equal(
      [...nms(boxes.flat(), scores, threshold)],
      referenceNms(boxes, scores, threshold),
      `threshold ${threshold}`,
    );
  }
});

test("ties go to the lower index, and order is by score then index", () => {
  const box = [10, 10, 20, 20];
  const far = [100, 100, 120, 120];
  assert.equal([...nms([...box, ...box, ...far, ...far], [0.5, 0.5, 0.9, 0.9], 0.4)], [2, 0]);
});

test("sides count both end pixels; IoU equal to the threshold is kept", () => {
  // 10×10 pixels each, 5×10 shared: 50 / 150.
  const boxes = [0, 0, 9, 9, 5, 0, 14, 9];
  assert.equal([...nms(boxes, [1, 0.5], 1 / 3)], [0, 1]);
  assert.equal([...nms(boxes, [1, 0.5], 0.333)], [0]);
});

test("a limit gives the first of the unlimited result", () => {
  const next = generator(3);
  const boxes = randomBoxes(200, next, 300).flat();
  const scores = Array.from({ length: 200 }, next);
  const all = [...nms(boxes, scores, 0.4)];
  assert.ok(all.length > 20);
  assert.equal([...nms(boxes, scores, 0.4, 20)], all.slice(0, 20));
});

test("no boxes, NaN scores, infinite boxes, wrong shapes", () => {
  assert.is(nms([], [], 0.4).length, 0);
  const box = [0, 0, 1, 1];
  assert.throws(
    () => nms(box, [Number.NaN], 0.4),
    (e: unknown) => e instanceof NumericError,
  );
  assert.throws(
    () => nms([0, 0, Number.POSITIVE_INFINITY, 1], [1], 0.4),
    (e: unknown) => e instanceof NumericError,
  );
  assert.throws(
    () => nms(box, [1, 1], 0.4),
    (e: unknown) => e instanceof OptionError,
  );
});

const side = 64;
const priors = priorBoxes(side, side, DEFAULT_CONFIG.anchors);
const count = priors.length / 4;

function outputs(frame = { width: side, height: side, scaleX: 1, scaleY: 1 }) {
  return {
    loc: new Float32Array(count * 4),
    scores: new Float32Array(count),
    landms: new Float32Array(count * 10),
    priors,
    variances: DEFAULT_CONFIG.variances,
    frame,
    thresholds: { ...DEFAULT_THRESHOLDS },
  };
}

function close(actual: number[], expected: number[]): void {
  for (const [i, v] of expected.entries()) assert.ok(Math.abs(actual[i]! - v) < 1e-4, `${actual}`);
}

test("a candidate becomes a face in the original image's pixels", () => {
  const input = outputs({ width: side, height: side, scaleX: 0.5, scaleY: 0.25 });
  const i = 2 * (8 * 3 + 2) + 1; // row 3, column 2, size 32: centre (20, 28)
  input.scores[i] = 0.9;
  input.landms.set([0, 0, 1, 0, 0, 1, 0, 0, -1, -1], i * 10);
  const [face, ...rest] = postprocess(input);
  assert.is(rest.length, 0);
  assert.is(face!.score, Math.fround(0.9));
  close(face!.box, [4 / 0.5, 12 / 0.25, 36 / 0.5, 44 / 0.25]);
  close(face!.landmarks.leftEye, [40, 112]);
  close(face!.landmarks.rightEye, [(20 + 3.2) / 0.5, 112]);
  close(face!.landmarks.nose, [40, (28 + 3.2) / 0.25]);
  close(face!.landmarks.rightMouth, [(20 - 3.2) / 0.5, (28 - 3.2) / 0.25]);
  assert.ok(Array.isArray(face!.box));
});

test("confidence is exclusive, visibility inclusive; topK, then NMS, then keepTopK", () => {
  const input = outputs();
  input.scores.fill(0.02);
  input.thresholds.confidenceThreshold = Math.fround(0.02);
  assert.equal(postprocess(input), []);
  const spread = [0, 14, 112, 126]; // the 16-pixel priors in the corners of the first level
  for (const [n, i] of spread.entries()) input.scores[i] = 0.5 + n / 16;
  input.scores[1] = 0.97; // overlaps corner 0
  const scores = (faces: Face[]) => faces.map((face) => face.score);
  assert.equal(scores(postprocess(input)), [0.97, 0.6875, 0.625, 0.5625, 0.5].map(Math.fround));
  input.thresholds.nmsThreshold = 0.2;
  assert.equal(scores(postprocess(input)), [0.97, 0.6875, 0.625, 0.5625].map(Math.fround));
  input.thresholds.topK = 3;
  assert.equal(scores(postprocess(input)), [0.97, 0.6875, 0.625].map(Math.fround));
  input.thresholds.keepTopK = 2;
  assert.equal(scores(postprocess(input)), [0.97, 0.6875].map(Math.fround));
  assert.is(visible(postprocess(input), 0.6875).length, 2);
  assert.is(visible(postprocess(input), 0.69).length, 1);
});

test("NaN anywhere in a result is an error, not a face", () => {
  const isNumeric = (e: unknown) => e instanceof NumericError && e.code === "NOT_FINITE";
  for (const spoil of ["scores", "loc", "landms"] as const) {
    const input = outputs();
    input.scores[5] = 0.9;
    input[spoil].fill(Number.NaN);
    assert.throws(() => postprocess(input), isNumeric, spoil);
  }
  const input = outputs();
  input.landms = input.landms.subarray(10);
  assert.throws(
    () => postprocess(input),
    (e: unknown) => e instanceof OptionError,
  );
});

test("100,000 passing candidates are quick", () => {
  const next = generator(11);
  const large = priorBoxes(1560, 1560, DEFAULT_CONFIG.anchors);
  const rows = large.length / 4;
  assert.ok(rows > 98_000);
  const started = workTime();
  const faces = postprocess({
    loc: Float32Array.from({ length: rows * 4 }, () => next() - 0.5),
    scores: Float32Array.from({ length: rows }, () => 0.03 + next() * 0.9),
    landms: new Float32Array(rows * 10),
    priors: large,
    variances: DEFAULT_CONFIG.variances,
    frame: { width: 1560, height: 1560, scaleX: 1, scaleY: 1 },
    thresholds: { ...DEFAULT_THRESHOLDS, topK: rows },
  });
  assert.is(faces.length, 750);
  assert.ok(workTime() - started < 10_000);
});

test("thresholds get defaults and ranges", () => {
  assert.equal(resolveThresholds(), DEFAULT_THRESHOLDS);
  assert.is(resolveThresholds({ topK: 10, nmsThreshold: undefined }).topK, 10);
  for (const bad of [
    { confidenceThreshold: 1.1 },
    { nmsThreshold: Number.NaN },
    { visThreshold: -0.1 },
    { topK: 0 },
    { keepTopK: 1.5 },
  ]) {
    assert.throws(() => resolveThresholds(bad), new RegExp(`${Object.keys(bad)[0]} must be`));
  }
});

test.run();

import { alignFace, type Face, OptionError, type Point } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { similarityTransform } from "../../../packages/retinaface/dist/align.js";
import { difference, draw } from "../support/images.js";
import { Random } from "../support/random.js";

/** ArcFace's template, as published for 112×112. */
const TEMPLATE: Point[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

function faceAt(points: Point[]): Face {
  const [leftEye, rightEye, nose, leftMouth, rightMouth] = points;
  const landmarks = { leftEye, rightEye, nose, leftMouth, rightMouth };
  return { box: [0, 0, 1, 1], score: 1, landmarks };
}

const ramp = (width: number, height: number) => draw(width, height, (x, y) => [x, y, (x + y) / 2]);

test("landmarks on the template leave the picture as it is", () => {
  const image = draw(112, 112, (x, y) => [(x * 7) % 256, (y * 5) % 256, (x * y) % 256]);
  assert.ok(difference(alignFace(image, faceAt(TEMPLATE)), image) <= 1);
});

test("a turned, scaled and moved face comes out upright and in place", () => {
  const image = ramp(250, 250);
  const [scale, angle, dx, dy] = [1.3, 0.4, 60, -5];
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const place = ([x, y]: Point): Point => [c * x - s * y + dx, s * x + c * y + dy];
  const aligned = alignFace(image, faceAt(TEMPLATE.map(place)));
  assert.equal([aligned.width, aligned.height], [112, 112]);
  let inside = 0;
  for (let v = 0; v < 112; v++) {
    for (let u = 0; u < 112; u++) {
      const [x, y] = place([u, v]);
      if (x < 1 || y < 1 || x > 248 || y > 248) continue;
      inside++;
      const at = (v * 112 + u) * 4;
      assert.ok(Math.abs(aligned.data[at] - x) <= 0.6, `red at ${u},${v}`);
      assert.ok(Math.abs(aligned.data[at + 1] - y) <= 0.6, `green at ${u},${v}`);
    }
  }
  assert.ok(inside > 9000);
});

test("of an image that was decoded smaller landmarks lie where its original has them", () => {
  const image = ramp(120, 120);
  const smaller = { ...image, original: { width: 480, height: 240 } };
  const large = faceAt(TEMPLATE.map(([x, y]): Point => [4 * x, 2 * y]));
  assert.ok(difference(alignFace(smaller, large), alignFace(image, faceAt(TEMPLATE))) <= 1);
});

test("another template puts the landmarks elsewhere; what is none is refused", () => {
  const image = ramp(250, 250);
  const points = TEMPLATE.map(([x, y]): Point => [x / 2 + 20, y / 2 + 10]);
  const aligned = alignFace(image, faceAt(TEMPLATE), undefined, { size: 96, points });
  assert.is(aligned.width, 96);
  // The point (u, v) of the crop is (2u - 40, 2v - 20) of the image.
  assert.equal(Array.from(aligned.data.subarray((30 * 96 + 50) * 4).subarray(0, 2)), [60, 40]);
  const small = alignFace(image, faceAt(TEMPLATE), 48, { size: 96, points });
  assert.is(small.width, 48);
  assert.equal(Array.from(small.data.subarray((15 * 48 + 25) * 4).subarray(0, 2)), [60, 40]);
  for (const template of [
    null,
    { size: 0, points },
    { size: 96, points: points.slice(1) },
    { size: 96, points: [...points.slice(1), [1, Number.NaN]] },
    { size: 96, points: points.map(() => [4, 4]) },
  ]) {
    assert.throws(
      () => alignFace(image, faceAt(TEMPLATE), undefined, template as never),
      (error: unknown) => error instanceof OptionError && /a template is/.test(error.message),
    );
  }
});

test("size scales the template", () => {
  const image = ramp(200, 200);
  const small = alignFace(image, faceAt(TEMPLATE), 56);
  const large = alignFace(image, faceAt(TEMPLATE), 224);
  assert.is(small.width, 56);
  for (const [u, v] of [
    [10, 20],
    [40, 33],
  ]) {
    assert.ok(Math.abs(small.data[(v * 56 + u) * 4] - 2 * u) <= 1);
    assert.ok(Math.abs(large.data[(4 * v * 224 + 4 * u) * 4] - 2 * u) <= 1);
  }
});

test("what lies outside the image is black and opaque", () => {
  const image = draw(60, 60, () => [255, 255, 255]);
  const { data } = alignFace(image, faceAt(TEMPLATE));
  assert.equal([...data.subarray(0, 4)], [255, 255, 255, 255]);
  assert.equal([...data.subarray(data.length - 4)], [0, 0, 0, 255]);
});

/** Sum of squared distances of the transformed landmarks from the template. */
function misfit(points: Point[], [a, b, tx, ty]: number[]): number {
  return points.reduce((sum, [x, y], n) => {
    const dx = a * x - b * y + tx - TEMPLATE[n][0];
    const dy = b * x + a * y + ty - TEMPLATE[n][1];
    return sum + dx * dx + dy * dy;
  }, 0);
}

test("noisy landmarks: no other similarity fits better", () => {
  const random = new Random(5);
  for (let round = 0; round < 50; round++) {
    const points = TEMPLATE.map(
      ([x, y]): Point => [x * 1.5 + 40 + random.normal(0, 4), y * 1.5 + 30 + random.normal(0, 4)],
    );
    const { a, b, tx, ty } = similarityTransform(points, TEMPLATE);
    const least = misfit(points, [a, b, tx, ty]);
    for (let n = 0; n < 100; n++) {
      const other = [a, b, tx, ty].map((v, k) => v + random.normal(0, k < 2 ? 1e-4 : 1e-2));
      assert.ok(misfit(points, other) > least, `round ${round}`);
    }
  }
});

test("mirrored landmarks are not reflected back", () => {
  const mirrored = TEMPLATE.map(([x, y]): Point => [112 - x, y]);
  const { a, b } = similarityTransform(mirrored, TEMPLATE);
  const scale = Math.hypot(a, b);
  assert.ok(scale > 0 && scale < 0.9, "the best it can do without a reflection shrinks the face");
});

test("degenerate landmarks are a typed error", () => {
  const image = ramp(50, 50);
  const bad: Point[][] = [
    TEMPLATE.map((): Point => [20, 20]),
    TEMPLATE.map(([x], n): Point => [n === 2 ? Number.NaN : x, 3]),
    TEMPLATE.map((): Point => [Number.POSITIVE_INFINITY, 3]),
  ];
  for (const points of bad) {
    assert.throws(
      () => alignFace(image, faceAt(points)),
      (error: { code?: string }) => error.code === "LANDMARKS_DEGENERATE",
    );
  }
  assert.throws(() => alignFace(image, faceAt(TEMPLATE), 0), /size must be/);
});

test.run();

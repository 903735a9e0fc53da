import { Random } from "@retinaface-webgpu/tensor";
import {
  blurAlong,
  buildPyramid,
  Composer,
  compress,
  degrade,
  occludeFaces,
  type PhotoFace,
  type PhotoSet,
  parseScored,
  uploadLabels,
} from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, priorBoxes } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { Random as TestRandom } from "../support/random.js";
import { throwsCode } from "../support/throws.js";
import { makeSample } from "../support/train-samples.js";

const device = useDevice(test);

const SIZE = 40;

/** A view whose pixel values are given by place and channel. */
function canvas(value: (x: number, y: number, c: number) => number, size = SIZE) {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < data.length; i++) {
    const pixel = i >> 2;
    data[i] = i % 4 === 3 ? 255 : value(pixel % size, Math.floor(pixel / size), i % 4);
  }
  return { data, size };
}

function largestChange(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

test("JPEG of a plain colour changes it by its rounding alone", () => {
  const view = canvas((_x, _y, c) => [90, 150, 200][c]);
  const before = view.data.slice();
  compress(view, 90);
  assert.ok(largestChange(view.data, before) <= 3);
});

test("JPEG keeps a smooth picture at high quality and coarsens it at low quality", () => {
  const picture = () => canvas((x, y, c) => 60 + 2 * x + y + 20 * c + 12 * Math.sin(x * 1.3));
  const original = picture().data;
  const errorAt = (quality: number) => {
    const view = picture();
    compress(view, quality);
    return view.data.reduce((sum, value, i) => sum + (value - original[i]) ** 2, 0);
  };
  assert.ok(errorAt(95) < errorAt(40) && errorAt(40) < errorAt(8));
  assert.ok(errorAt(95) / original.length < 4, String(errorAt(95) / original.length));
});

test("JPEG leaves pixels beyond the last whole block", () => {
  const view = canvas((x, y) => (x * 37 + y * 91) % 256, 21);
  const before = view.data.slice();
  compress(view, 10);
  for (let y = 0; y < 21; y++) {
    for (let x = 16; x < 21; x++) {
      const at = (y * 21 + x) * 4;
      assert.equal([...view.data.subarray(at, at + 3)], [...before.subarray(at, at + 3)]);
    }
  }
});

test("motion blur spreads a dot along its direction alone", () => {
  const view = canvas((x, y) => (x === 20 && y === 20 ? 250 : 0));
  blurAlong(view, 0, 5);
  const at = (x: number, y: number) => view.data[(y * SIZE + x) * 4];
  for (let x = 18; x <= 22; x++) assert.is(at(x, 20), 50);
  assert.is(at(17, 20), 0);
  assert.is(at(20, 19), 0);
});

test("what is done to a view depends on its random numbers alone, and leaves alpha", () => {
  const make = (seed: number) => {
    const view = canvas((x, y, c) => (x * 5 + y * 3 + c * 40) % 256);
    degrade(view, new Random(seed));
    return view.data;
  };
  const changed = Array.from({ length: 12 }, (_, seed) => make(seed));
  const plain = canvas((x, y, c) => (x * 5 + y * 3 + c * 40) % 256).data;
  assert.ok(changed.some((data) => largestChange(data, plain) > 5));
  for (const [seed, data] of changed.entries()) {
    assert.equal(make(seed), data);
    assert.ok(data.every((value, i) => i % 4 !== 3 || value === 255));
  }
});

/** Landmarks of an upright face: eyes, nose, corners of the mouth. */
const POINTS = [14, 16, 26, 16, 20, 22, 16, 28, 24, 28];

test("something is drawn before some faces, near them, and none before faces without landmarks", () => {
  const grey = () => canvas(() => 128, 96);
  const at = (points: readonly number[]) => {
    let drawn = 0;
    for (let seed = 0; seed < 60; seed++) {
      const view = grey();
      occludeFaces(view, points, new Random(seed));
      let far = 0;
      for (let i = 0; i < view.data.length; i += 4) {
        const [x, y] = [(i / 4) % 96, Math.floor(i / 4 / 96)];
        if (view.data[i] === 128) continue;
        if (Math.hypot(x - 20, y - 20) > 45) far++;
      }
      assert.is(far, 0);
      if (largestChange(view.data, grey().data) > 0) drawn++;
    }
    return drawn;
  };
  const drawn = at(POINTS);
  assert.ok(drawn > 2 && drawn < 30, String(drawn));
  assert.is(at(Array<number>(10).fill(Number.NaN)), 0);
  assert.is(at(POINTS.map((value) => value / 10)), 0);
});

test("a table of scores: faces, ignored ones, doubles and what counts of landmarks", () => {
  const points = [12, 12, 28, 12, 20, 20, 14, 28, 26, 28];
  const line = {
    image: "a.jpg",
    faces: [
      { box: [0, 0, 40, 40], landmarks: points, score: 0.9 },
      { box: [2, 2, 40, 40], landmarks: points, score: 0.5 },
      { box: [60, 0, 70, 10], landmarks: points, score: 0.95 },
      { box: [100, 0, 140, 40], landmarks: points, score: 0.4 },
      { box: [200, 0, 240, 40], landmarks: points, score: 0.1 },
      { box: [300, 0, 340, 40], landmarks: points, score: 0.05 },
    ],
  };
  const [{ image, faces }] = parseScored(`${JSON.stringify(line)}\n\n`, "labels.jsonl");
  assert.is(image, "a.jpg");
  const at = (x: number) => faces.find(({ box }) => box[0] === x)!;
  assert.is(faces.length, 5);
  assert.equal(at(0).landmarks, points);
  assert.not(at(0).ignored);
  assert.ok(at(2).ignored, "the same face again");
  assert.is(at(60).landmarks, undefined, "too small for landmarks");
  assert.is(at(100).landmarks, undefined, "not sure enough for landmarks");
  assert.ok(at(100).weight! > at(0).weight! && at(60).weight! < at(0).weight!);
  assert.ok(at(200).ignored);
});

test("a table of scores that is none says where", () => {
  throwsCode(() => parseScored("{", "t.jsonl"), "DATA", /t\.jsonl:1/);
  throwsCode(() => parseScored('\n{"image":1}', "t.jsonl"), "DATA", /t\.jsonl:2.*image/);
  throwsCode(() => parseScored('{"image":"a","faces":[{"box":[1]}]}', "t.jsonl"), "DATA", /box/);
});

function setOf(faces: readonly PhotoFace[], complete: boolean): PhotoSet {
  const image = { data: new Uint8Array(64 * 64 * 3).fill(90), width: 64, height: 64 };
  const photo = { id: "p", pyramid: buildPyramid(image), faces };
  return { name: "p", photos: [photo], share: 1, paste: 0, from: 0, complete };
}

test("views aim at faces by their weight and never at ignored ones; ignored ones stay marked", () => {
  const box = (x: number): PhotoFace["box"] => [x, 10, x + 16, 26];
  const faces: PhotoFace[] = [
    { box: box(4), labelled: true, ignored: true },
    { box: box(40), labelled: true, weight: 1 },
  ];
  const composer = new Composer([setOf(faces, true)]);
  const job = { seed: 1, step: 0, size: 64, cover: 0, background: 0, least: 12, most: 0.3 };
  const views = Array.from({ length: 30 }, (_, index) => composer.compose({ ...job, index }));
  const marked = views.flatMap(({ ignored }) => [...ignored]);
  assert.ok(marked.includes(1) && marked.includes(0));
  assert.ok(views.every(({ ignored }) => ignored.includes(0)));
  assert.ok(views.every(({ complete }) => complete!.length >= 4));
  const unknown = new Composer([setOf(faces, false)]).compose({ ...job, index: 0 });
  assert.is(unknown.complete!.length, 0);
});

test("plain views are one photo each, nothing pasted on it, drawn before it or done to it", () => {
  const face: PhotoFace = {
    box: [8, 8, 48, 48],
    labelled: true,
    landmarks: POINTS.map((x) => 2 * x - 12),
  };
  const composer = new Composer([{ ...setOf([face], true), paste: 0.5 }]);
  const job = { seed: 1, step: 0, size: 64, cover: 0, background: 0, least: 30, most: 1 };
  const make = (plain: number) =>
    Array.from({ length: 40 }, (_, index) => composer.compose({ ...job, plain, index }));
  const whole = [0, 0, 1, 1];
  const untouched = (views: ReturnType<typeof make>) =>
    views.filter(({ complete, image: { data } }) => {
      const colours = new Set(new Uint32Array(data.buffer));
      return `${[...complete!]}` === `${whole}` && colours.size <= 2;
    }).length;
  assert.ok(
    make(1).every(
      ({ complete, boxes }) => `${[...complete!]}` === `${whole}` && boxes.length === 4,
    ),
  );
  // Noise, one view in five, is the photometric change's, which plain views have too.
  assert.ok(untouched(make(1)) > 25, String(untouched(make(1))));
  const [none, some] = [untouched(make(0)), untouched(make(0.5))];
  assert.ok(none < some && some < untouched(make(1)), `${none}, ${some}`);
});

test("labels: ignored faces take priors out, complete parts make the rest background", async () => {
  const size = 64;
  const priors = priorBoxes(size, size, DEFAULT_CONFIG.anchors);
  const image = makeSample(new TestRandom(1), size, 0);
  const at = (...box: number[]) => box.map((value) => value / size);
  const boxes = Float32Array.from([...at(2, 2, 18, 18), ...at(34, 34, 62, 62)]);
  const sample = {
    ...image,
    boxes,
    landmarks: new Float32Array(20).fill(Number.NaN),
    ignored: Uint8Array.of(1, 0),
    complete: Float32Array.of(0, 0, 1, 0.5),
  };
  const labels = uploadLabels(device(), [sample], priors, DEFAULT_CONFIG.variances)!;
  const [counted, background, faces] = await Promise.all([
    labels.counted.data(),
    labels.background.data(),
    labels.faces.data(),
  ]);
  const cover = (p: number, f: number) => {
    const [cx, cy, w, h] = priors.subarray(p * 4, p * 4 + 4);
    const [x1, y1, x2, y2] = boxes.subarray(f * 4, f * 4 + 4);
    const side = (low: number, high: number, c: number, s: number) =>
      Math.max(0, Math.min(high, c + s / 2) - Math.max(low, c - s / 2));
    return (side(x1, x2, cx, w) * side(y1, y2, cy, h)) / (w * h);
  };
  const seen = { counted: 0, background: 0 };
  for (let p = 0; p < priors.length / 4; p++) {
    const out = cover(p, 0) >= 0.5;
    const quiet = !out && cover(p, 0) === 0 && cover(p, 1) === 0 && priors[p * 4 + 1] < 0.5;
    assert.is(counted[p], out ? 0 : 1);
    assert.is(background[p], quiet ? 1 : 0);
    if (faces[p] === 1) assert.ok(cover(p, 1) > 0);
    seen.counted += 1 - Number(counted[p]);
    seen.background += Number(background[p]);
  }
  assert.ok(seen.counted > 0 && seen.background > 0 && faces.some((value) => value === 1));
  const nothing = { ...image, complete: Float32Array.of(0, 0, 1, 1) };
  const empty = uploadLabels(device(), [nothing], priors, DEFAULT_CONFIG.variances)!;
  assert.ok((await empty.background.data()).every((value) => value === 1));
  assert.ok((await empty.faces.data()).every((value) => value === 0));
});

test.run();

/** Figures by face size and at a threshold, and the threshold that calibration chooses. */
import {
  calibrateThreshold,
  type Detections,
  type EvaluatedImage,
  type FaceRecord,
  measureAt,
} from "@retinaface-webgpu/train";
import { OptionError } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";

function image(id: string, faces: number[][], found: number[][], ignored: number[] = []) {
  const record: FaceRecord = {
    id,
    image: id,
    boxes: Float32Array.from(faces.flat()),
    landmarks: new Float32Array(faces.length * 10).fill(Number.NaN),
    labels: faces.map(() => "face"),
    ignored: Uint8Array.from(faces, (_, i) => ignored[i] ?? 0),
  };
  const detections: Detections = {
    boxes: Float64Array.from(found.flatMap((row) => row.slice(0, 4))),
    scores: Float64Array.from(found, (row) => row[4]),
  };
  return { record, detections } satisfies EvaluatedImage;
}

const close = (actual: number | null, expected: number) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

const PHOTOS = [
  // 10 px found; 20 px found; 40 px missed; an ignored one of 50 px found; a false one of 4 px.
  image(
    "a",
    [
      [0, 0, 10, 10],
      [20, 20, 40, 40],
      [100, 100, 140, 140],
      [200, 200, 250, 250],
    ],
    [
      [0, 0, 10, 10, 0.9],
      [20, 20, 40, 39, 0.6],
      [200, 200, 250, 250, 0.8],
      [60, 60, 64, 64, 0.7],
    ],
    [0, 0, 0, 1],
  ),
  image("none", [], [[0, 0, 9, 9, 0.65]]),
  image("none at all", [], []),
  // Without a face to be found, but with an ignored one: no photo without faces.
  image("ignored", [[0, 0, 30, 30]], [[60, 60, 90, 90, 0.3]], [1]),
];

test("faces by size, worked out by hand: smaller and ignored ones neither found nor missed", () => {
  const { bySize, withoutFaces, threshold } = measureAt(PHOTOS, { threshold: 0.65 });
  assert.is(threshold, 0.65);
  assert.equal(
    bySize.map(({ from, faces }) => [from, faces]),
    [
      [8, 3],
      [16, 2],
      [32, 1],
    ],
  );
  // From 8: hit .9, false .7, false .65, hit .6, false .3. Recall 1/3 at precision 1, 2/3 at 2/4.
  close(bySize[0].ap50, 1 / 3 + (1 / 3) * (2 / 4));
  close(bySize[0].found, 1 / 3);
  close(bySize[0].precision, 1 / 3);
  // From 16 the best detection does not count: false .7, false .65, hit .6.
  close(bySize[1].ap50, (1 / 2) * (1 / 3));
  close(bySize[1].found, 0);
  close(bySize[2].ap50, 0);
  close(bySize[2].precision, 0);
  assert.equal(withoutFaces, { photos: 2, falseFaces: 0.5 });
});

test("a size is the square root of the area, the edge itself counts; nothing to find is null", () => {
  const flat = image("flat", [[0, 0, 64, 4]], [[0, 0, 64, 4, 0.9]]);
  const { bySize, withoutFaces } = measureAt([flat], { threshold: 0.95, sizes: [16, 16.01] });
  assert.equal(
    bySize.map(({ faces }) => faces),
    [1, 0],
  );
  close(bySize[0].ap50, 1);
  assert.equal([bySize[0].found, bySize[0].precision, bySize[1].found], [0, null, null]);
  assert.equal(withoutFaces, { photos: 0, falseFaces: null });
});

/** Photos whose faces are found with a random score, and false faces. */
function randomPhotos(random: Random): EvaluatedImage[] {
  return Array.from({ length: 40 }, (_, n) => {
    const count = n % 4 === 0 ? 0 : 3;
    const faces = Array.from({ length: count }, (_, f) => {
      const side = 4 + 40 * random.uniform(0, 1);
      return [f * 100, 0, f * 100 + side, side];
    });
    const right = faces.map((box) => [...box, random.uniform(0.1, 1)]);
    const wrong = Array.from({ length: 2 }, (_, f) => [
      f * 90,
      200,
      f * 90 + 20,
      220,
      random.uniform(0, 0.7),
    ]);
    return image(`${n}`, faces, [...right, ...wrong]);
  });
}

test("calibration: the best F1 within the limit of false faces, by brute force", () => {
  const photos = randomPhotos(new Random(5));
  const side = ({ record }: EvaluatedImage, f: number) =>
    record.boxes[f * 4 + 2] - record.boxes[f * 4];
  const brute = (threshold: number) => {
    let [hits, wrong, faces, empty, onEmpty] = [0, 0, 0, 0, 0];
    for (const photo of photos) {
      const count = photo.record.labels.length;
      const large = [...Array(count).keys()].filter((f) => side(photo, f) >= 16);
      faces += large.length;
      hits += large.filter((f) => photo.detections.scores[f] >= threshold).length;
      const above = [...photo.detections.scores].slice(count).filter((s) => s >= threshold).length;
      wrong += above;
      if (count === 0) empty++;
      if (count === 0) onEmpty += above;
    }
    return {
      f1: (2 * hits) / (hits + wrong + faces),
      falseFaces: onEmpty / empty,
      found: hits / faces,
    };
  };
  const steps = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);
  for (const mostFalse of [0, 0.1, 0.4, 5]) {
    const allowed = steps.filter((t) => brute(t).falseFaces <= mostFalse);
    const expected = allowed.reduce((a, b) => (brute(b).f1 > brute(a).f1 + 1e-12 ? b : a));
    const { best, table } = calibrateThreshold(photos, { mostFalse });
    assert.is(best?.threshold, expected);
    close(best!.f1, brute(expected).f1);
    close(best!.falseFaces, brute(expected).falseFaces);
    close(best!.found, brute(expected).found);
    assert.is(table.length, 99);
  }
  const free = calibrateThreshold(photos, { mostFalse: 5 }).best!.threshold;
  assert.ok(calibrateThreshold(photos, { mostFalse: 0 }).best!.threshold > free);
});

test("calibration: nothing to choose by, or nothing that keeps the limit", () => {
  const only = (scores: number[]) => [
    image("face", [[0, 0, 30, 30]], [[0, 0, 30, 30, 0.4]]),
    image(
      "none",
      [],
      scores.map((score, i) => [i * 50, 0, i * 50 + 20, 20, score]),
    ),
  ];
  assert.is(calibrateThreshold(only([0.995]), { mostFalse: 0.5 }).best, null);
  assert.is(calibrateThreshold(only([0.3]), { mostFalse: 0 }).best?.threshold, 0.31);
  for (const options of [{ minSize: 31 }, { minSize: -1 }, { mostFalse: Number.NaN }]) {
    assert.throws(
      () => calibrateThreshold(only([]), options),
      (e: unknown) => e instanceof OptionError,
    );
  }
  const { best, photosWithoutFaces } = calibrateThreshold(only([]).slice(0, 1));
  assert.equal([best?.threshold, best?.falseFaces, photosWithoutFaces], [0.01, null, 0]);
});

test.run();

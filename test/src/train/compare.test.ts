/** Two detectors on the same photos: the interval against a plain bootstrap, what changed, recall by class. */
import {
  type ComparedImage,
  compareDetections,
  evaluateDetections,
  type FaceRecord,
  seededRandom,
} from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";

function record(id: string, boxes: number[], labels?: string[], ignored?: number[]): FaceRecord {
  const count = boxes.length / 4;
  return {
    id,
    image: id,
    boxes: Float32Array.from(boxes),
    landmarks: new Float32Array(count * 10).fill(Number.NaN),
    labels: labels ?? Array<string>(count).fill("face"),
    ignored: Uint8Array.from(ignored ?? Array<number>(count).fill(0)),
  };
}

const detections = (...found: [score: number, ...box: number[]][]) => ({
  boxes: Float64Array.from(found.flatMap(([, ...box]) => box)),
  scores: Float64Array.from(found, ([score]) => score),
});

/** Photos with up to three faces, each found with some luck; scores repeat, so that ties are met. */
function randomImages(count: number): ComparedImage[] {
  const random = new Random(17);
  const find = (faces: number[][], luck: number) =>
    detections(
      ...faces
        .filter(() => random.uniform() < luck)
        .map((box): [number, ...number[]] => [random.integer(1, 6) / 8, ...box]),
      [random.integer(1, 6) / 8, 300, 300, 320, 320],
    );
  return Array.from({ length: count }, (_, i) => {
    const faces = Array.from({ length: random.integer(0, 4) }, (_, f) => {
      const side = random.integer(10, 40);
      return [f * 60, 0, f * 60 + side, side];
    });
    return { record: record(`${i}`, faces.flat()), a: find(faces, 0.5), b: find(faces, 0.8) };
  });
}

test("the interval is that of sets drawn with replacement and evaluated one by one", () => {
  const images = randomImages(9);
  const options = { resamples: 40, level: 0.9, seed: 5 };
  const found = compareDetections(images, options);
  const random = seededRandom(options.seed);
  const differences: number[] = [];
  for (let n = 0; n < options.resamples; n++) {
    const drawn = images.map(() => images[random.integer(images.length)]);
    const [a, b] = (["a", "b"] as const).map(
      (side) =>
        evaluateDetections(drawn.map((i) => ({ record: i.record, detections: i[side] }))).ap50,
    );
    differences.push(b - a);
  }
  differences.sort((a, b) => a - b);
  const at = (share: number) => {
    const place = share * (differences.length - 1);
    const [low, high] = [Math.floor(place), Math.ceil(place)];
    return differences[low] + (differences[high] - differences[low]) * (place - low);
  };
  const { difference } = found;
  assertClose([difference.low, difference.high], [at(0.05), at(0.95)], { atol: 1e-12 });
  const wins = differences.filter((d) => d > 1e-12).length;
  const ties = differences.filter((d) => Math.abs(d) <= 1e-12).length;
  assertClose([difference.better], [(wins + ties / 2) / 40], { atol: 1e-12 });
  const whole = (["a", "b"] as const).map((side) =>
    evaluateDetections(images.map((i) => ({ record: i.record, detections: i[side] }))),
  );
  assert.is(difference.ap50, whole[1].ap50 - whole[0].ap50);
  assert.is(found.a.ap, whole[0].ap);
  assert.is(found.b.threshold, whole[1].bestF1?.threshold);
});

test("a detector is no better than itself", () => {
  const same = randomImages(6).map((image) => ({ ...image, b: image.a }));
  const { difference, changed } = compareDetections(same, { resamples: 20 });
  assert.equal(
    [difference.ap50, difference.low, difference.high, difference.better],
    [0, 0, 0, 0.5],
  );
  assert.equal(changed, []);
});

test("what changed is told photo by photo, most first", () => {
  const face = [0, 0, 20, 20];
  const other = [100, 0, 130, 30];
  const images: ComparedImage[] = [
    { record: record("same", face), a: detections([0.9, ...face]), b: detections([0.9, ...face]) },
    {
      record: record("gains", [...face, ...other, 200, 0, 220, 20], undefined, [0, 0, 1]),
      a: detections([0.9, 200, 0, 220, 20]),
      b: detections([0.9, ...face], [0.8, ...other]),
    },
    {
      record: record("loses", face),
      a: detections([0.8, ...face]),
      b: detections([0.85, 50, 50, 80, 80]),
    },
  ];
  const result = compareDetections(images, { resamples: 10 });
  assert.equal(result.changed, [
    { id: "gains", gained: 2, lost: 0, falseA: 0, falseB: 0 },
    { id: "loses", gained: 0, lost: 1, falseA: 0, falseB: 1 },
  ]);
  assert.equal([result.gained, result.lost, result.faces], [2, 1, 4]);
  const bad = (options: object) => () => compareDetections(images, options);
  for (const options of [{ resamples: 0 }, { level: 1 }, { resamples: 1.5 }])
    assert.throws(bad(options), (e: { code?: string }) => e.code === "OPTION_INVALID");
  assert.throws(() => compareDetections([]), /needs labelled faces/);
});

test("recall is told by class and within it by size", () => {
  const [small, large, third] = [
    [0, 0, 10, 10],
    [50, 0, 90, 40],
    [120, 0, 140, 20],
  ];
  const labels = ["masked", "masked", "bare", "masked"];
  const boxes = [...small, ...large, ...third, 200, 0, 240, 40];
  const image = {
    record: record("a", boxes, labels, [0, 0, 0, 1]),
    detections: detections([0.9, ...large], [0.8, ...third]),
  };
  const { byClass, bySize } = evaluateDetections([image]);
  assert.equal(
    byClass.map(({ label, faces, found }) => [label, faces, found]),
    [
      ["masked", 2, 1],
      ["bare", 1, 1],
    ],
  );
  const counts = (rows: typeof bySize) => rows.map(({ faces, found }) => [faces, found]);
  assert.equal(counts(byClass[0].bySize).slice(0, 3), [
    [1, 0],
    [0, 0],
    [1, 1],
  ]);
  assert.equal(counts(bySize).slice(0, 3), [
    [1, 0],
    [1, 1],
    [1, 1],
  ]);
});

test.run();

import {
  averagePrecision,
  type Detections,
  elevenPointAp,
  evaluateDetections,
  type FaceRecord,
  packFaces,
  precisionRecall,
  seededRandom,
  voteDetections,
} from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";

function record(id: string, boxes: number[][], ignored: number[] = [], points?: number[]) {
  return {
    id,
    image: id,
    boxes: Float32Array.from(boxes.flat()),
    landmarks: Float32Array.from(boxes.flatMap(() => points ?? Array(10).fill(Number.NaN))),
    labels: boxes.map(() => "face"),
    ignored: Uint8Array.from(boxes, (_, i) => ignored[i] ?? 0),
  } satisfies FaceRecord;
}

const detections = (...rows: number[][]): Detections => ({
  boxes: Float64Array.from(rows.flatMap((row) => row.slice(0, 4))),
  scores: Float64Array.from(rows, (row) => row[4]),
});

const close = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test("average precision worked out by hand", () => {
  // Found, false, found, false, found; four faces: precision 1, 1/2, 2/3, 1/2, 3/5.
  const points = precisionRecall([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1], 4);
  assert.equal(
    points.map(({ recall }) => recall),
    [0.25, 0.25, 0.5, 0.5, 0.75],
  );
  close(averagePrecision(points), 0.25 * 1 + 0.25 * (2 / 3) + 0.25 * (3 / 5));
  // Recalls 0, .1, .2 at precision 1; .3, .4, .5 at 2/3; .6, .7 at 3/5; nothing beyond.
  close(elevenPointAp(points), (3 * 1 + 3 * (2 / 3) + 2 * (3 / 5)) / 11);
  assert.is(averagePrecision([]), 0);
  assert.is(elevenPointAp([]), 0);
});

test("equal scores count together, in any order", () => {
  const points = precisionRecall([0.5, 0.5, 0.9], [1, 0, 1], 2);
  assert.equal(points, [
    { threshold: 0.9, precision: 1, recall: 0.5 },
    { threshold: 0.5, precision: 2 / 3, recall: 1 },
  ]);
  assert.equal(precisionRecall([0.9, 0.5, 0.5], [1, 0, 1], 2), points);
});

test("an evaluation worked out by hand", () => {
  const images = [
    {
      record: record("a", [
        [0, 0, 10, 10],
        [20, 20, 40, 40],
      ]),
      // Exact; again; IoU 0.5 with the second face; nothing.
      detections: detections(
        [0, 0, 10, 10, 0.9],
        [0, 0, 10, 9, 0.8],
        [20, 20, 40, 30, 0.7],
        [60, 60, 70, 70, 0.6],
      ),
    },
    {
      record: record("b", [[0, 0, 100, 100]], [1]),
      detections: detections([0, 0, 100, 90, 0.95]),
    },
    { record: record("c", [[0, 0, 70, 70]]), detections: detections() },
  ];
  const result = evaluateDetections(images, { precisions: [0.6, 0.7, 1], worst: 1 });
  assert.equal([result.images, result.faces, result.ignoredFaces, result.detections], [3, 3, 1, 5]);
  close(result.ap50, (1 / 3) * 1 + (1 / 3) * (2 / 3));
  // Above IoU 0.5 only the first face is found.
  close(result.apByIou[1].ap, 1 / 3);
  // At 0.95 the ignored face is not overlapped enough to excuse its detection.
  close(result.ap, (result.ap50 + 8 / 3 + 1 / 6) / 10);
  assert.equal(result.bestF1, {
    threshold: 0.7,
    precision: 2 / 3,
    recall: 2 / 3,
    f1: 2 / 3,
  });
  assert.equal(
    result.recallAtPrecision.map(({ point }) => [point?.recall, point?.threshold]),
    [
      [2 / 3, 0.7],
      [1 / 3, 0.9],
      [1 / 3, 0.9],
    ],
  );
  assert.equal(
    result.bySize.map(({ faces, found }) => [faces, found]),
    [
      [1, 1],
      [1, 1],
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ],
  );
  assert.equal(result.worst, [{ id: "a", missed: 0, falsePositives: 1 }]);
  assert.is(result.landmarks, null);
});

test("no faces or no detections give zeros, not NaN", () => {
  const empty = evaluateDetections([]);
  assert.is(empty.ap50, 0);
  assert.is(empty.bestF1, null);
  const nothing = evaluateDetections([
    { record: record("a", []), detections: detections([0, 0, 1, 1, 0.5]) },
  ]);
  assert.is(nothing.ap, 0);
  assert.is(nothing.curve[0].recall, 0);
});

/** Average precision from the definition: every threshold judged anew. */
function literalAp(
  images: readonly { record: FaceRecord; detections: Detections }[],
  threshold: number,
): number {
  const all = images.flatMap(({ detections: { scores } }) => [...scores]);
  const cuts = [...new Set(all)].sort((a, b) => b - a);
  const faces = images.reduce((n, { record: r }) => n + r.ignored.filter((v) => !v).length, 0);
  const points = cuts.map((cut) => {
    let hits = 0;
    let counted = 0;
    for (const { record: r, detections: d } of images) {
      const kept = [...d.scores.keys()].filter((i) => d.scores[i] >= cut);
      const claims = kept.map((i) => {
        const [x1, y1, x2, y2] = d.boxes.subarray(i * 4, i * 4 + 4);
        const ious = r.labels.map((_, f) => {
          const [a1, b1, a2, b2] = r.boxes.subarray(f * 4, f * 4 + 4);
          const w = Math.max(0, Math.min(x2, a2) - Math.max(x1, a1));
          const h = Math.max(0, Math.min(y2, b2) - Math.max(y1, b1));
          return (w * h) / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - w * h);
        });
        const best = Math.max(-1, ...ious);
        return best >= threshold ? ious.indexOf(best) : -1;
      });
      const real = claims.filter((f) => f === -1 || !r.ignored[f]);
      counted += real.length;
      hits += new Set(real.filter((f) => f !== -1)).size;
    }
    return { precision: counted === 0 ? 0 : hits / counted, recall: hits / faces };
  });
  let ap = 0;
  for (const [i, { recall }] of points.entries()) {
    const rest = points.slice(i).map(({ precision }) => precision);
    ap += (recall - (points[i - 1]?.recall ?? 0)) * Math.max(...rest);
  }
  return ap;
}

test("random sets equal the definition recomputed", () => {
  const random = seededRandom(21);
  for (let run = 0; run < 5; run++) {
    const images = Array.from({ length: 12 }, (_, i) => {
      const faces = Array.from({ length: random.integer(6) }, () => {
        const [x, y] = [random.integer(80), random.integer(80)];
        return [x, y, x + 5 + random.integer(40), y + 5 + random.integer(40)];
      });
      const jitter = () => random.uniform(-4, 4);
      const found = [...faces, ...faces, [1, 1, 20, 20]].map((box) => [
        ...box.map((v) => v + jitter()),
        Math.round(random.uniform() * 100) / 100,
      ]);
      const ignored = faces.map(() => (random.uniform() < 0.2 ? 1 : 0));
      return { record: record(`${i}`, faces, ignored), detections: detections(...found) };
    });
    const result = evaluateDetections(images);
    for (const { iou, ap } of result.apByIou) close(ap, literalAp(images, iou));
    assert.ok(result.ap50 > 0.1);
  }
});

test("landmark error by eyes and by box; absent landmarks do not count", () => {
  const points = [10, 10, 30, 10, 20, 20, 12, 30, 28, 30];
  const labelled = record("a", [[0, 0, 40, 40]], [], points);
  const moved = points.map((v, i) => (i === 4 ? v + 5 : v));
  const found = { ...detections([0, 0, 40, 40, 1]), landmarks: Float64Array.from(moved) };
  const { landmarks } = evaluateDetections([
    { record: labelled, detections: found },
    { record: record("b", [[0, 0, 40, 40]]), detections: found },
  ]);
  assert.ok(landmarks);
  assert.is(landmarks.faces, 1);
  close(landmarks.byEyes, 5 / 20 / 5);
  close(landmarks.byBox, 5 / 5 / 40);
  close(landmarks.points[2], 5 / 20);
  assert.is(landmarks.failures, 0);
});

test("box voting: the mean weighted by score, for landmarks too", () => {
  const both = {
    ...detections([0, 0, 10, 10, 0.6], [2, 0, 12, 10, 0.9], [50, 50, 60, 60, 0.3]),
    landmarks: Float64Array.from([0, 3, 9].flatMap((v) => Array<number>(10).fill(v))),
  };
  const voted = voteDetections(both, 0.5);
  assert.equal([...voted.scores], [0.9, 0.3]);
  close(voted.boxes[0], (2 * 0.9) / 1.5);
  close(voted.boxes[2], (12 * 0.9 + 10 * 0.6) / 1.5);
  close(voted.landmarks![0], (3 * 0.9) / 1.5);
  assert.is(voted.landmarks![10], 9);
  const apart = voteDetections(both, 0.9);
  assert.equal([...apart.boxes.subarray(0, 4)], [2, 0, 12, 10]);
  assert.is(apart.scores.length, 3);
});

test("faces of the detector become arrays", () => {
  const packed = packFaces([
    {
      box: [1, 2, 3, 4],
      score: 0.5,
      landmarks: {
        leftEye: [1, 2],
        rightEye: [3, 4],
        nose: [5, 6],
        leftMouth: [7, 8],
        rightMouth: [9, 10],
      },
    },
  ]);
  assert.equal([...packed.boxes, ...packed.scores], [1, 2, 3, 4, 0.5]);
  assert.equal([...packed.landmarks!], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("arrays that do not fit are refused", () => {
  const broken = { boxes: new Float64Array(3), scores: new Float64Array(1) };
  assert.throws(
    () => evaluateDetections([{ record: record("a", []), detections: broken }]),
    /detections of a do not fit/,
  );
});

test.run();

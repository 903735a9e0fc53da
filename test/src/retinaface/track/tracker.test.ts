/** Identities over time: who is who, who comes and who leaves. */
import { scoreTracks } from "@retinaface-webgpu/train";
import {
  type Face,
  FaceTracker,
  FaceTrackStream,
  OptionError,
  RetinaFace,
  type TrackedFace,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { LENIENT, noiseImage, tinyWeights } from "../../support/tiny-detector.js";
import { faceAt, walk } from "../../support/track-sequences.js";

const device = useDevice(test);
const FRAME = 1 / 30;

const idsOf = (faces: readonly TrackedFace[]) => faces.map(({ track }) => track);

/** Follows a sequence, looking at every so manieth frame; the visible tracks of each frame. */
function follow(found: readonly (readonly Face[])[], every: number) {
  const tracker = new FaceTracker();
  return found.map((faces, n) => {
    const tracked =
      n % every === 0 ? tracker.update(faces, n * FRAME).faces : tracker.predict(n * FRAME);
    return tracked.map(({ track, box }) => ({ id: track, box }));
  });
}

for (const [every, least] of [
  [1, 0.9],
  [3, 0.9],
] as const) {
  test(`people behind a pillar and one another, every ${every}. frame: IDF1 at least ${least}`, () => {
    const scores = Array.from({ length: 8 }, (_, seed) => {
      const { truth, found } = walk({ people: 6, frames: 240 }, seed + 1);
      return scoreTracks(truth, follow(found, every));
    });
    const mean = scores.reduce((sum, { idf1 }) => sum + idf1, 0) / scores.length;
    assert.ok(mean >= least, `IDF1 ${mean}, ${JSON.stringify(scores[0])}`);
  });
}

test("without association every box is a stranger: the score falls to what it should", () => {
  const { truth } = walk({ people: 4, frames: 50 }, 3);
  let next = 0;
  const strangers = truth.map((faces) => faces.map(({ box }) => ({ id: next++, box })));
  const score = scoreTracks(truth, strangers);
  assert.ok(score.idf1 < 0.05);
  assert.is(score.misses, 0);
  assert.is(score.switches, score.faces - new Set(truth.flat().map(({ id }) => id)).size);
});

test("scores of a made-up case are those counted by hand", () => {
  const a = [0, 0, 10, 10] as const;
  const b = [50, 0, 60, 10] as const;
  const truth = [1, 2, 3, 4].map(() => [
    { id: "a", box: a },
    { id: "b", box: b },
  ]);
  const tracks = [
    [
      { id: 1, box: a },
      { id: 2, box: b },
    ],
    [{ id: 1, box: a }],
    [
      { id: 2, box: a },
      { id: 1, box: b },
    ],
    [
      { id: 2, box: a },
      { id: 1, box: b },
      { id: 3, box: [200, 0, 210, 10] as const },
    ],
  ];
  const { mota, idf1, switches, misses, falseFaces } = scoreTracks(truth, tracks);
  assert.equal({ switches, misses, falseFaces }, { switches: 2, misses: 1, falseFaces: 1 });
  assert.is(mota, 1 - 4 / 8);
  assert.is(idf1, (2 * 4) / (8 + 8));
  assert.throws(
    () => scoreTracks(truth, []),
    (e: unknown) => e instanceof RangeError,
  );
});

test("a face keeps its number through faint frames and behind something, and leaves after a second", () => {
  const tracker = new FaceTracker();
  const at = (n: number, score: number) => [faceAt([100 + 2 * n, 100, 160 + 2 * n, 180], score)];
  assert.equal(idsOf(tracker.update(at(0, 0.9), 0).entered), [1]);
  for (let n = 1; n < 10; n++)
    assert.equal(idsOf(tracker.update(at(n, 0.9), n * FRAME).faces), [1]);
  for (let n = 10; n < 20; n++)
    assert.equal(idsOf(tracker.update(at(n, 0.2), n * FRAME).faces), [1]);
  for (let n = 20; n < 40; n++) assert.equal(tracker.update([], n * FRAME).faces, []);
  const back = tracker.update(at(40, 0.9), 40 * FRAME);
  assert.equal([idsOf(back.faces), back.entered, back.left], [[1], [], []]);
  const left = tracker.update([], 41 * FRAME + 1.01);
  assert.equal(idsOf(left.left), [1]);
  assert.equal(left.faces, []);
});

test("a new face is reported at its second sight, a passing false one never", () => {
  const tracker = new FaceTracker();
  tracker.update([], 0);
  const once = tracker.update([faceAt([10, 10, 50, 60], 0.9)], FRAME);
  assert.equal(once, { faces: [], entered: [], left: [] });
  assert.equal(idsOf(tracker.update([faceAt([11, 10, 51, 60], 0.9)], 2 * FRAME).entered), [1]);
  tracker.update([faceAt([300, 10, 350, 60], 0.9)], 3 * FRAME);
  for (let n = 4; n < 80; n++) assert.is(tracker.update([], n * FRAME).faces.length, 0);
  assert.is(tracker.update([faceAt([300, 10, 350, 60], 0.55)], 81 * FRAME).faces.length, 0);
  assert.is(tracker.update([faceAt([300, 10, 350, 60], 0.55)], 82 * FRAME).faces.length, 0);
});

test("between looks a face goes on as it moved, landmarks with it, and looking twice changes nothing", () => {
  const tracker = new FaceTracker({ smooth: false });
  const at = (n: number) => faceAt([100 + 6 * n, 100 + 3 * n, 160 + 6 * n, 180 + 3 * n], 0.9);
  for (let n = 0; n <= 30; n++) tracker.update([at(n)], n * FRAME);
  const [face] = tracker.predict(33 * FRAME);
  assert.is(face.predicted, true);
  assertClose(face.box, at(33).box, { atol: 1.5 });
  assertClose(face.landmarks.nose, at(33).landmarks.nose, { atol: 1.5 });
  assert.equal(tracker.predict(33 * FRAME), [face]);
  assert.equal(tracker.predict(300 * FRAME), []);
});

test("smoothing steadies a face that rests", () => {
  const tremble = (smooth?: false) => {
    const tracker = new FaceTracker({ smooth });
    let sum = 0;
    let last: number | undefined;
    for (let n = 0; n < 90; n++) {
      const shake = ((n * 7919) % 13) / 6.5 - 1;
      const [face] = tracker.update(
        [faceAt([100 + shake, 100, 160 + shake, 180], 0.9)],
        n * FRAME,
      ).faces;
      if (last !== undefined && n > 20) sum += Math.abs(face.box[0] - last);
      last = face.box[0];
    }
    return sum;
  };
  assert.ok(tremble() < 0.6 * tremble(false), `${tremble()} of ${tremble(false)}`);
});

test("wrong options and times are named", () => {
  const make = (options: object) => () => new FaceTracker(options);
  assert.throws(make({ highThreshold: 2 }), /highThreshold.*got 2/);
  assert.throws(make({ keepSeconds: -1 }), /keepSeconds.*got -1/);
  assert.throws(make({ lowThreshold: 0.7 }), /must not decrease/);
  assert.throws(make({ threshold: 0.7 }), /no option threshold/);
  assert.throws(make({ smooth: true }), /false or \{ minCutoff, beta \}/);
  assert.throws(make({ smooth: { cutoff: 1 } }), /smooth has no cutoff/);
  assert.throws(make({ smooth: { minCutoff: 0 } }), /minCutoff.*above 0, got 0/);
  assert.throws(make({ smooth: { beta: Number.NaN } }), /beta.*got NaN/);
  const tracker = new FaceTracker();
  tracker.update([], 5);
  assert.throws(() => tracker.update([], 4), /not before the last one, 5; got 4/);
  assert.throws(
    () => tracker.predict(Number.NaN),
    (e: unknown) => e instanceof OptionError,
  );
  assert.throws(() => tracker.update([faceAt([0, 0, Number.NaN, 9], 0.9)], 6), /got 0, 0, NaN/);
  tracker.update([faceAt([0, 0, 8, 9], 0.9)], 5);
  assert.equal(tracker.reset(), []);
  tracker.update([faceAt([0, 0, 8, 9], 0.9)], 1);
  assert.equal(idsOf(tracker.reset()), [1]);
});

test("frames of another size begin anew: who was there leaves, who is there comes", async () => {
  const told: string[] = [];
  const detector = {
    detect: async () => [faceAt([4, 4, 24, 28], 0.9)],
  };
  const stream = new FaceTrackStream(detector, {
    onEnter: ({ track }) => told.push(`+${track}`),
    onLeave: ({ track }) => told.push(`-${track}`),
  });
  const sides = [40, 40, 80, 80, 40];
  for (const [n, side] of sides.entries()) await stream.push(noiseImage(side, 32, 1), n * FRAME);
  // Encoded bytes do not tell their size.
  await stream.push(new Uint8Array(8), sides.length * FRAME);
  assert.equal(told, ["+1", "-1", "+2", "-2", "+3"]);
});

test("a detector's stream looks at every third frame, answers the others at once and says who comes", async () => {
  const detector = await RetinaFace.load({
    weights: await tinyWeights(device()),
    device: device(),
  });
  try {
    const frame = noiseImage(64, 48, 1);
    const { visThreshold: _, ...lenient } = LENIENT;
    const entered: number[] = [];
    const options = { ...lenient, lowThreshold: 0, highThreshold: 0, newThreshold: 0, every: 3 };
    const stream = new FaceTrackStream(detector, {
      ...options,
      onEnter: ({ track }) => entered.push(track),
    });
    const counts: number[] = [];
    for (let n = 0; n < 7; n++) {
      assert.is(stream.looks, n % 3 === 0);
      const faces = await stream.push(stream.looks ? frame : undefined, n * FRAME);
      counts.push(faces.length);
      assert.is(
        faces.some(({ predicted }) => predicted === true),
        n % 3 !== 0 && faces.length > 0,
      );
    }
    assert.ok(counts[0] > 0);
    assert.equal(new Set(counts).size, 1);
    assert.equal(
      entered,
      [...entered].sort((a, b) => a - b),
    );
    assert.is(entered.length, counts[0]);
    assert.throws(() => new FaceTrackStream(detector, { every: 0 }), /every.*got 0/);
    const reason = new Error("enough");
    const aborted = new FaceTrackStream(detector, { signal: AbortSignal.abort(reason) });
    assert.is(await aborted.push(frame).catch((error) => error), reason);
  } finally {
    detector.dispose();
  }
});

test.run();

/** Post-processing on the GPU against the CPU's, face for face, in order, to the last bit. */
import {
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type Face,
  FaceFinder,
  type Frame,
  NumericError,
  priorBoxes,
  type Thresholds,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import {
  cpuFaces,
  type HeadLayout,
  type HeadSetting,
  headLevels,
  quietHeads,
  type RawHeads,
} from "../support/heads.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

function setting(height: number, width: number, anchors = DEFAULT_CONFIG.anchors): HeadSetting {
  return { height, width, anchors, variances: DEFAULT_CONFIG.variances };
}

function unscaled({ height, width }: HeadSetting): Frame {
  return { width, height, scaleX: 1, scaleY: 1 };
}

/** Makes `count` priors candidates, with margins that `margin` gives. */
function withCandidates(
  heads: RawHeads,
  count: number,
  margin: (random: Random) => number,
  seed = 1,
): RawHeads {
  const random = new Random(seed);
  const priors = random.shuffled(Array.from({ length: heads.conf.length / 2 }, (_, i) => i));
  for (const i of priors.slice(0, count)) {
    const background = random.normal();
    heads.conf.set([background, background + margin(random)], i * 2);
    heads.loc.set(random.normals(4), i * 4);
    heads.landms.set(random.normals(10), i * 10);
  }
  return heads;
}

async function gpuFaces(
  batch: readonly RawHeads[],
  set: HeadSetting,
  frames: readonly Frame[],
  thresholds: readonly Thresholds[],
  layout: HeadLayout = "merged",
): Promise<Face[][][]> {
  const { levels, tensors } = headLevels(device(), batch, set, layout);
  const finder = await FaceFinder.create(device(), {
    batch: batch.length,
    levels,
    priors: priorBoxes(set.height, set.width, set.anchors),
    variances: set.variances,
  });
  const found: Face[][][] = [];
  try {
    for (const t of thresholds) {
      finder.configure(t, frames);
      finder.record();
      found.push(await finder.read(frames));
    }
  } finally {
    for (const owner of [finder, ...tensors]) owner.dispose();
  }
  return found;
}

function assertSame(actual: readonly Face[], expected: readonly Face[], what: string): void {
  assert.is(actual.length, expected.length, `${what}: number of faces`);
  for (const [i, face] of actual.entries()) assert.equal(face, expected[i], `${what}: face ${i}`);
}

/** Compares one image under several thresholds; returns how many faces there were. */
async function compare(
  heads: RawHeads,
  set: HeadSetting,
  thresholds: readonly Partial<Thresholds>[],
  layout: HeadLayout = "merged",
): Promise<number[]> {
  const frame = unscaled(set);
  const all = thresholds.map((t) => ({ ...DEFAULT_THRESHOLDS, visThreshold: 0, ...t }));
  const found = await gpuFaces([heads], set, [frame], all, layout);
  return all.map((t, n) => {
    assertSame(found[n][0], cpuFaces(heads, set, frame, t), JSON.stringify(thresholds[n]));
    return found[n][0].length;
  });
}

const spread = (random: Random) => random.uniform(-3.5, 9);
/** Multiples of 1/4 and much that saturates: many ties. */
const tied = (random: Random) => Math.round(random.uniform(-3.5, 20) * 4) / 4;

test("no candidate, one, and one of each level", async () => {
  const set = setting(96, 128);
  assert.equal(await compare(quietHeads(set), set, [{}]), [0]);
  const levels = [12 * 16 * 2, 6 * 8 * 2, 3 * 4 * 2];
  const last = levels.reduce((a, b) => a + b) - 1;
  for (const i of [0, 1, levels[0] - 1, levels[0], levels[0] + levels[1], last]) {
    const heads = quietHeads(set);
    heads.conf.set([-1, 1.5], i * 2);
    heads.loc.set([0.5, -0.25, 0.3, -2], i * 4);
    heads.landms.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], i * 10);
    assert.equal(await compare(heads, set, [{}, { visThreshold: 0.95 }]), [1, 0]);
  }
});

test("5,000 candidates, with and without ties, under many thresholds", async () => {
  const set = setting(640, 640);
  const thresholds: Partial<Thresholds>[] = [
    {},
    { visThreshold: 0.6 },
    { confidenceThreshold: 0.5, nmsThreshold: 0.2 },
    { nmsThreshold: 0 },
    { nmsThreshold: 1, keepTopK: 5000 },
    { keepTopK: 1 },
    { keepTopK: 127, nmsThreshold: 0.7 },
    { keepTopK: 129, topK: 200 },
    { topK: 1 },
    { topK: 1000, keepTopK: 1e9 },
    { topK: 1e12, keepTopK: 1e12 },
    { confidenceThreshold: 1 },
    { confidenceThreshold: 0, visThreshold: 1 },
  ];
  for (const margin of [spread, tied]) {
    const heads = withCandidates(quietHeads(set), 5000, margin);
    const counts = await compare(heads, set, thresholds, "separate");
    assert.equal(counts.slice(4, 6), [5000, 1]);
    assert.equal(counts.slice(11), [0, margin === tied ? counts[12] : 0]);
  }
});

test("100,000 candidates: the best 5,000 of them, and all of them", async () => {
  const set = setting(1600, 1600);
  const margins = (random: Random) => 1 + Math.abs(random.normal(0, 3));
  const heads = withCandidates(quietHeads(set), 100_000, margins);
  const [best, all] = await compare(heads, set, [{}, { topK: 100_000 }]);
  assert.ok(best > 700 && all >= best);
  const equal = withCandidates(quietHeads(set), 100_000, () => 4);
  await compare(equal, set, [{}]);
});

test("equal boxes, equal scores: the lower prior wins", async () => {
  const set = setting(64, 64);
  const heads = quietHeads(set);
  for (let i = 0; i < heads.conf.length / 2; i++) heads.conf.set([0, 3], i * 2);
  const counts = await compare(heads, set, [{}, { nmsThreshold: 1 }, { topK: 3 }]);
  assert.ok(counts[0] < counts[1]);
  assert.equal(counts.slice(1), [heads.conf.length / 2, 3]);
});

test("an IoU equal to the threshold is kept", async () => {
  // Priors of 16 at distance 8 overlap by 9 × 17 of 25 × 17 pixels; at distance 16 by 1 × 17 of 33 × 17.
  const set = setting(8, 64);
  const heads = quietHeads(set);
  for (const column of [0, 1, 2, 4]) heads.conf.set([0, 3 - column / 8], column * 4);
  const thresholds = [9 / 25, 0.359, 1 / 33, 0.0303, 0].map((nmsThreshold) => ({ nmsThreshold }));
  assert.equal(await compare(heads, set, thresholds), [4, 3, 3, 2, 2]);
});

test("the order is by margin where probabilities round alike", async () => {
  const set = setting(32, 320);
  const heads = quietHeads(set);
  for (const column of [0, 4, 8, 12, 16]) heads.conf.set([0, 30 + column], column * 4);
  const [[faces]] = await gpuFaces([heads], set, [unscaled(set)], [DEFAULT_THRESHOLDS]);
  assert.equal(
    faces.map(({ score }) => score),
    [1, 1, 1, 1, 1],
  );
  const lefts = faces.map(({ box }) => box[0]);
  assert.equal(
    lefts,
    [...lefts].sort((a, b) => b - a),
  );
  await compare(heads, set, [{}]);
});

test("batches, each image in its own frame, with other anchors", async () => {
  const anchors = { minSizes: [[10, 20, 40], [80]], steps: [8, 32], ratios: [1, 0.5], clip: true };
  const set = { ...setting(100, 164, anchors), variances: [0.2, 0.1] as const };
  const batch = [
    withCandidates(quietHeads(set), 900, spread, 1),
    quietHeads(set),
    withCandidates(quietHeads(set), 50, tied, 2),
  ];
  const { width, height } = set;
  const frames = [
    { width, height, scaleX: 0.25, scaleY: 0.5 },
    { width, height, scaleX: 1, scaleY: 1 },
    { width, height, scaleX: width / 1001, scaleY: height / 663 },
  ];
  for (const layout of ["merged", "separate"] as const) {
    const thresholds = [{ ...DEFAULT_THRESHOLDS, visThreshold: 0.1 }, DEFAULT_THRESHOLDS];
    const found = await gpuFaces(batch, set, frames, thresholds, layout);
    for (const [n, t] of thresholds.entries()) {
      for (const [i, heads] of batch.entries()) {
        assertSame(found[n][i], cpuFaces(heads, set, frames[i], t), `image ${i}`);
      }
    }
    assert.ok(found[0][0].length > 100 && found[0][1].length === 0);
  }
});

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error) => error,
  );
}

test("numbers that are NaN or infinite are errors, on the GPU and on the CPU", async () => {
  const set = setting(64, 64);
  const spoil = async (change: (heads: RawHeads) => void): Promise<unknown> => {
    const heads = quietHeads(set);
    heads.conf.set([0, 3], 40);
    change(heads);
    const thresholds = [{ ...DEFAULT_THRESHOLDS, visThreshold: 0 }];
    return failure(
      gpuFaces([quietHeads(set), heads], set, [unscaled(set), unscaled(set)], thresholds),
    );
  };
  const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
  const spoiled: Record<string, (heads: RawHeads) => void> = {
    "a NaN logit": ({ conf }) => conf.set([nan], 3),
    "a negative NaN": ({ conf }) => {
      new Uint32Array(conf.buffer)[7] = 0xffc00001;
    },
    "equal infinities": ({ conf }) => conf.set([infinite, infinite], 10),
    "a face logit that overflowed": ({ conf }) => conf.set([infinite], 11),
    "a face logit below all": ({ conf }) => conf.set([-infinite], 11),
    "a background logit that overflowed": ({ conf }) => conf.set([infinite], 10),
    "a NaN offset": ({ loc }) => loc.set([nan], 81),
    "an infinite size": ({ loc }) => loc.set([infinite], 82),
    "a NaN landmark": ({ landms }) => landms.set([nan], 205),
  };
  for (const [what, change] of Object.entries(spoiled)) {
    const error = await spoil(change);
    assert.instance(error, NumericError, what);
    assert.is((error as NumericError).code, "NOT_FINITE");
    const heads = quietHeads(set);
    heads.conf.set([0, 3], 40);
    change(heads);
    assert.throws(
      () => cpuFaces(heads, set, unscaled(set), { ...DEFAULT_THRESHOLDS, visThreshold: 0 }),
      (e: Error) => e instanceof NumericError,
      what,
    );
  }
});

test("offsets of faces that are not asked for may be anything", async () => {
  const set = setting(64, 64);
  const heads = quietHeads(set);
  heads.conf.set([0, 3], 40);
  heads.loc.fill(Number.NaN, 0, 80);
  assert.equal(await compare(heads, set, [{}]), [1]);
});

test("a steady run allocates nothing, and thresholds may change between runs", async () => {
  const set = setting(320, 320);
  const heads = withCandidates(quietHeads(set), 800, spread);
  const { levels, tensors } = headLevels(device(), [heads], set, "merged");
  const priors = priorBoxes(set.height, set.width, set.anchors);
  const { variances } = set;
  const finder = await FaceFinder.create(device(), { batch: 1, levels, priors, variances });
  const frames = [unscaled(set)];
  const run = (thresholds: Thresholds) => {
    finder.configure(thresholds, frames);
    finder.record();
    return finder.read(frames);
  };
  const strict = { ...DEFAULT_THRESHOLDS, visThreshold: 0.99 };
  await run(DEFAULT_THRESHOLDS);
  const before = device().memory();
  for (let n = 0; n < 20; n++) {
    const thresholds = n % 2 ? strict : DEFAULT_THRESHOLDS;
    assertSame((await run(thresholds))[0], cpuFaces(heads, set, frames[0], thresholds), `run ${n}`);
  }
  const after = device().memory();
  assert.is(after.liveBytes, before.liveBytes);
  assert.is(after.submits - before.submits, 20);
  assert.is(
    after.dispatches - before.dispatches,
    60,
    "candidates of all levels, sort, suppression",
  );
  for (const owner of [finder, ...tensors]) owner.dispose();
});

test.run();

import { createHash } from "node:crypto";
import {
  buildPyramid,
  Composer,
  type PhotoSet,
  type Recipe,
  type Sample,
} from "@retinaface-webgpu/train";
import { createViewMaker, type ViewMaker, viewBatches } from "@retinaface-webgpu/train/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";

const sharedBytes = (length: number) => new Uint8Array(new SharedArrayBuffer(length));

/** Noisy photos with a face each, in shared memory. */
function photoSet(name: string, paste: number): PhotoSet {
  const random = new Random(name.length);
  const photos = [0, 1, 2].map((i) => {
    const [width, height] = [90 + i * 30, 120];
    const data = sharedBytes(width * height * 3);
    for (let at = 0; at < data.length; at++) data[at] = random.integer(0, 256);
    const landmarks = [40, 40, 60, 40, Number.NaN, Number.NaN, 42, 60, 58, 60];
    const face = { box: [30, 25, 70, 75] as const, landmarks, labelled: true };
    const pyramid = buildPyramid({ data, width, height }, sharedBytes);
    return { id: `${i}`, pyramid, faces: [face] };
  });
  return { name, photos, share: 1, paste, from: 0 };
}

const sets = [photoSet("plain", 0), photoSet("pasted", 1)];
const job = { seed: 3, step: 0, index: 1, size: 64, cover: 0.5 };

const recipe = {
  seed: 3,
  steps: 6,
  stages: [
    { from: 0, cover: 0.5, batches: [{ size: 64, count: 5, share: 1 }] },
    { from: 3, shares: { plain: 2 }, batches: [{ size: 96, count: 2, share: 1, least: 30 }] },
  ],
} as unknown as Recipe;

function describe({ id, image, boxes, landmarks, ignored }: Sample): string {
  const hash = createHash("sha256").update(image.data);
  for (const { buffer } of [boxes, landmarks, ignored]) hash.update(new Uint8Array(buffer));
  return `${id} ${image.width}x${image.height} ${hash.digest("hex")}`;
}

async function allBatches(from: number, workers: number): Promise<string[][]> {
  const maker = createViewMaker(sets, workers);
  const batches: string[][] = [];
  for await (const views of viewBatches(recipe, from, maker)) batches.push(views.map(describe));
  await maker.close();
  return batches;
}

test("views are those of the composer, in order, however many threads make them", async () => {
  const expected = await allBatches(0, 0);
  assert.equal(
    expected.flat().map((view) => view.split(" ")[0]),
    [0, 1, 2, 3, 4, 5].flatMap((step) =>
      Array.from({ length: step < 3 ? 5 : 2 }, (_, i) => `${step}-${i + 1}`),
    ),
  );
  assert.is(expected[0][0], describe(new Composer(sets).compose(job)));
  for (const workers of [1, 3]) {
    assert.equal(await allBatches(0, workers), expected);
    assert.equal(await allBatches(4, workers), expected.slice(4));
  }
});

test("threads see the photos themselves", async () => {
  const own = [photoSet("plain", 0)];
  const maker = createViewMaker(own, 1);
  const before = await maker.make(job);
  for (const { pyramid } of own[0].photos) for (const { data } of pyramid) data.fill(90);
  const after = await maker.make(job);
  assert.not.equal(after.image.data, before.image.data);
  assert.is(describe(after), describe(new Composer(own).compose(job)));
  await maker.close();
});

test("two steps are made ahead, while another is used", async () => {
  const asked: number[] = [];
  const composer = new Composer(sets);
  const maker: ViewMaker = {
    close: async () => {},
    make: async (wanted) => {
      asked.push(wanted.step);
      return composer.compose(wanted);
    },
  };
  const batches = viewBatches(recipe, 0, maker);
  for (const ahead of [2, 3, 4, 5, 5, 5]) {
    await batches.next();
    assert.is(Math.max(...asked), ahead);
  }
  assert.ok((await batches.next()).done);
});

const outcome = (making: Promise<unknown>) =>
  making.then(
    () => "made",
    (error: Error) => error.message,
  );

test("a view that cannot be made is the error of those that wait, and of later ones", async () => {
  const maker = createViewMaker(sets, 1);
  const bad = outcome(maker.make({ ...job, seed: 0.5 }));
  const waiting = outcome(maker.make(job));
  const message = await bad;
  assert.match(message, /A thread that makes views is gone: .*must be an integer, not 0\.5/);
  assert.is(await waiting, message);
  assert.is(await outcome(maker.make(job)), message);
  await maker.close();
});

test("a closed maker refuses", async () => {
  const maker = createViewMaker(sets, 2);
  const pending = outcome(maker.make({ ...job, size: 512 }));
  await maker.close();
  assert.match(await pending, /pool was closed/);
  assert.match(await outcome(maker.make(job)), /pool was closed/);
});

test.run();

import { createHash } from "node:crypto";
import { faceTemplate, landmarksOf } from "@retinaface-webgpu/mesh";
import { Random as SeededRandom } from "@retinaface-webgpu/tensor";
import {
  buildPyramid,
  Composer,
  drawTurn,
  fitHead,
  matteAt,
  type PhotoFace,
  type PhotoSet,
  portraitsOf,
  type Recipe,
  type RgbImage,
  type Sample,
  turnPortrait,
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

/** The same photos with their faces twice as large, half of them turned. */
function turnedSet(name: string, paste: number): PhotoSet {
  const { photos, ...set } = photoSet(name, paste);
  const larger = photos.map(({ id, faces, pyramid: [{ width, height }] }) => {
    const data = sharedBytes(width * height * 12).map((_, i) => (i * 37) % 251);
    const pyramid = buildPyramid({ data, width: width * 2, height: height * 2 }, sharedBytes);
    const double = ({ box: [x1, y1, x2, y2], landmarks, labelled }: (typeof faces)[number]) => ({
      box: [x1 * 2, y1 * 2, x2 * 2, y2 * 2] as const,
      landmarks: landmarks!.map((value) => value * 2),
      labelled,
    });
    return { id, pyramid, faces: faces.map(double) };
  });
  return { ...set, photos: larger, turn: { share: 0.5, yaw: 75, pitch: 40 } };
}

const sets = [photoSet("plain", 0), photoSet("pasted", 1), turnedSet("turned", 0.5)];
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
  assert.equal(await allBatches(0, 3), expected);
  assert.equal(await allBatches(4, 1), expected.slice(4));
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

const SCALE = 7;
const MIDDLE = [80, 90] as const;
const TEMPLATE = landmarksOf(faceTemplate().levels[0].positions);
/** The template's landmarks in a portrait, seen from the front. */
const FRONTAL = TEMPLATE.flatMap(([x, y]) => [MIDDLE[0] + SCALE * x, MIDDLE[1] - SCALE * y]);

/** A picture that tells where each of its pixels was, or with a disc of white at a point. */
function portrait(disc?: readonly [number, number]): RgbImage {
  const [width, height] = [160, 190];
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    if (disc) data[i] = Math.hypot(x - disc[0], y - disc[1]) < 6 ? 255 : 0;
    else data[i] = [x, y, 255 - x][i % 3];
  }
  return { data, width, height };
}

test("a head that is not turned is the portrait, with the landmarks that it was fitted to", () => {
  const moved = FRONTAL.map((value, i) => value + [2, -1, -2, 1, 1, 2, -1, 2, 1, -2][i]);
  const image = portrait();
  const { pyramid, landmarks } = turnPortrait([image], fitHead(moved)!, { yaw: 0, pitch: 0 }, 1);
  for (const [i, value] of landmarks.entries()) assert.ok(Math.abs(value - moved[i]) < 1e-6);
  const { data } = pyramid[0];
  const changes = image.data.map((value, i) => Math.abs(value - data[i]));
  const most = changes.reduce((a, b) => Math.max(a, b));
  assert.ok(most <= 6, `changed by up to ${most}`);
  assert.ok(changes.filter((value) => value > 1).length < changes.length / 100);
  const noseless = moved.map((value, i) => (i === 4 || i === 5 ? Number.NaN : value));
  const { landmarks: all } = turnPortrait([image], fitHead(noseless)!, { yaw: 0, pitch: 0 }, 1);
  assert.ok(Math.hypot(all[4] - moved[4], all[5] - moved[5]) < 0.15 * (moved[2] - moved[0]));
});

test("a turned head: its landmarks by the rotation's matrix, and what was painted on them there", () => {
  const degrees = Math.PI / 180;
  for (const [yaw, pitch, seen] of [
    [50 * degrees, 0, [0, 2, 3]],
    [-50 * degrees, 20 * degrees, [1, 2, 4]],
    [0, -25 * degrees, [0, 1, 2, 3, 4]],
  ] as const) {
    const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
    // Ry(yaw) Rx(pitch), about the neck, (0, -6, -9).
    const wanted = TEMPLATE.map(([x, y, z]) => [
      cy * x + sy * (sp * (y + 6) + cp * (z + 9)),
      cp * (y + 6) - sp * (z + 9) - 6,
    ]).flatMap(([x, y]) => [MIDDLE[0] + SCALE * x, MIDDLE[1] - SCALE * y]);
    const fit = fitHead(FRONTAL)!;
    for (const i of seen) {
      const disc = portrait([FRONTAL[2 * i], FRONTAL[2 * i + 1]]);
      const { pyramid, landmarks, box, matte } = turnPortrait([disc], fit, { yaw, pitch }, 1);
      for (const [k, value] of landmarks.entries()) assert.ok(Math.abs(value - wanted[k]) < 1e-3);
      const [x, y] = wanted.slice(2 * i, 2 * i + 2);
      assert.ok(box[0] < x && x < box[2] && box[1] < y && y < box[3]);
      assert.ok(matteAt(matte, x, y) > 0.7);
      const { data, width } = pyramid[0];
      const at = Array.from(data.keys()).filter((p) => p % 3 === 0 && data[p] > 127);
      assert.ok(at.length > 20, `landmark ${i} is hidden`);
      const mean = (of: (p: number) => number) =>
        at.reduce((sum, p) => sum + of(p / 3), 0) / at.length;
      const off = Math.hypot(mean((p) => p % width) - x, mean((p) => Math.floor(p / width)) - y);
      assert.ok(off < 4, `landmark ${i} is ${off} pixels off`);
    }
  }
});

test("who looks aside, is small or not alone is not turned; a matte ends beside the head", () => {
  const aside = FRONTAL.map((value, i) => (i === 4 ? value + 1.2 * SCALE : value));
  assert.is(fitHead(aside), undefined);
  assert.is(fitHead(FRONTAL.map(() => Number.NaN)), undefined);
  const pyramid = [portrait()];
  const face: PhotoFace = { box: [30, 30, 130, 160], landmarks: FRONTAL, labelled: true };
  const other: PhotoFace = { ...face, box: [0, 0, 20, 20] };
  const small: PhotoFace = { ...face, box: [60, 60, 110, 120] };
  const found = (faces: PhotoFace[], turn = true) =>
    portraitsOf({
      ...photoSet("one", 0),
      photos: [{ id: "1", pyramid, faces }],
      turn: turn ? { share: 1, yaw: 75, pitch: 40 } : undefined,
    }).size;
  assert.is(found([face]), 1);
  assert.equal([found([face], false), found([face, other]), found([small])], [0, 0, 0]);
  const again: PhotoFace = { ...face, box: [40, 40, 120, 120], ignored: true };
  assert.is(found([face, again]), 1);
  const { matte } = turnPortrait(pyramid, fitHead(FRONTAL)!, { yaw: 1, pitch: 0 }, 1);
  const shares = [2, 80].map((x) => matteAt(matte, x, 90));
  assert.ok(shares[0] === 0 && shares[1] === 1, shares.join());
});

test("angles are drawn from an ellipse", () => {
  const random = new SeededRandom(3);
  const turns = Array.from({ length: 300 }, () =>
    drawTurn(random, { share: 1, yaw: 75, pitch: 40 }),
  );
  const reach = turns.map(({ yaw, pitch }) => Math.hypot(yaw / 75, pitch / 40) / (Math.PI / 180));
  assert.ok(Math.max(...reach) <= 1 + 1e-9 && Math.max(...reach) > 0.97);
  const inner = reach.filter((value) => value < Math.SQRT1_2).length / 300;
  assert.ok(Math.abs(inner - 0.5) < 0.1, String(inner));
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

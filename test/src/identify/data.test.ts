/** Division of pictures, balanced batches, augmentation, drawn masks. */

import {
  alignedLandmarks,
  augmentFace,
  BalancedSampler,
  drawnMask,
  enrolMeans,
  FACE_AUGMENT,
  groupOf,
  type IdentityImage,
  identify,
  MASK_SHAPES,
  parsePattern,
  parseQueryRule,
  someOfEach,
  splitIdentities,
  wearMask,
} from "@retinaface-webgpu/identify";
import { Random as Seeded } from "@retinaface-webgpu/tensor";
import type { Point, RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { throwsCode } from "../support/throws.js";

const DAYS = ["2025.04.9_1", "2025.04.9_2", "2025.04.10_1", "2025.04.16_1", "extra"];

/** Five identities with pictures of three days and one of none. */
const pictures: IdentityImage[] = ["a", "b", "c", "d", "e"].flatMap((identity) =>
  DAYS.map((name) => ({ file: `${identity}/${name}.png`, identity, name: `${name}.png` })),
);

const names = (images: readonly IdentityImage[], identity: string) =>
  images.filter((image) => image.identity === identity).map(({ name }) => name.slice(0, -4));

test("by day: an identity's last days are asked about, numbers in their order, others left out", () => {
  const group = parsePattern("^2025\\.(\\d\\d)\\.(\\d+)_");
  assert.is(groupOf("2025.04.10_1.png", group), "0410");
  assert.is(groupOf("extra.png", group), undefined);
  const split = splitIdentities(pictures, {
    holdOut: 2,
    group,
    query: parseQueryRule("last:2"),
    seed: 1,
  });
  const kept = new Set(split.unseen.gallery.map(({ identity }) => identity));
  assert.is(kept.size, 2);
  assert.is(split.leftOut.length, 5);
  for (const identity of ["a", "b", "c", "d", "e"]) {
    const roles = kept.has(identity) ? split.unseen : split.seen;
    assert.equal(names(roles.gallery, identity), ["2025.04.9_1", "2025.04.9_2"]);
    assert.equal(names(roles.query, identity), ["2025.04.10_1", "2025.04.16_1"]);
    const other = kept.has(identity) ? split.seen : split.unseen;
    assert.is(names([...other.gallery, ...other.query], identity).length, 0);
  }
});

test("from a day on, by a pattern of identities, or a share of each one's pictures", () => {
  const group = parsePattern("^2025\\.(\\d\\d)\\.(\\d+)_");
  const from = splitIdentities(pictures, {
    holdOut: parsePattern("[ce]"),
    group,
    query: parseQueryRule("from:416"),
    seed: 1,
  });
  assert.equal(names(from.seen.query, "a"), ["2025.04.16_1"]);
  assert.equal(names(from.unseen.query, "c"), ["2025.04.16_1"]);
  assert.is(names(from.seen.gallery, "c").length, 0);
  const query = parseQueryRule("share:0.4");
  const share = splitIdentities(pictures, { holdOut: 0, query, seed: 3 });
  const again = splitIdentities(pictures, { holdOut: 0, query, seed: 3 });
  assert.equal(share, again);
  for (const identity of ["a", "b", "c", "d", "e"]) {
    assert.is(names(share.seen.query, identity).length, 2);
    assert.is(names(share.seen.gallery, identity).length, 3);
  }
});

test("some pictures of each identity are spread over all of its own", () => {
  const some = someOfEach(pictures, 2);
  assert.is(some.length, 2 * new Set(pictures.map(({ identity }) => identity)).size);
  const half = Math.floor(DAYS.length / 2);
  assert.equal(names(some, "c"), [DAYS[0], DAYS[half]]);
  assert.equal(someOfEach(pictures, DAYS.length), pictures);
});

test("rules and patterns that are none, and divisions that leave nothing, are refused", () => {
  for (const text of ["last:0", "last:x", "share:1", "share:0", "day", "from:"]) {
    throwsCode(() => parseQueryRule(text), "OPTION_INVALID", /share:X/);
  }
  throwsCode(() => parsePattern("("), "OPTION_INVALID", /pattern/);
  const query = parseQueryRule("last:1");
  throwsCode(
    () => splitIdentities(pictures, { holdOut: 0, query, seed: 1 }),
    "OPTION_INVALID",
    /groups/,
  );
  const all = { holdOut: 5, query: parseQueryRule("share:0.5"), seed: 1 };
  throwsCode(() => splitIdentities(pictures, all), "DATA", /fewer/);
  throwsCode(() => splitIdentities(pictures, { ...all, holdOut: 4 }), "DATA", /two identities/);
});

test("batches are balanced: all identities come, none twice in a batch, pictures repeat only where few", () => {
  const labels = [...new Array(9).fill(0), ...new Array(2).fill(1), 2, 2, 2, 3, 3, 3, 3];
  const sampler = new BalancedSampler(labels, 2, 3, 5);
  const seen = new Map<number, number>();
  const usedOfFirst = new Set<number>();
  for (let step = 0; step < 40; step++) {
    const batch = sampler.batch(step);
    assert.is(batch.length, 6);
    const identities = [...new Set(batch.map(({ label }) => label))];
    assert.is(identities.length, 2);
    for (const label of identities) seen.set(label, (seen.get(label) ?? 0) + 1);
    for (const label of identities) {
      const own = batch.filter((pick) => pick.label === label).map(({ image }) => image);
      assert.ok(own.every((image) => labels[image] === label));
      assert.is(new Set(own).size, label === 1 ? 2 : 3);
      if (label === 0) for (const image of own) usedOfFirst.add(image);
    }
  }
  assert.equal([...seen].sort(), [
    [0, 20],
    [1, 20],
    [2, 20],
    [3, 20],
  ]);
  assert.is(usedOfFirst.size, 9);
  assert.equal(new BalancedSampler(labels, 2, 3, 5).batch(17), sampler.batch(17));
  assert.not.equal(new BalancedSampler(labels, 2, 3, 6).batch(17), sampler.batch(17));
  throwsCode(() => new BalancedSampler(labels, 5, 1, 1), "DATA", /there are 4/);
});

/** A picture of two colours, left and right. */
function halves(size: number): RawImage {
  const data = new Uint8ClampedArray(size * size * 4);
  for (let i = 0; i < size * size; i++) {
    data.set(i % size < size / 2 ? [200, 40, 40, 255] : [40, 40, 200, 255], i * 4);
  }
  return { data, width: size, height: size };
}

const STILL = { mirror: 0, turn: 0, zoom: 0, shift: 0, colours: 0, erase: 0, mask: 0 };

test("augmentation: nothing where nothing is asked for, a mirror, the same from the same seed", () => {
  const image = halves(16);
  assert.equal(augmentFace(image, STILL, new Seeded(1)).data, image.data);
  const mirrored = augmentFace(image, { ...STILL, mirror: 1 }, new Seeded(1));
  assert.equal([...mirrored.data.subarray(0, 3)], [40, 40, 200]);
  const all = { ...FACE_AUGMENT, mask: 1 };
  const view = augmentFace(image, all, new Seeded(7));
  assert.equal(view, augmentFace(image, all, new Seeded(7)));
  assert.not.equal(view.data, augmentFace(image, all, new Seeded(8)).data);
  assert.equal(image, halves(16), "the picture itself stays");
});

test("a turn moves pixels about the middle, a shift all of them", () => {
  const image = halves(64);
  const turned = augmentFace(image, { ...STILL, turn: 20 }, new Seeded(3));
  const redOf = (view: RawImage, x: number, y: number) => view.data[(y * 64 + x) * 4];
  const edgeIn = (view: RawImage, y: number) =>
    Array.from({ length: 64 }, (_, x) => redOf(view, x, y)).filter((red) => red > 120).length;
  const slant = edgeIn(turned, 4) - edgeIn(turned, 59);
  assert.ok(Math.abs(slant) > 3 && Math.abs(slant) < 22, `${slant}`);
  assert.ok(Math.abs(edgeIn(turned, 31) - 32) <= 1);
  const shifted = augmentFace(image, { ...STILL, shift: 0.2 }, new Seeded(5));
  assert.is(edgeIn(shifted, 4), edgeIn(shifted, 59));
  assert.is.not(edgeIn(shifted, 4), 32);
});

test("masks of all shapes cover mouth and nose tip, and leave eyes and forehead, wherever the face is", () => {
  const size = 96;
  const grey: RawImage = {
    data: new Uint8ClampedArray(size * size * 4).fill(90),
    width: size,
    height: size,
  };
  const turn = (points: readonly Point[], angle: number, scale: number): Point[] =>
    points.map(([x, y]) => {
      const [dx, dy] = [x - size / 2, y - size / 2];
      const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
      return [size / 2 + cos * dx - sin * dy, size / 2 + sin * dx + cos * dy];
    });
  const shapes = new Set<string>();
  for (let seed = 1; seed <= 40; seed++) {
    const drawn = {
      ...drawnMask(new Seeded(seed)),
      texture: "plain",
      colour: [250, 250, 250],
    } as const;
    shapes.add(drawn.shape);
    const landmarks = turn(alignedLandmarks(size), seed / 7, 0.6 + (seed % 5) / 12);
    const worn = wearMask(grey, drawn, landmarks);
    const isCovered = ([x, y]: Point) => {
      const at = (Math.round(y) * size + Math.round(x)) * 4;
      return worn.data[at] !== 90;
    };
    const [left, right, nose, leftMouth, rightMouth] = landmarks;
    const between = (a: Point, b: Point, t: number): Point => [
      a[0] + t * (b[0] - a[0]),
      a[1] + t * (b[1] - a[1]),
    ];
    const what = `seed ${seed}: ${drawn.shape}`;
    assert.ok(isCovered(between(leftMouth, rightMouth, 0.5)), `${what}: mouth`);
    assert.ok(isCovered(between(nose, between(leftMouth, rightMouth, 0.5), 0.35)), `${what}: nose`);
    assert.not(isCovered(left), `${what}: left eye`);
    assert.not(isCovered(right), `${what}: right eye`);
    assert.not(
      isCovered(between(between(leftMouth, rightMouth, 0.5), between(left, right, 0.5), 1.4)),
    );
  }
  assert.is(shapes.size, MASK_SHAPES.length);
  const flat = alignedLandmarks(size).map((): Point => [3, 3]);
  throwsCode(() => wearMask(grey, drawnMask(new Seeded(1)), flat), "LANDMARKS_DEGENERATE");
});

test("rank 1 and 5 by the mean of what is enrolled; ties are not found, strangers not counted", () => {
  const unit = (degrees: number) => [
    Math.cos(degrees * (Math.PI / 180)),
    Math.sin(degrees * (Math.PI / 180)),
  ];
  const vectors = (degrees: readonly number[]) => Float32Array.from(degrees.flatMap(unit));
  const enrolled = enrolMeans({
    vectors: vectors([0, 20, 90, 170, 180, 190, 100]),
    identities: ["a", "a", "b", "c", "c", "c", "b"],
  });
  assert.equal(enrolled.identities, ["a", "b", "c"]);
  assertClose(enrolled.vectors, [...unit(10), ...unit(95), ...unit(180)], { atol: 1e-6 });
  const asked = { vectors: vectors([5, 60, 95, 100]), identities: ["a", "a", "c", "z"] };
  assert.equal(identify(enrolled, asked), { rank1: 1 / 3, rank5: 1, queries: 3, identities: 3 });
  const few = enrolMeans({ vectors: vectors([0, 40, 90]), identities: ["a", "a", "b"] }, 1);
  assertClose(few.vectors, [...unit(0), ...unit(90)], { atol: 1e-6 });
  const twins = { vectors: vectors([30, 30]), identities: ["a", "b"] };
  assert.is(identify(twins, { vectors: vectors([30]), identities: ["b"] }).rank1, 0);
});

test.run();

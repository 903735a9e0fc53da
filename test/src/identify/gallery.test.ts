import {
  COMBINES,
  type Combine,
  decodeGallery,
  encodeGallery,
  Gallery,
  type GalleryThreshold,
  thresholdAtFar,
  unitVector,
} from "@retinaface-webgpu/identify";
import { Random as Mutator } from "@retinaface-webgpu/tensor";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { mutateBytes } from "../support/mutate.js";
import { Random } from "../support/random.js";
import { rounds } from "../support/rounds.js";
import { throwsCode } from "../support/throws.js";

const test = suite("gallery");
const MODEL = "a".repeat(64);
const threshold: GalleryThreshold = { value: 0.4, far: 0.01, trials: 300, strangers: "given" };

/** Three identities with 1, 3 and 2 pictures. */
function example(combine: Combine = "best"): Gallery {
  const random = new Random(3);
  const gallery = new Gallery({ model: MODEL, dimensions: 5, combine, threshold, weights: "m.st" });
  for (const [id, count] of [
    ["Zoë", 1],
    ["cow 7", 3],
    ["__proto__", 2],
  ] as const) {
    gallery.enrol(
      id,
      Array.from({ length: count }, () => random.normals(5, 0, 3)),
    );
  }
  return gallery;
}

/** All that a gallery holds. */
function contents(gallery: Gallery): unknown {
  const { model, dimensions, combine, threshold: chosen, weights } = gallery;
  const people = gallery.list().map(({ id, pictures }) => ({
    id,
    pictures,
    vectors: gallery.vectorsOf(id).map((vector) => [...vector]),
  }));
  return { model, dimensions, combine, chosen, weights, people };
}

test("vectors are kept at length 1, in the order of enrolment", () => {
  const gallery = new Gallery({ model: MODEL, dimensions: 3 });
  assert.is(gallery.enrol("b", [[0, 3, 4]]), 1);
  assert.is(gallery.enrol("a", [[2, 0, 0]]), 1);
  assert.is(gallery.enrol("b", [[0, 0, -1e-30]]), 2);
  assert.equal(gallery.list(), [
    { id: "b", pictures: 2 },
    { id: "a", pictures: 1 },
  ]);
  assertClose(gallery.vectorsOf("b")[0], [0, 0.6, 0.8], { atol: 1e-7 });
  assertClose(gallery.vectorsOf("b")[1], [0, 0, -1]);
  assert.equal([...gallery.rows().owners], [0, 0, 1]);
  assert.ok(gallery.holds("b", [0, 6, 8]));
  assert.not(gallery.holds("a", [0, 6, 8]));
});

test("who is removed is gone", () => {
  const gallery = example();
  assert.is(gallery.remove("cow 7"), 3);
  assert.is(gallery.remove("cow 7"), 0);
  assert.equal([gallery.size, gallery.pictures], [2, 3]);
  assert.equal(gallery.vectorsOf("cow 7"), []);
  assert.not(gallery.has("cow 7"));
});

test("the mean of pictures is their direction, and one row", () => {
  const gallery = new Gallery({ model: MODEL, dimensions: 2, combine: "mean" });
  gallery.enrol("a", [
    [1, 0],
    [0, 1],
  ]);
  gallery.enrol("b", [[3, -4]]);
  const rows = gallery.rows();
  const values = new Float32Array(4);
  rows.copy(0, 2, values);
  assert.equal([...rows.owners], [0, 1]);
  assertClose(values, [Math.SQRT1_2, Math.SQRT1_2, 0.6, -0.8], { atol: 1e-7 });
  gallery.enrol("c", [
    [1, 0],
    [-1, 0],
  ]);
  throwsCode(() => gallery.rows(), "EMBEDDING_INVALID", /describes no face/);
});

test("wrong uses are typed errors and change nothing", () => {
  const gallery = example();
  const before = contents(gallery);
  const good = [1, 2, 3, 4, 5];
  for (const vectors of [[[1, 2]], [good, [0, 0, 0, 0, 0]], [good, [1, 2, Number.NaN, 4, 5]]]) {
    throwsCode(() => gallery.enrol("Zoë", vectors), "EMBEDDING_INVALID");
  }
  throwsCode(() => gallery.enrol("Zoë", [[1, 2, 3, 4, 1e200]]), "EMBEDDING_INVALID");
  for (const id of ["", "a\nb", "\ud800", "x".repeat(256), undefined as unknown as string]) {
    throwsCode(() => gallery.enrol(id, [good]), "OPTION_INVALID", /id must be/);
  }
  throwsCode(() => gallery.enrol("new", []), "OPTION_INVALID");
  throwsCode(() => gallery.requireModel("b".repeat(64)), "GALLERY_MODEL", /enrol anew/);
  gallery.requireModel(MODEL);
  assert.equal(contents(gallery), before);
  for (const wrong of [
    { dimensions: 0 },
    { dimensions: 1.5 },
    { dimensions: 1e9 },
    { model: "" },
  ]) {
    throwsCode(() => new Gallery({ model: MODEL, dimensions: 3, ...wrong }), "OPTION_INVALID");
  }
  const combine = "worst" as "best";
  throwsCode(() => new Gallery({ model: MODEL, dimensions: 3, combine }), "OPTION_INVALID");
});

test("what is written is read again, the same gallery gives the same bytes", () => {
  for (const combine of COMBINES) {
    const gallery = example(combine);
    const bytes = encodeGallery(gallery);
    assert.equal(contents(decodeGallery(bytes)), contents(gallery));
    assert.equal(encodeGallery(decodeGallery(bytes)), bytes);
  }
  const empty = new Gallery({ model: MODEL, dimensions: 512 });
  assert.equal(contents(decodeGallery(encodeGallery(empty))), contents(empty));
});

test("a damaged file is a typed error, or nothing that counts was damaged", () => {
  const gallery = example();
  const bytes = encodeGallery(gallery);
  const wanted = JSON.stringify(contents(gallery));
  const random = new Mutator(7);
  const codes = ["GALLERY_CORRUPT", "GALLERY_FOREIGN", "GALLERY_VERSION"];
  let refused = 0;
  for (let n = rounds(4000); n > 0; n--) {
    try {
      const read = decodeGallery(mutateBytes(bytes, random));
      assert.is(JSON.stringify(contents(read)), wanted);
    } catch (error) {
      assert.ok(codes.includes((error as { code: string }).code), (error as Error).stack);
      refused++;
    }
  }
  assert.ok(refused > 0);
});

test("other files are no gallery", () => {
  throwsCode(() => decodeGallery(new Uint8Array()), "GALLERY_FOREIGN");
  throwsCode(() => decodeGallery(new TextEncoder().encode("hello, world")), "GALLERY_FOREIGN");
  const other = encodeGallery(example()).map((byte, i) => (i > 7 && byte === 0x66 ? 0x67 : byte));
  throwsCode(() => decodeGallery(other), "GALLERY_FOREIGN");
});

test("a threshold accepts no more strangers than its rate allows, and is the lowest such", () => {
  const random = new Random(11);
  for (const count of [1, 2, 9, 100, 333]) {
    const scores = Float32Array.from({ length: count }, () => Math.fround(random.normal(0, 0.3)));
    scores[0] = scores[count - 1];
    for (const far of [0, 0.01, 0.1, 0.3, 0.99]) {
      const value = thresholdAtFar(scores, far);
      const accepted = scores.filter((score) => score >= value).length;
      assert.ok(accepted <= far * count + 1e-9, `${accepted} of ${count} at ${far}`);
      const next = Math.max(...scores.filter((score) => score < value));
      const more = scores.filter((score) => score >= next).length;
      assert.ok(more > far * count + 1e-9, `${more} of ${count} would do at ${far}`);
    }
  }
  assert.is(thresholdAtFar([0, 0, 0], 0) > 0, true);
  assert.ok(thresholdAtFar([-0.5], 0) > -0.5);
  assert.ok(thresholdAtFar([-0.5], 0) < -0.499);
  throwsCode(() => thresholdAtFar([], 0.1), "OPTION_INVALID", /strangers/);
  throwsCode(() => thresholdAtFar([Number.NaN], 0.1), "OPTION_INVALID");
  throwsCode(() => thresholdAtFar([1], 1), "OPTION_INVALID");
});

test("a unit vector is a copy", () => {
  const vector = Float32Array.of(3, 4);
  const unit = unitVector(vector, 2);
  vector[0] = 9;
  assertClose(unit, [0.6, 0.8], { atol: 1e-7 });
});

test.run();

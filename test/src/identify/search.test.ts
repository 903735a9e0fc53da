import { type Combine, Gallery, type GallerySearch, openSearch } from "@retinaface-webgpu/identify";
import { WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GpuProducts } from "../../../packages/identify/dist/gallery/gpu-products.js";
import { piecesOf } from "../../../packages/identify/dist/gallery/products.js";
import { WasmProducts } from "../../../packages/identify/dist/gallery/wasm-products.js";
import {
  thresholdFromStrangers,
  thresholdLeavingOut,
} from "../../../packages/identify/dist/index.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";

/* Exact search on both engines, beside plain loops in double precision. */

const test = suite("search");
const device = useDevice(test);
let engine: WasmEngine;
test.before(async () => {
  engine = await WasmEngine.create({ threads: 2 });
});
test.after(() => engine.dispose());

const MODEL = "m";

/** Identities with one to four pictures each, some of them alike. */
function galleryOf(identities: number, dimensions: number, combine: Combine): Gallery {
  const random = new Random(identities * 100 + dimensions);
  const gallery = new Gallery({ model: MODEL, dimensions, combine });
  for (let i = 0; i < identities; i++) {
    const pictures = Array.from({ length: random.integer(1, 4) }, () => random.normals(dimensions));
    gallery.enrol(`id ${i}`, pictures);
  }
  return gallery;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

const unit = (a: ArrayLike<number>) => Array.from(a, (value) => value / Math.sqrt(dot(a, a)));

/** Every identity's similarity, best first. */
function reference(gallery: Gallery, query: ArrayLike<number>, combine: Combine) {
  const wanted = unit(query);
  return gallery
    .list()
    .map(({ id }) => {
      const vectors = gallery.vectorsOf(id);
      const sum = Array.from(vectors[0], (_, i) => vectors.reduce((s, v) => s + v[i], 0));
      const each = vectors.map((vector) => dot(vector, wanted));
      const densities = each.map((value) => Math.exp(15 * value));
      const similarity = {
        best: () => Math.max(...each),
        mean: () => dot(unit(sum), wanted),
        soft: () => Math.log(densities.reduce((a, b) => a + b) / each.length) / 15,
      }[combine]();
      return { id, similarity };
    })
    .sort((a, b) => b.similarity - a.similarity);
}

const engines: Record<string, (gallery: Gallery) => Promise<GallerySearch>> = {
  webgpu: (gallery) => openSearch(gallery, { device: device() }),
  wasm: (gallery) => openSearch(gallery, { engine }),
};

for (const [name, open] of Object.entries(engines)) {
  for (const combine of ["best", "mean", "soft"] as const) {
    test(`${name} finds what plain loops find: ${combine}`, async () => {
      for (const [identities, dimensions, queries] of [
        [1, 1, 1],
        [7, 5, 3],
        [50, 130, 17],
        [90, 33, 34],
      ]) {
        const gallery = galleryOf(identities, dimensions, combine);
        const random = new Random(identities);
        const vectors = Array.from({ length: queries }, () => random.normals(dimensions, 0, 4));
        const search = await open(gallery);
        assert.is(search.backend, name);
        const answers = await search.match(vectors, { limit: 4 });
        search.dispose();
        assert.is(answers.length, queries);
        for (const [i, { matches, identity }] of answers.entries()) {
          const wanted = reference(gallery, vectors[i], combine).slice(0, 4);
          assert.equal(
            matches.map(({ id }) => id),
            wanted.map(({ id }) => id),
          );
          const values = matches.map(({ similarity }) => similarity);
          const expected = wanted.map(({ similarity }) => similarity);
          assertClose(values, expected, { atol: 2e-6 });
          assert.is(identity, undefined);
        }
      }
    });
  }

  test(`${name}: the threshold says who is nobody`, async () => {
    const gallery = new Gallery({ model: MODEL, dimensions: 2 });
    gallery.enrol("east", [[1, 0]]);
    gallery.enrol("north", [[0, 1]]);
    gallery.threshold = { value: 0.9 };
    const search = await open(gallery);
    const queries = [
      [1, 0.1],
      [1, 1],
      [-1, -1],
    ];
    const told = async (threshold?: number) =>
      (await search.match(queries, { threshold })).map(({ identity }) => identity);
    assert.equal(await told(), ["east", null, null]);
    assert.equal(await told(0.7), ["east", "east", null]);
    assert.equal(await told(-1), ["east", "east", "east"]);
    const [{ matches }] = await search.match([[1, 1]], { limit: 1 });
    assert.equal(
      matches.map(({ id }) => id),
      ["east"],
      "of equals the one that was enrolled earlier",
    );
    search.dispose();
  });

  test(`${name}: an empty gallery knows nobody`, async () => {
    const gallery = new Gallery({ model: MODEL, dimensions: 2, threshold: { value: 0 } });
    const search = await open(gallery);
    assert.equal(await search.match([[1, 0]]), [{ matches: [], identity: null }]);
    assert.equal(await search.match([]), []);
    search.dispose();
  });
}

test("rows in several pieces give the product of all", async () => {
  const gallery = galleryOf(40, 37, "best");
  const rows = gallery.rows();
  const input = { rows, dimensions: 37, pieceBytes: 37 * 4 * 9 };
  assert.is(piecesOf(input).length, Math.ceil(rows.owners.length / 9));
  assert.equal(piecesOf(input).at(-1)!.to, rows.owners.length);
  assert.is(
    piecesOf({ rows, dimensions: 37 }, 37 * 4 * 2).length,
    Math.ceil(rows.owners.length / 2),
  );
  const queries = new Random(5).normals(3 * 37);
  const vectors = gallery.list().flatMap(({ id }) => gallery.vectorsOf(id));
  const wanted = vectors.flatMap((vector) =>
    [0, 1, 2].map((q) => dot(vector, queries.subarray(q * 37, (q + 1) * 37))),
  );
  for (const products of [
    await GpuProducts.create(device(), input),
    WasmProducts.create(engine, input),
  ]) {
    assertClose(await products.times(queries, 3), wanted, { atol: 1e-5 });
    assertClose(
      await products.times(queries.slice(37, 74), 1),
      wanted.filter((_, i) => i % 3 === 1),
      {
        atol: 1e-5,
      },
    );
    products.dispose();
  }
});

test("a search gives back the memory that it took", async () => {
  const gallery = galleryOf(20, 64, "best");
  const before = device().memory().liveBytes;
  const search = await openSearch(gallery, { device: device() });
  assert.ok(device().memory().liveBytes > before);
  await search.match([new Random(1).normals(64)]);
  search.dispose();
  assert.is(device().memory().liveBytes, before);
});

test("thresholds are chosen on strangers: given ones, or each identity to the others", async () => {
  const gallery = new Gallery({ model: MODEL, dimensions: 2 });
  gallery.enrol("east", [
    [1, 0],
    [1, 0.2],
  ]);
  gallery.enrol("north", [[0.2, 1]]);
  const search = await openSearch(gallery, { engine });
  const own = await thresholdLeavingOut(gallery, search, 0);
  const [east, lifted, north] = [...gallery.vectorsOf("east"), ...gallery.vectorsOf("north")];
  const highest = Math.max(dot(east, north), dot(lifted, north));
  assert.ok(own.value > highest && own.value < highest + 1e-6);
  assert.equal([own.trials, own.far, own.strangers], [3, 0, "left-out"]);
  const given = await thresholdFromStrangers(
    search,
    [
      [-1, 0],
      [0, 1],
      [-1, -1],
      [0.1, -1],
    ],
    0.25,
  );
  assert.equal([given.trials, given.far, given.strangers], [4, 0.25, "given"]);
  const { matches } = (await search.match([[0.1, -1]]))[0];
  assert.ok(given.value > matches[0].similarity && given.value < matches[0].similarity + 1e-6);
  gallery.remove("north");
  await rejectsCode(thresholdLeavingOut(gallery, search, 0.1), "OPTION_INVALID", /two identities/);
  await rejectsCode(thresholdFromStrangers(search, [], 0.1), "OPTION_INVALID", /strangers/);
  search.dispose();
});

test("wrong uses are typed errors", async () => {
  const gallery = galleryOf(3, 4, "best");
  const search = await openSearch(gallery, { engine });
  await rejectsCode(search.match([[1, 2, 3]]), "EMBEDDING_INVALID");
  await rejectsCode(search.match([[1, 2, 3, Number.POSITIVE_INFINITY]]), "EMBEDDING_INVALID");
  await rejectsCode(search.match([[1, 2, 3, 4]], { limit: 0 }), "OPTION_INVALID");
  await rejectsCode(search.match([[1, 2, 3, 4]], { threshold: Number.NaN }), "OPTION_INVALID");
  search.dispose();
  await rejectsCode(openSearch(gallery, { engine, backend: "webgpu" }), "OPTION_INVALID");
  await rejectsCode(openSearch(gallery, { engine, device: device() }), "OPTION_INVALID");
});

test.run();

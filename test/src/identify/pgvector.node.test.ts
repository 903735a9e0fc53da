import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { Gallery, openSearch, PgVectorGallery } from "@retinaface-webgpu/identify";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";

/* Galleries in PostgreSQL with pgvector: PostgreSQL itself, as WebAssembly. */

const test = suite("pgvector");
let client: PGlite;
test.before(async () => {
  client = await PGlite.create({ extensions: { vector } });
});
test.after(() => client.close());

const options = { model: "m1", dimensions: 6 };

test("it answers as the gallery in memory does, with an index and without", async () => {
  const random = new Random(9);
  const memory = new Gallery(options);
  const tables = [
    await PgVectorGallery.open(client, options),
    await PgVectorGallery.open(client, { ...options, table: "exact", index: "none" }),
  ];
  for (let n = 0; n < 12; n++) {
    const pictures = Array.from({ length: random.integer(1, 3) }, () => random.normals(6));
    const id = `it's "${n}"`;
    memory.enrol(id, pictures);
    for (const table of tables) await table.enrol(id, pictures);
  }
  const queries = Array.from({ length: 5 }, () => random.normals(6));
  const search = await openSearch(memory, { backend: "wasm", threads: 1 });
  const wanted = await search.match(queries, { limit: 3, threshold: 0.8 });
  search.dispose();
  for (const table of tables) {
    const answers = await table.match(queries, { limit: 3, threshold: 0.8 });
    for (const [i, { matches, identity }] of answers.entries()) {
      assert.equal(
        matches.map(({ id }) => id),
        wanted[i].matches.map(({ id }) => id),
      );
      assertClose(
        matches.map(({ similarity }) => similarity),
        wanted[i].matches.map(({ similarity }) => similarity),
        { atol: 1e-5 },
      );
      assert.is(identity, wanted[i].identity);
    }
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    assert.equal(await table.list(), memory.list().sort(byId));
  }
  assert.is(await tables[0].remove(`it's "3"`), memory.remove(`it's "3"`));
  assert.is(await tables[0].remove("nobody"), 0);
  assert.is((await tables[0].list()).length, 11);
});

test("it is found again, and refused for another model or when it is no gallery", async () => {
  const again = await PgVectorGallery.open(client, options);
  assert.is((await again.list()).length, 11);
  const other = PgVectorGallery.open(client, { ...options, model: "m2" });
  await rejectsCode(other, "GALLERY_MODEL", /faces/);
  await client.query("CREATE TABLE people (name text)");
  const foreign = PgVectorGallery.open(client, { ...options, table: "people" });
  await rejectsCode(foreign, "GALLERY_FOREIGN");
});

test("wrong uses are typed errors", async () => {
  for (const wrong of [
    { table: "x; DROP TABLE faces" },
    { table: "" },
    { model: "a b" },
    { dimensions: 2001 },
    { index: "ivf" as "hnsw" },
  ]) {
    await rejectsCode(PgVectorGallery.open(client, { ...options, ...wrong }), "OPTION_INVALID");
  }
  const gallery = await PgVectorGallery.open(client, options);
  await rejectsCode(gallery.enrol("", [[1, 2, 3, 4, 5, 6]]), "OPTION_INVALID");
  await rejectsCode(gallery.enrol("a", []), "OPTION_INVALID");
  await rejectsCode(gallery.enrol("a", [[1, 2, 3, 4, 5, 6], [1]]), "EMBEDDING_INVALID");
  await rejectsCode(gallery.match([[0, 0, 0, 0, 0, 0]]), "EMBEDDING_INVALID");
  await rejectsCode(gallery.match([[1, 2, 3, 4, 5, 6]], { limit: 0 }), "OPTION_INVALID");
  assert.is((await gallery.list()).length, 11);
});

test.run();

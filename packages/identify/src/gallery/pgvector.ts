/**
 * A gallery in PostgreSQL with the extension pgvector, for more pictures than fit in memory: beyond a few million, or shared by
 * several machines. The client is the user's own (`pg`'s Client or Pool, PGlite, …), so that this library needs none.
 *
 *     const pool = new pg.Pool();
 *     const gallery = await PgVectorGallery.open(pool, { model: embedder.fingerprint, dimensions: 512 });
 *     await gallery.enrol("cow 7", [vector]);
 *     const [answer] = await gallery.match([query], { threshold: 0.4 });
 *
 * Search goes over an HNSW index by cosine distance (https://github.com/pgvector/pgvector#hnsw): approximate, and of as many
 * pictures as `hnsw.ef_search` says, 40 by default. Without the index it is exact.
 */
import { OptionError } from "retinaface-webgpu";
import { type Answer, answerOf, checkMatch, type MatchOptions } from "./answer.js";
import { GalleryError } from "./errors.js";
import { type Identity, MOST_DIMENSIONS, requireId, unitVector } from "./gallery.js";
import type { Match } from "./top.js";

/** What of a client is used: `pg`'s and PGlite's have it. */
export interface SqlClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly rows: readonly unknown[]; readonly rowCount?: number | null }>;
}

export interface PgVectorOptions {
  /** The fingerprint of the model that makes the vectors. */
  readonly model: string;
  readonly dimensions: number;
  /** Default `faces`. */
  readonly table?: string | undefined;
  /** `hnsw` (default), which takes at most 2,000 dimensions, or none: exact search over all rows. */
  readonly index?: "hnsw" | "none" | undefined;
}

/** What the table's comment begins with. */
const MARK = "retinaface-gallery 1";
/** Pictures asked for beyond the identities that are wanted: several may be of one. */
const PICTURES_EACH = 8;
/** Of pgvector's HNSW on `vector`. */
const MOST_INDEXED = 2000;

/** See the file's head. */
export class PgVectorGallery {
  readonly dimensions: number;
  readonly #client: SqlClient;
  readonly #table: string;

  private constructor(client: SqlClient, dimensions: number, table: string) {
    this.#client = client;
    this.dimensions = dimensions;
    this.#table = table;
  }

  /**
   * Opens the table, and makes it (with the extension) where it is not there.
   *
   * @throws OptionError; GalleryError `GALLERY_MODEL` for a table with another model's vectors, `GALLERY_FOREIGN` for one that
   * is no gallery; the client's errors
   */
  static async open(client: SqlClient, options: PgVectorOptions): Promise<PgVectorGallery> {
    const { model, dimensions, table = "faces", index = "hnsw" } = options;
    checkOptions(options);
    const known = await client.query(
      "SELECT obj_description(to_regclass($1)::oid, 'pg_class') AS comment, to_regclass($1) IS NOT NULL AS there",
      [table],
    );
    const [{ comment, there }] = known.rows as { comment: string | null; there: boolean }[];
    const wanted = `${MARK} ${dimensions} ${model}`;
    if (there) checkComment(table, comment, wanted);
    else await makeTable(client, table, { dimensions, index, comment: wanted });
    return new PgVectorGallery(client, dimensions, table);
  }

  /**
   * Adds pictures to an identity: all of them, or with an error none.
   *
   * @throws OptionError, EmbeddingError; the client's errors
   */
  async enrol(id: string, vectors: readonly ArrayLike<number>[]): Promise<void> {
    requireId(id);
    if (vectors.length === 0) throw new OptionError(`no vector to enrol "${id}" with`);
    const units = vectors.map((vector) => this.#text(vector));
    await this.#client.query(
      `INSERT INTO ${this.#table} (id, embedding) SELECT $1, unnest($2::text[])::vector`,
      [id, units],
    );
  }

  /** Forgets an identity. @returns how many pictures it had */
  async remove(id: string): Promise<number> {
    const { rows } = await this.#client.query(
      `DELETE FROM ${this.#table} WHERE id = $1 RETURNING 1`,
      [id],
    );
    return rows.length;
  }

  /** Everybody, by id. */
  async list(): Promise<Identity[]> {
    const { rows } = await this.#client.query(
      `SELECT id, count(*)::int AS pictures FROM ${this.#table} GROUP BY id ORDER BY id COLLATE "C"`,
    );
    return (rows as Identity[]).map(({ id, pictures }) => ({ id, pictures }));
  }

  /**
   * Who faces are; an identity's best picture counts. Over an index, identities may be missing where others have many
   * pictures: raise `hnsw.ef_search`.
   *
   * @param options `threshold` is the caller's to keep
   * @throws OptionError, EmbeddingError; the client's errors
   */
  async match(
    vectors: readonly ArrayLike<number>[],
    options: MatchOptions = {},
  ): Promise<Answer[]> {
    const { limit, threshold } = checkMatch(options);
    const answers: Answer[] = [];
    for (const vector of vectors) {
      const { rows } = await this.#client.query(
        `SELECT id, 1 - (embedding <=> $1::vector) AS similarity FROM ${this.#table} ` +
          "ORDER BY embedding <=> $1::vector LIMIT $2",
        [this.#text(vector), limit * PICTURES_EACH],
      );
      answers.push(answerOf(bestOfEach(rows as Match[]).slice(0, limit), threshold));
    }
    return answers;
  }

  /** As pgvector writes vectors. */
  #text(vector: ArrayLike<number>): string {
    return JSON.stringify([...unitVector(vector, this.dimensions)]);
  }
}

/** @param rows best first */
function bestOfEach(rows: readonly Match[]): Match[] {
  const best = new Map<string, Match>();
  for (const { id, similarity } of rows) if (!best.has(id)) best.set(id, { id, similarity });
  return [...best.values()];
}

function checkOptions({ model, dimensions, table = "faces", index = "hnsw" }: PgVectorOptions) {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(table)) {
    throw new OptionError(
      `table must be a name of lower-case letters, digits and underscores, got ${JSON.stringify(table)}`,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(model)) throw new OptionError("model must be a fingerprint");
  if (index !== "hnsw" && index !== "none") {
    throw new OptionError(`index must be hnsw or none, got ${index}`);
  }
  const most = index === "hnsw" ? MOST_INDEXED : MOST_DIMENSIONS;
  if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > most) {
    throw new OptionError(
      `dimensions must be a whole number from 1 to ${most} with index ${index}, got ${dimensions}`,
    );
  }
}

function checkComment(table: string, comment: string | null, wanted: string): void {
  if (comment === wanted) return;
  if (!comment?.startsWith(`${MARK} `)) {
    throw new GalleryError(
      "GALLERY_FOREIGN",
      `the table ${table} is no gallery: name one that PgVectorGallery.open has made, or a new one.`,
    );
  }
  throw new GalleryError(
    "GALLERY_MODEL",
    `the table ${table} has vectors of another model: name another table, or enrol anew.`,
  );
}

interface TableForm {
  readonly dimensions: number;
  readonly index: "hnsw" | "none";
  readonly comment: string;
}

async function makeTable(client: SqlClient, table: string, form: TableForm): Promise<void> {
  const { dimensions, index, comment } = form;
  const statements = [
    "CREATE EXTENSION IF NOT EXISTS vector",
    `CREATE TABLE ${table} (row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL, ` +
      `embedding vector(${dimensions}) NOT NULL)`,
    `CREATE INDEX ON ${table} (id)`,
    ...(index === "hnsw"
      ? [`CREATE INDEX ON ${table} USING hnsw (embedding vector_cosine_ops)`]
      : []),
    // Last, so that a table that was not finished is taken for none.
    `COMMENT ON TABLE ${table} IS '${comment.replaceAll("'", "''")}'`,
  ];
  for (const statement of statements) await client.query(statement);
}

import type { GalleryRows } from "./gallery.js";

/** The rows of a gallery in the memory of what computes. */
export interface RowProducts {
  /**
   * The product of all rows with queries.
   *
   * @param queries [count · dimensions]
   * @returns [rows · count]: for each row its similarities to the queries
   */
  times(queries: Float32Array, count: number): Promise<Float32Array>;
  /** Gives the memory back. */
  dispose(): void;
}

/** What is laid into memory. */
export interface ProductInput {
  readonly rows: GalleryRows;
  readonly dimensions: number;
  /** Of a piece at most; default 64 MiB. */
  readonly pieceBytes?: number | undefined;
}

/** Queries that are multiplied at once: four bytes a row and query are read back. */
export const MOST_QUERIES = 16;

/** Within what every adapter binds (128 MiB), so that a buffer's size can be rounded up to a power of two. */
const PIECE_BYTES = 2 ** 26;

/** Rows `from` to `to`, as large as memory is bound. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Cuts rows so that neither they nor their products with `MOST_QUERIES` queries exceed a piece or `limit` bytes. */
export function piecesOf(
  { rows, dimensions, pieceBytes = PIECE_BYTES }: ProductInput,
  limit = Number.POSITIVE_INFINITY,
): Piece[] {
  const count = rows.owners.length;
  const most = Math.min(limit, pieceBytes);
  const size = Math.max(1, Math.floor(most / 4 / Math.max(dimensions, MOST_QUERIES)));
  const pieces: Piece[] = [];
  for (let from = 0; from < count; from += size) {
    pieces.push({ from, to: Math.min(count, from + size) });
  }
  return pieces;
}

/** Each piece's rows as an array of its own, which memory that nobody shares takes over when the next run begins. */
export function* filledPieces(
  { rows, dimensions }: ProductInput,
  pieces: readonly Piece[],
): Generator<Float32Array> {
  for (const { from, to } of pieces) {
    const values = new Float32Array((to - from) * dimensions);
    rows.copy(from, to, values);
    yield values;
  }
}

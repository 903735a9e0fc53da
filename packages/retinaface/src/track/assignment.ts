/** Which row goes with which column. */
export interface Pair {
  readonly row: number;
  readonly column: number;
}

/**
 * Pairs rows with columns so that their costs are least in all: the Hungarian method by shortest augmenting paths
 * (Kuhn 1955; Jonker and Volgenant 1987), rows² · columns steps. A pair above `limit` is none; as ByteTrack does it,
 * leaving two unpaired is as dear as pairing them at `limit`.
 *
 * @param cost of row i and column j; finite
 */
export function linearAssignment(
  rows: number,
  columns: number,
  cost: (row: number, column: number) => number,
  limit: number,
): Pair[] {
  if (rows === 0 || columns === 0) return [];
  // A column for each row that stays alone; so every row finds one.
  const width = columns + rows;
  const costOf = (row: number, column: number): number => {
    if (column >= columns) return limit;
    const value = cost(row, column);
    return value <= limit ? value : FORBIDDEN;
  };
  const taker = assignAll(rows, width, costOf);
  const pairs: Pair[] = [];
  for (let column = 0; column < columns; column++) {
    if (taker[column] >= 0) pairs.push({ row: taker[column], column });
  }
  return pairs.filter(({ row, column }) => costOf(row, column) < FORBIDDEN);
}

/** Dearer than any sum of allowed costs. */
const FORBIDDEN = 1e9;

/** The row of each column, -1 for none; `width` is at least `rows`. */
function assignAll(
  rows: number,
  width: number,
  cost: (row: number, column: number) => number,
): Int32Array {
  const taker = new Int32Array(width).fill(-1);
  const rowPrice = new Float64Array(rows);
  const columnPrice = new Float64Array(width);
  for (let first = 0; first < rows; first++) {
    const least = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
    const before = new Int32Array(width).fill(-1);
    const seen = new Uint8Array(width);
    let row = first;
    let column = -1;
    do {
      const next = cheapest(row, column, { cost, rowPrice, columnPrice, least, before, seen });
      const step = least[next];
      rowPrice[first] += step;
      for (let j = 0; j < width; j++) {
        if (!seen[j]) least[j] -= step;
        else {
          columnPrice[j] -= step;
          rowPrice[taker[j]] += step;
        }
      }
      seen[next] = 1;
      column = next;
      row = taker[next];
    } while (row >= 0);
    while (column >= 0) {
      const earlier = before[column];
      taker[column] = earlier >= 0 ? taker[earlier] : first;
      column = earlier;
    }
  }
  return taker;
}

interface Search {
  readonly cost: (row: number, column: number) => number;
  readonly rowPrice: Float64Array;
  readonly columnPrice: Float64Array;
  readonly least: Float64Array;
  readonly before: Int32Array;
  readonly seen: Uint8Array;
}

/** Extends the shortest paths by a row, which `column` led to, and gives the nearest column that is not seen yet. */
function cheapest(row: number, column: number, search: Search): number {
  const { cost, rowPrice, columnPrice, least, before, seen } = search;
  let best = -1;
  for (let j = 0; j < least.length; j++) {
    if (seen[j]) continue;
    const reduced = cost(row, j) - rowPrice[row] - columnPrice[j];
    if (reduced < least[j]) {
      least[j] = reduced;
      before[j] = column;
    }
    if (best < 0 || least[j] < least[best]) best = j;
  }
  return best;
}

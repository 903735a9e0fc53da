import type { Seen } from "./raster.js";

/** How much of a place of a picture is an object's: a coarse grid over the part that holds it. */
export interface Matte {
  readonly left: number;
  readonly top: number;
  /** Side of a cell in pixels. */
  readonly cell: number;
  readonly columns: number;
  readonly rows: number;
  /** [rows, columns], 0 to 1. */
  readonly shares: Float32Array;
}

/** Cells along the longer side of what is seen. */
const CELLS = 40;
/** Cells of room around it, for the soft edge. */
const ROOM = 3;
/** Times that each cell becomes the mean of itself and its neighbours. */
const SOFTENED = 2;
/** The object is whole where at least this share of a softened cell is its own: the edge lies just outside. */
const WHOLE = 0.45;

/** The matte of what is seen of a mesh. */
export function matteOf({ left, top, width, height, depths }: Seen): Matte {
  const cell = Math.max(width, height, 1) / CELLS;
  const columns = Math.ceil(width / cell) + 2 * ROOM;
  const rows = Math.ceil(height / cell) + 2 * ROOM;
  let shares = new Float32Array(columns * rows);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (Math.floor((y + 0.5) / cell) + ROOM) * columns + ROOM;
    for (let x = 0; x < width; x++, at++) {
      if (depths[at] > Number.NEGATIVE_INFINITY) shares[row + Math.floor((x + 0.5) / cell)]++;
    }
  }
  for (let n = 0; n < SOFTENED; n++) shares = soften(shares, columns, rows);
  const whole = WHOLE * cell * cell;
  for (const [i, share] of shares.entries()) shares[i] = Math.min(1, share / whole);
  return { left: left - ROOM * cell, top: top - ROOM * cell, cell, columns, rows, shares };
}

function soften(shares: Float32Array, columns: number, rows: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(shares.length);
  for (let y = 1; y < rows - 1; y++) {
    for (let x = 1; x < columns - 1; x++) {
      const at = y * columns + x;
      let sum = 0;
      for (let row = at - columns; row <= at + columns; row += columns) {
        sum += shares[row - 1] + shares[row] + shares[row + 1];
      }
      out[at] = sum / 9;
    }
  }
  return out;
}

/** A matte's share at a point of its picture, bilinearly between the middles of its cells. */
export function matteAt(matte: Matte, x: number, y: number): number {
  const { left, top, cell, columns, rows, shares } = matte;
  const u = (x - left) / cell - 0.5;
  const v = (y - top) / cell - 0.5;
  if (!(u >= 0 && v >= 0 && u < columns - 1 && v < rows - 1)) return 0;
  const [x0, y0] = [Math.floor(u), Math.floor(v)];
  const at = y0 * columns + x0;
  const above = shares[at] + (shares[at + 1] - shares[at]) * (u - x0);
  const under = shares[at + columns] + (shares[at + columns + 1] - shares[at + columns]) * (u - x0);
  return above + (under - above) * (v - y0);
}

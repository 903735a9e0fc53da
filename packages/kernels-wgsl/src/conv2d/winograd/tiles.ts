/** How a convolution is cut into patches, and what the kernels on them share. */
import { type Conv2dSpec, conv2dOutputSize } from "../shared/spec.js";
import { OUTPUTS, PLACES } from "./transform.js";

/** Bounds a temporary buffer of transformed patches, elements: 16 MiB. */
const MOST_ELEMENTS = 4 << 20;

/** Tiles of 4×4 outputs that are computed together, of all images one after the other. */
export interface Tiles {
  readonly first: number;
  readonly count: number;
  readonly down: number;
  readonly across: number;
}

/** Fields of uniform blocks for them, and their values. */
export const TILE_FIELDS = [
  "first_tile: u32",
  "tiles: u32",
  "tiles_y: u32",
  "tiles_x: u32",
  "quads: u32",
];

export function tileParams({ first, count, down, across }: Tiles, quads: number): number[] {
  return [first, count, down, across, quads];
}

/** All tiles, in as many parts as the temporary memory makes necessary. */
export function tilesOf(spec: Conv2dSpec): Tiles[] {
  const [down, across] = conv2dOutputSize(spec).map((side) => Math.ceil(side / OUTPUTS));
  const all = spec.batch * down * across;
  // Channels as they are rounded up by `8 × width` lanes of at most 4.
  const widest = Math.ceil(Math.max(spec.inChannels, spec.outChannels) / 32) * 32;
  const most = Math.max(1, Math.floor(MOST_ELEMENTS / (PLACES * widest)));
  const size = Math.ceil(all / Math.ceil(all / most));
  return Array.from({ length: Math.ceil(all / size) }, (_, i) => ({
    first: i * size,
    count: Math.min(size, all - i * size),
    down,
    across,
  }));
}

/** WGSL: the invocation's tile, and its image, row and column of tiles. */
export const TILE_WGSL = /* wgsl */ `  let index = min(workgroup.x + workgroup.z * workgroups.x, p.tiles - 1u);
  let tile = p.first_tile + index;
  let tile_line = divide(tile, p.tiles_x);
  let image = divide(tile_line, p.tiles_y);
  let tile_y = tile_line - image * p.tiles_y;
  let tile_x = tile - tile_line * p.tiles_x;`;

export function quadsOf(channels: number): number {
  return Math.ceil(channels / 4);
}

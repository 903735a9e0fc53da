import { MEAN_RGB } from "../augment/sample.js";
import type { Pyramid } from "./pyramid.js";
import { type Matte, matteAt } from "./turn/matte.js";

/** A square picture under construction: RGBA bytes. */
export interface Canvas {
  readonly data: Uint8ClampedArray;
  readonly size: number;
}

/** Where a photo's pixels go: scaled and turned about a point, mirrored first if told so. */
export interface Placement {
  /** The photo's pixel that stays at `at`. */
  readonly from: readonly [x: number, y: number];
  /** Where it comes to lie in the view. */
  readonly at: readonly [x: number, y: number];
  /** View pixels a photo pixel. */
  readonly scale: number;
  /** By what a photo's x is stretched and its y shrunk beside that, its area kept; default 1. */
  readonly stretch?: number;
  /** Clockwise, in radians. */
  readonly angle: number;
  readonly mirrored: boolean;
}

/** Pixels of the view: `left ≤ x < right`, `top ≤ y < bottom`. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** An ellipse of a view outside which a photo is not drawn; its edge is soft. */
export interface Ellipse {
  readonly centre: readonly [x: number, y: number];
  /** Half axes along and across the photo's own x. */
  readonly radii: readonly [number, number];
  readonly angle: number;
}

/** View pixels a photo pixel, along the photo's x and its y. */
export function scalesOf({ scale, stretch = 1 }: Placement): [number, number] {
  return [scale * stretch, scale / stretch];
}

/** The point of the view at which a photo's point comes to lie. */
export function place(placement: Placement, x: number, y: number): [number, number] {
  const { from, at, angle, mirrored } = placement;
  const [scaleX, scaleY] = scalesOf(placement);
  const dx = (x - from[0]) * scaleX * (mirrored ? -1 : 1);
  const dy = (y - from[1]) * scaleY;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return [at[0] + cos * dx - sin * dy, at[1] + sin * dx + cos * dy];
}

export function newCanvas(size: number): Canvas {
  const data = new Uint8ClampedArray(size * size * 4);
  const [pixel] = new Uint32Array(Uint8Array.of(...MEAN_RGB, 255).buffer);
  new Uint32Array(data.buffer).fill(pixel);
  return { data, size };
}

/** How far within the ellipse its soft edge begins, as a share of its radius. */
const SOFT_EDGE = 0.12;

function coverage({ centre, radii, angle }: Ellipse, x: number, y: number): number {
  const [dx, dy] = [x - centre[0], y - centre[1]];
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const r = Math.hypot((cos * dx + sin * dy) / radii[0], (cos * dy - sin * dx) / radii[1]);
  return Math.max(0, Math.min(1, (1 - r) / SOFT_EDGE));
}

/** The part of a region that holds an ellipse; its pixels are the region's. */
function around({ left, top, right, bottom }: Region, { centre, radii }: Ellipse): Region {
  const reach = Math.max(...radii) + 1;
  const first = (low: number, at: number) => low + Math.max(0, Math.floor(at - reach - low));
  return {
    left: first(left, centre[0]),
    top: first(top, centre[1]),
    right: Math.min(right, centre[0] + reach),
    bottom: Math.min(bottom, centre[1] + reach),
  };
}

/** Of {@link drawPhoto}. */
export interface DrawOptions {
  readonly blur?: number;
  readonly mask?: Ellipse | undefined;
  readonly matte?: Matte | undefined;
}

/**
 * Draws a photo into a region of a canvas, bilinearly from the pyramid's level that is just finer than the
 * view. Beyond the photo's edge the canvas stays as it is.
 *
 * @param blur levels by which a coarser one is taken, 0 for none
 * @param mask limits what is drawn
 * @param matte says instead of the mask's edge what is drawn within it, in pixels of the photo
 */
export function drawPhoto(
  canvas: Canvas,
  pyramid: Pyramid,
  placement: Placement,
  region: Region,
  { blur = 0, mask, matte }: DrawOptions = {},
): void {
  const { from, at, scale, angle, mirrored } = placement;
  const [scaleX, scaleY] = scalesOf(placement);
  const wanted = Math.floor(Math.log2(Math.max(1, 1 / scale)) + 0.25) + blur;
  const level = Math.min(pyramid.length - 1, wanted);
  const { data, width, height } = pyramid[level];
  const { data: out, size } = canvas;
  const shrink = 2 ** -level;
  const [stepX, stepY] = [(shrink / scaleX) * (mirrored ? -1 : 1), shrink / scaleY];
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const [fromX, fromY] = [from[0] * shrink, from[1] * shrink];
  const below = width * 3;
  const { left, top, right, bottom } = mask ? around(region, mask) : region;
  for (let y = top; y < bottom; y++) {
    const dy = y + 0.5 - at[1];
    const [rowU, rowV] = [sin * dy, cos * dy];
    for (let x = left; x < right; x++) {
      const dx = x + 0.5 - at[0];
      const u = fromX + (cos * dx + rowU) * stepX - 0.5;
      const v = fromY + (rowV - sin * dx) * stepY - 0.5;
      if (u < -0.5 || v < -0.5 || u > width - 0.5 || v > height - 0.5) continue;
      let alpha = 1;
      if (matte) alpha = matteAt(matte, (u + 0.5) / shrink, (v + 0.5) / shrink);
      else if (mask) alpha = coverage(mask, x + 0.5, y + 0.5);
      if (alpha === 0) continue;
      const x0 = Math.max(0, Math.min(width - 2, Math.floor(u)));
      const y0 = Math.max(0, Math.min(height - 2, Math.floor(v)));
      const fx = Math.max(0, Math.min(1, u - x0));
      const fy = Math.max(0, Math.min(1, v - y0));
      let p = (y0 * width + x0) * 3;
      let to = (y * size + x) * 4;
      for (const end = to + 3; to < end; to++, p++) {
        const above = data[p] + (data[p + 3] - data[p]) * fx;
        const under = data[p + below] + (data[p + below + 3] - data[p + below]) * fx;
        const value = above + (under - above) * fy;
        out[to] = alpha === 1 ? value : out[to] + (value - out[to]) * alpha;
      }
    }
  }
}

/**
 * Draws triangles one after the other against one over the depth, a band of rows a chunk, and walks them for gradients: the
 * numbers of kernels-wgsl's `raster`, whose files say what they are. Scalars: triangles of a face have some twenty pixels.
 */
import { Raster } from "../src/raster-records";
import { word } from "./team";

/** Corners of the triangle taken last. */
let id0: i32 = 0;
let id1: i32 = 0;
let id2: i32 = 0;
let x0: f32 = 0;
let y0: f32 = 0;
let z0: f32 = 0;
let x1: f32 = 0;
let y1: f32 = 0;
let z1: f32 = 0;
let x2: f32 = 0;
let y2: f32 = 0;
let z2: f32 = 0;
/** On which sides of its edges a point lies; see `sidesOf` of kernels-wgsl. */
let l0: f32 = 0;
let l1: f32 = 0;
let l2: f32 = 0;

/** @returns whether all corners are vertices */
function takeIds(step: usize, t: i32): bool {
  const at = word(step, Raster.triangles) + t * 12;
  id0 = load<i32>(at);
  id1 = load<i32>(at, 4);
  id2 = load<i32>(at, 8);
  const vertices = <u32>word(step, Raster.vertices);
  return <u32>id0 < vertices && <u32>id1 < vertices && <u32>id2 < vertices;
}

function takeCorners(step: usize, n: i32): void {
  const first = word(step, Raster.positions) + n * word(step, Raster.vertices) * 12;
  const at0 = first + id0 * 12;
  const at1 = first + id1 * 12;
  const at2 = first + id2 * 12;
  x0 = load<f32>(at0);
  y0 = load<f32>(at0, 4);
  z0 = load<f32>(at0, 8);
  x1 = load<f32>(at1);
  y1 = load<f32>(at1, 4);
  z1 = load<f32>(at1, 8);
  x2 = load<f32>(at2);
  y2 = load<f32>(at2, 4);
  z2 = load<f32>(at2, 8);
}

@inline
function side(ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32): f32 {
  return (bx - ax) * (y - ay) - (by - ay) * (x - ax);
}

@inline
function sideOf(
  ax: f32,
  ay: f32,
  bx: f32,
  by: f32,
  ordered: bool,
  x: f32,
  y: f32,
): f32 {
  return ordered ? side(ax, ay, bx, by, x, y) : -side(bx, by, ax, ay, x, y);
}

function takeSides(x: f32, y: f32): void {
  l0 = sideOf(x1, y1, x2, y2, id1 < id2, x, y);
  l1 = sideOf(x2, y2, x0, y0, id2 < id0, x, y);
  l2 = sideOf(x0, y0, x1, y1, id0 < id1, x, y);
}

/** Cut to 0 … size; of no NaN, whose triangle has no area. */
@inline
function pixelOf(value: f32, size: i32): i32 {
  return <i32>min<f32>(max<f32>(value, 0), <f32>size);
}

export function boundsChunk(step: usize, chunk: i32): void {
  const size = word(step, Raster.chunkSize);
  const count = word(step, Raster.count);
  const width = word(step, Raster.width);
  const height = word(step, Raster.height);
  const last = min(chunk * size + size, count * word(step, Raster.batch));
  for (let i = chunk * size; i < last; i++) {
    const to = word(step, Raster.bounds) + (i << 4);
    memory.fill(to, 0, 16);
    if (!takeIds(step, i % count)) continue;
    takeCorners(step, i / count);
    const area = Mathf.abs(sideOf(x0, y0, x1, y1, id0 < id1, x2, y2));
    if (!(min(z0, min(z1, z2)) > 0) || !(area > 0)) continue;
    store<i32>(to, pixelOf(Mathf.ceil(min(x0, min(x1, x2)) - 0.5), width));
    store<i32>(to, pixelOf(Mathf.ceil(min(y0, min(y1, y2)) - 0.5), height), 4);
    store<i32>(to, pixelOf(Mathf.floor(max(x0, max(x1, x2)) - 0.5) + 1, width), 8);
    store<i32>(to, pixelOf(Mathf.floor(max(y0, max(y1, y2)) - 0.5) + 1, height), 12);
  }
}

export function rasterizeChunk(step: usize, chunk: i32): void {
  const size = word(step, Raster.chunkSize);
  const height = word(step, Raster.height);
  const width = word(step, Raster.width);
  const bands = (height + size - 1) / size;
  const n = chunk / bands;
  const top = (chunk % bands) * size;
  const bottom = min(top + size, height);
  const first = (n * height + top) * width;
  const pixels = (bottom - top) * width;
  memory.fill(word(step, Raster.closeness) + (first << 2), 0, pixels << 2);
  memory.fill(word(step, Raster.triangle) + (first << 2), 0xff, pixels << 2);
  memory.fill(word(step, Raster.barycentrics) + first * 12, 0, pixels * 12);
  const count = word(step, Raster.count);
  for (let t = 0; t < count; t++) {
    const box = word(step, Raster.bounds) + ((n * count + t) << 4);
    const from = max(load<i32>(box, 4), top);
    const to = min(load<i32>(box, 12), bottom);
    const left = load<i32>(box);
    const right = load<i32>(box, 8);
    if (from >= to || left >= right) continue;
    takeIds(step, t);
    takeCorners(step, n);
    for (let y = from; y < to; y++) drawRow(step, t, (n * height + y) * width, y, left, right);
  }
}

/** @param row number of the row's first pixel */
function drawRow(step: usize, t: i32, row: i32, y: i32, left: i32, right: i32): void {
  for (let x = left; x < right; x++) {
    takeSides(<f32>x + 0.5, <f32>y + 0.5);
    const inside = min(l0, min(l1, l2)) >= 0 || max(l0, max(l1, l2)) <= 0;
    const total = l0 + l1 + l2;
    if (!inside || total == 0) continue;
    const m0 = l0 / z0;
    const m1 = l1 / z1;
    const m2 = l2 / z2;
    const sum = m0 + m1 + m2;
    const nearest = word(step, Raster.closeness) + ((row + x) << 2);
    // Of two at one depth the first stays.
    if (!(sum / total > load<f32>(nearest))) continue;
    store<f32>(nearest, sum / total);
    store<i32>(word(step, Raster.triangle) + ((row + x) << 2), t);
    const weights = word(step, Raster.barycentrics) + (row + x) * 12;
    store<f32>(weights, m0 / sum);
    store<f32>(weights, m1 / sum, 4);
    store<f32>(weights, m2 / sum, 8);
  }
}

export function rasterizeGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, Raster.chunkSize);
  const count = word(step, Raster.count);
  const last = min(chunk * size + size, count * word(step, Raster.batch));
  for (let i = chunk * size; i < last; i++) {
    const to = word(step, Raster.output) + i * 36;
    memory.fill(to, 0, 36);
    const box = word(step, Raster.bounds) + (i << 4);
    if (load<i32>(box) >= load<i32>(box, 8) || load<i32>(box, 4) >= load<i32>(box, 12)) continue;
    takeIds(step, i % count);
    takeCorners(step, i / count);
    addCorners(step, i, box, to);
  }
}

/** Adds what the pixels that show a triangle say of its corners. */
function addCorners(step: usize, i: i32, box: usize, to: usize): void {
  const count = word(step, Raster.count);
  const width = word(step, Raster.width);
  for (let y = load<i32>(box, 4); y < load<i32>(box, 12); y++) {
    const row = ((i / count) * word(step, Raster.height) + y) * width;
    for (let x = load<i32>(box); x < load<i32>(box, 8); x++) {
      if (load<i32>(word(step, Raster.triangle) + ((row + x) << 2)) != i % count) continue;
      addPixel(word(step, Raster.gradient) + (row + x) * 12, <f32>x + 0.5, <f32>y + 0.5, to);
    }
  }
}

function addPixel(from: usize, x: f32, y: f32, to: usize): void {
  takeSides(x, y);
  const m0 = l0 / z0;
  const m1 = l1 / z1;
  const m2 = l2 / z2;
  const sum = m0 + m1 + m2;
  const g0 = load<f32>(from);
  const g1 = load<f32>(from, 4);
  const g2 = load<f32>(from, 8);
  const mean = (g0 * m0 + g1 * m1 + g2 * m2) / sum;
  const h0 = (g0 - mean) / (sum * z0);
  const h1 = (g1 - mean) / (sum * z1);
  const h2 = (g2 - mean) / (sum * z2);
  addCorner(to, h2, h1, x1 - x, y1 - y, x2 - x, y2 - y, h0 * m0);
  addCorner(to + 12, h0, h2, x2 - x, y2 - y, x0 - x, y0 - y, h1 * m1);
  addCorner(to + 24, h1, h0, x0 - x, y0 - y, x1 - x, y1 - y, h2 * m2);
}

/** Of the sides opposite the corner before and the one after; the next two are where the corners after and before lie. */
@inline
function addCorner(
  to: usize,
  before: f32,
  after: f32,
  afterX: f32,
  afterY: f32,
  beforeX: f32,
  beforeY: f32,
  depth: f32,
): void {
  store<f32>(to, load<f32>(to) + before * afterY - after * beforeY);
  store<f32>(to, load<f32>(to, 4) + after * beforeX - before * afterX, 4);
  store<f32>(to, load<f32>(to, 8) - depth, 8);
}

/** Takes the corners of what a pixel shows. @returns whether it shows anything */
function takeShown(step: usize, pixel: i32): bool {
  const t = load<i32>(word(step, Raster.triangle) + (pixel << 2));
  return <u32>t < <u32>word(step, Raster.count) && takeIds(step, t);
}

/** Where the values of the mesh of a pixel begin. */
@inline
function valuesOf(step: usize, pixel: i32): usize {
  const n = pixel / (word(step, Raster.height) * word(step, Raster.width));
  const floats = n * word(step, Raster.vertices) * word(step, Raster.channels);
  return word(step, Raster.values) + (floats << 2);
}

function lastPixel(step: usize, chunk: i32): i32 {
  const image = word(step, Raster.height) * word(step, Raster.width);
  return min((chunk + 1) * word(step, Raster.chunkSize), image * word(step, Raster.batch));
}

export function interpolateChunk(step: usize, chunk: i32): void {
  const bytes = word(step, Raster.channels) << 2;
  const last = lastPixel(step, chunk);
  for (let pixel = chunk * word(step, Raster.chunkSize); pixel < last; pixel++) {
    const to = word(step, Raster.output) + pixel * bytes;
    if (!takeShown(step, pixel)) {
      memory.fill(to, 0, bytes);
      continue;
    }
    const values = valuesOf(step, pixel);
    const weights = word(step, Raster.barycentrics) + pixel * 12;
    for (let c = 0; c < bytes; c += 4) {
      const sum =
        load<f32>(weights) * load<f32>(values + id0 * bytes + c) +
        load<f32>(weights, 4) * load<f32>(values + id1 * bytes + c) +
        load<f32>(weights, 8) * load<f32>(values + id2 * bytes + c);
      store<f32>(to + c, sum);
    }
  }
}

export function interpolateWeightsGradientChunk(step: usize, chunk: i32): void {
  const bytes = word(step, Raster.channels) << 2;
  const last = lastPixel(step, chunk);
  for (let pixel = chunk * word(step, Raster.chunkSize); pixel < last; pixel++) {
    const to = word(step, Raster.output) + pixel * 12;
    memory.fill(to, 0, 12);
    if (!takeShown(step, pixel)) continue;
    const values = valuesOf(step, pixel);
    const from = word(step, Raster.gradient) + pixel * bytes;
    for (let c = 0; c < bytes; c += 4) {
      const g = load<f32>(from + c);
      store<f32>(to, load<f32>(to) + g * load<f32>(values + id0 * bytes + c));
      store<f32>(to, load<f32>(to, 4) + g * load<f32>(values + id1 * bytes + c), 4);
      store<f32>(to, load<f32>(to, 8) + g * load<f32>(values + id2 * bytes + c), 8);
    }
  }
}

export function interpolateValuesGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, Raster.chunkSize);
  const count = word(step, Raster.count);
  const bytes = word(step, Raster.channels) << 2;
  const last = min(chunk * size + size, count * word(step, Raster.batch));
  for (let i = chunk * size; i < last; i++) {
    const to = word(step, Raster.output) + i * 3 * bytes;
    memory.fill(to, 0, 3 * bytes);
    addValues(step, i, to, bytes);
  }
}

function addValues(step: usize, i: i32, to: usize, bytes: i32): void {
  const count = word(step, Raster.count);
  const width = word(step, Raster.width);
  const box = word(step, Raster.bounds) + (i << 4);
  for (let y = load<i32>(box, 4); y < load<i32>(box, 12); y++) {
    const row = ((i / count) * word(step, Raster.height) + y) * width;
    for (let x = load<i32>(box); x < load<i32>(box, 8); x++) {
      const pixel = row + x;
      if (load<i32>(word(step, Raster.triangle) + (pixel << 2)) != i % count) continue;
      const weights = word(step, Raster.barycentrics) + pixel * 12;
      const from = word(step, Raster.gradient) + pixel * bytes;
      for (let c = 0; c < bytes; c += 4) {
        const g = load<f32>(from + c);
        for (let k = 0; k < 3; k++) {
          const at = to + k * bytes + c;
          store<f32>(at, load<f32>(at) + g * load<f32>(weights + (k << 2)));
        }
      }
    }
  }
}

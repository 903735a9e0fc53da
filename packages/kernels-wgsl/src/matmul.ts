/**
 * Batched matrix product y = op(a) · op(b), where op transposes or not.
 *
 * Two variants with one result:
 * - tiled: a workgroup of 16 × 16 invocations computes a 64 × 64 tile, 4 × 4 an invocation, going through
 *   the common axis in steps of 16 that it first copies to workgroup memory (8 KiB). Every element is read
 *   from memory once a tile. For matrices that fill such tiles.
 * - direct: an invocation computes 4 × 4 elements (fewer rows or columns where the matrix is thin) straight
 *   from memory: nothing to synchronise, no waste for thin matrices.
 *
 * Products are added up in runs of 256, then the runs, so that a long common axis loses little. Matrices of f16 are
 * multiplied and added in f32, and only the result is rounded.
 */
import { defineKernel, elementSize, input, output } from "./define.js";
import type { Kernel } from "./kernel.js";
import {
  type Axis,
  axisParams,
  collapseAxes,
  contiguousStrides,
  offsetFunction,
} from "./strided.js";

/** Extents of y [m, n] and of the common axis k, and how operands lie in memory. */
export interface MatmulSpec {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** a is stored [k, m]. */
  readonly transposeA?: boolean;
  /** b is stored [n, k]. */
  readonly transposeB?: boolean;
  /** Batch extents of y, and the strides, in matrices, that read a and b (0 repeats one). */
  readonly batch: readonly number[];
  readonly aBatchStrides: readonly number[];
  readonly bBatchStrides: readonly number[];
  /** See `chooseMatmul`. */
  readonly variant: "tiled" | "direct";
  readonly type?: "f32" | "f16";
}

/** Products added before they join the total. */
const RUN = 256;
const TILE = 64;
const STEP = 16;

/** What the choice depends on besides the shape. */
export interface MatmulTraits {
  /** The adapter computes on a CPU, whose caches do what the tiles are for: direct was 2.4 times faster. */
  readonly software: boolean;
}

/** The variant for a shape: tiles pay once both sides fill half of one. */
export function chooseMatmul(
  { m, n, k }: Pick<MatmulSpec, "m" | "n" | "k">,
  { software }: MatmulTraits,
): "tiled" | "direct" {
  return !software && m >= TILE / 2 && n >= TILE / 2 && k >= STEP ? "tiled" : "direct";
}

function batchAxes(shape: readonly number[], strides: readonly number[]): Axis[] {
  const merged = collapseAxes(shape, [strides]);
  return merged.shape.map((extent, k) => ({ extent, stride: merged.strides[0][k] }));
}

/** WGSL that reads an element for computing. */
function read({ type = "f32" }: MatmulSpec, element: string): string {
  return type === "f16" ? `f32(${element})` : element;
}

/** WGSL that rounds a result to its element type. */
function stored({ type = "f32" }: MatmulSpec, value: string): string {
  return type === "f16" ? `f16(${value})` : value;
}

function operands(spec: MatmulSpec) {
  const { type = "f32" } = spec;
  const a = batchAxes(spec.batch, spec.aBatchStrides);
  const b = batchAxes(spec.batch, spec.bBatchStrides);
  const globals = `${offsetFunction("aBatch", a.length)}
${offsetFunction("bBatch", b.length)}
fn loadA(base: u32, row: u32, k: u32) -> f32 { return ${read(spec, `a[base + ${spec.transposeA ? "k * p.m + row" : "row * p.k + k"}]`)}; }
fn loadB(base: u32, k: u32, column: u32) -> f32 { return ${read(spec, `b[base + ${spec.transposeB ? "column * p.k + k" : "k * p.n + column"}]`)}; }`;
  const params = {
    m: spec.m,
    n: spec.n,
    k: spec.k,
    ...axisParams("aBatch", a),
    ...axisParams("bBatch", b),
  };
  const batches = spec.batch.reduce((x, y) => x * y, 1);
  const bases = `  let aBase = aBatchOffset(image) * p.m * p.k;
  let bBase = bBatchOffset(image) * p.k * p.n;`;
  return {
    globals,
    params,
    batches,
    bases,
    buffers: [input("a", type), input("b", type), output("y", type)],
    flops: 2 * batches * spec.m * spec.n * spec.k,
    bytes: elementSize(type) * batches * (spec.m * spec.k + spec.k * spec.n + spec.m * spec.n),
  };
}

function nameOf(spec: MatmulSpec, variant: string): string {
  return `matmul-${variant}-${spec.transposeA ? "t" : "n"}${spec.transposeB ? "t" : "n"}`;
}

function direct(spec: MatmulSpec): Kernel {
  const { batches, bases, globals, params, ...common } = operands(spec);
  const rows = spec.m >= 4 ? 4 : 1;
  const columns = spec.n >= 4 ? 4 : 1;
  const tilesM = Math.ceil(spec.m / rows);
  const tilesN = Math.ceil(spec.n / columns);
  const each = (count: number, line: (k: number) => string) =>
    Array.from({ length: count }, (_, k) => line(k)).join("\n");
  const cells = (line: (r: number, c: number) => string) =>
    each(rows, (r) => each(columns, (c) => line(r, c)));
  return defineKernel({
    ...common,
    name: `${nameOf(spec, "direct")}-${rows}x${columns}`,
    params: { ...params, tilesM, tilesN },
    globals,
    count: batches * tilesM * tilesN,
    body: `  let column = i % p.tilesN * ${columns}u;
  let row = i / p.tilesN % p.tilesM * ${rows}u;
  let image = i / p.tilesN / p.tilesM;
${bases}
${each(rows, (r) => `  let r${r} = min(row + ${r}u, p.m - 1u);`)}
${each(columns, (c) => `  let c${c} = min(column + ${c}u, p.n - 1u);`)}
${cells((r, c) => `  var t${r}${c} = 0.0;`)}
  for (var start = 0u; start < p.k; start += ${RUN}u) {
${cells((r, c) => `    var s${r}${c} = 0.0;`)}
    for (var k = start; k < min(start + ${RUN}u, p.k); k++) {
${each(rows, (r) => `      let a${r} = loadA(aBase, r${r}, k);`)}
${each(columns, (c) => `      let b${c} = loadB(bBase, k, c${c});`)}
${cells((r, c) => `      s${r}${c} += a${r} * b${c};`)}
    }
${cells((r, c) => `    t${r}${c} += s${r}${c};`)}
  }
  let base = image * p.m * p.n;
${cells((r, c) => `  if (row + ${r}u < p.m && column + ${c}u < p.n) { y[base + r${r} * p.n + c${c}] = ${stored(spec, `t${r}${c}`)}; }`)}`,
  });
}

/** Copies one 64 × 16 tile; neighbouring lanes read neighbouring elements of whichever axis is contiguous. */
function loadTile(name: "A" | "B", alongK: boolean, bound: string): string {
  const load = name === "A" ? "loadA(aBase, other, k)" : "loadB(bBase, k, other)";
  return `      {
        let kk = ${alongK ? `e % ${STEP}u` : `e / ${TILE}u`};
        let position = ${alongK ? `e / ${STEP}u` : `e % ${TILE}u`};
        let k = step + kk;
        let other = first${name} + position;
        var v = 0.0;
        if (k < p.k && other < ${bound}) { v = ${load}; }
        tile${name}[kk * ${TILE}u + position] = v;
      }`;
}

function tiled(spec: MatmulSpec): Kernel {
  const { batches, bases, globals, params, ...common } = operands(spec);
  const each = (line: string) => [0, 1, 2, 3].map((r) => line.replaceAll("#", `${r}`)).join("\n");
  const tilesM = Math.ceil(spec.m / TILE);
  const tilesN = Math.ceil(spec.n / TILE);
  return defineKernel({
    ...common,
    name: nameOf(spec, "tiled"),
    params: { ...params, tilesM, tilesN },
    globals: `${globals}
var<workgroup> tileA: array<f32, ${TILE * STEP}>;
var<workgroup> tileB: array<f32, ${TILE * STEP}>;
fn store(image: u32, m: u32, n: u32, v: vec4<f32>) {
  if (m >= p.m) { return; }
  let at = (image * p.m + m) * p.n + n;
  if (n < p.n) { y[at] = ${stored(spec, "v.x")}; }
  if (n + 1u < p.n) { y[at + 1u] = ${stored(spec, "v.y")}; }
  if (n + 2u < p.n) { y[at + 2u] = ${stored(spec, "v.z")}; }
  if (n + 3u < p.n) { y[at + 3u] = ${stored(spec, "v.w")}; }
}
fn quad(at: u32) -> vec4<f32> { return vec4(tileB[at], tileB[at + 1u], tileB[at + 2u], tileB[at + 3u]); }`,
    count: batches * tilesM * tilesN,
    perGroup: true,
    threads: 256,
    body: `  let firstB = group % p.tilesN * ${TILE}u;
  let firstA = group / p.tilesN % p.tilesM * ${TILE}u;
  let image = group / p.tilesN / p.tilesM;
${bases}
  let row = lane / 16u * 4u;
  let column = lane % 16u * 4u;
${each("  var t# = vec4<f32>();")}
  for (var start = 0u; start < p.k; start += ${RUN}u) {
${each("    var s# = vec4<f32>();")}
    for (var step = start; step < min(start + ${RUN}u, p.k); step += ${STEP}u) {
      workgroupBarrier();
      for (var e = lane; e < ${TILE * STEP}u; e += 256u) {
${loadTile("A", !spec.transposeA, "p.m")}
${loadTile("B", spec.transposeB === true, "p.n")}
      }
      workgroupBarrier();
      for (var kk = 0u; kk < ${STEP}u; kk++) {
        let b4 = quad(kk * ${TILE}u + column);
        let at = kk * ${TILE}u + row;
${each("        s# += tileA[at + #u] * b4;")}
      }
    }
${each("    t# += s#;")}
  }
${each("  store(image, firstA + row + #u, firstB + column, t#);")}`,
  });
}

/** Bindings: a, b, y. */
export function matmul(spec: MatmulSpec): Kernel {
  return spec.variant === "tiled" ? tiled(spec) : direct(spec);
}

/** Strides, in matrices, that read a batch of `shape` as `target` by broadcasting. */
export function matmulBatchStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = contiguousStrides(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) =>
    axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead],
  );
}

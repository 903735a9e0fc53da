import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Raster } from "./raster-records.js";
import { Opcode } from "./records.js";

/** Triangles of a chunk. */
const TRIANGLES = 64;
/** Rows of a chunk, for which it goes through all triangles. */
const ROWS = 16;
/** Floats that a chunk of pixels touches, about. */
const CHUNK = 4 * 1024;

/** Meshes of the same triangles, each drawn into an image of its own. */
export interface RasterSpec {
  readonly batch: number;
  /** Of one mesh. */
  readonly vertices: number;
  readonly triangles: number;
  readonly height: number;
  readonly width: number;
}

/** Numbers a vertex. */
export interface InterpolateSpec extends RasterSpec {
  readonly channels: number;
}

/** Operands that are called as their fields. */
type Operand =
  | "positions"
  | "triangles"
  | "bounds"
  | "triangle"
  | "barycentrics"
  | "closeness"
  | "values"
  | "gradient"
  | "output";

interface Parts {
  readonly name: string;
  readonly opcode: Opcode;
  readonly chunks: number;
  readonly chunkSize: number;
  readonly operands: readonly Operand[];
  readonly flops: number;
}

function kernel(spec: RasterSpec & { readonly channels?: number }, parts: Parts): Kernel {
  const { name, opcode, chunks, chunkSize, operands, flops } = parts;
  return defineKernel({
    name,
    opcode,
    size: Raster.size,
    chunks,
    integers: {
      [Raster.batch]: spec.batch,
      [Raster.vertices]: spec.vertices,
      [Raster.count]: spec.triangles,
      [Raster.height]: spec.height,
      [Raster.width]: spec.width,
      [Raster.channels]: spec.channels ?? 0,
      [Raster.chunkSize]: chunkSize,
    },
    operands: operands.map((operand) => ({ operand, field: Raster[operand], offset: 0 })),
    flops,
  });
}

const byTriangles = ({ batch, triangles }: RasterSpec) => ({
  chunkSize: TRIANGLES,
  chunks: Math.ceil((batch * triangles) / TRIANGLES),
});

const pixelsOf = ({ batch, height, width }: RasterSpec): number => batch * height * width;

function byPixels(spec: InterpolateSpec) {
  const chunkSize = rowsFor(CHUNK, spec.channels + 3);
  return { chunkSize, chunks: Math.ceil(pixelsOf(spec) / chunkSize) };
}

/** Operands `positions`, `triangles` (i32), `bounds` (i32) [n, t, 4]: left, top, right, bottom. */
export function rasterBounds(spec: RasterSpec): Kernel {
  return kernel(spec, {
    name: "raster-bounds",
    opcode: Opcode.RasterBounds,
    ...byTriangles(spec),
    operands: ["positions", "triangles", "bounds"],
    flops: spec.batch * spec.triangles * 20,
  });
}

/** Operands `positions`, `triangles`, `bounds`, `closeness` (room for [n, h, w]), `barycentrics`, `triangle` (i32). */
export function rasterize(spec: RasterSpec): Kernel {
  return kernel(spec, {
    name: "rasterize",
    opcode: Opcode.Rasterize,
    chunkSize: ROWS,
    chunks: spec.batch * Math.ceil(spec.height / ROWS),
    operands: ["positions", "triangles", "bounds", "closeness", "barycentrics", "triangle"],
    flops: pixelsOf(spec) * 30,
  });
}

/**
 * Towards the corners of the triangles. Operands `positions`, `triangles`, `bounds`, `triangle`, `gradient` [n, h, w, 3],
 * `output` [n, t, 3, 3].
 */
export function rasterizeGradient(spec: RasterSpec): Kernel {
  return kernel(spec, {
    name: "rasterize-gradient",
    opcode: Opcode.RasterizeGradient,
    ...byTriangles(spec),
    operands: ["positions", "triangles", "bounds", "triangle", "gradient", "output"],
    flops: pixelsOf(spec) * 60,
  });
}

/** Operands `values`, `triangles`, `barycentrics`, `triangle`, `output` [n, h, w, c]. */
export function interpolateVertices(spec: InterpolateSpec): Kernel {
  return kernel(spec, {
    name: "interpolate-vertices",
    opcode: Opcode.InterpolateVertices,
    ...byPixels(spec),
    operands: ["values", "triangles", "barycentrics", "triangle", "output"],
    flops: pixelsOf(spec) * spec.channels * 6,
  });
}

/** Towards the barycentrics. Operands `values`, `triangles`, `triangle`, `gradient` [n, h, w, c], `output`. */
export function interpolateWeightsGradient(spec: InterpolateSpec): Kernel {
  return kernel(spec, {
    name: "interpolate-weights-gradient",
    opcode: Opcode.InterpolateWeightsGradient,
    ...byPixels(spec),
    operands: ["values", "triangles", "triangle", "gradient", "output"],
    flops: pixelsOf(spec) * spec.channels * 6,
  });
}

/** Towards the corners' values. Operands `bounds`, `barycentrics`, `triangle`, `gradient`, `output` [n, t, 3, c]. */
export function interpolateValuesGradient(spec: InterpolateSpec): Kernel {
  return kernel(spec, {
    name: "interpolate-values-gradient",
    opcode: Opcode.InterpolateValuesGradient,
    ...byTriangles(spec),
    operands: ["bounds", "barycentrics", "triangle", "gradient", "output"],
    flops: pixelsOf(spec) * spec.channels * 6,
  });
}

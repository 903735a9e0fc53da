import { type Csr, csrOf, type Entry } from "../sparse.js";
import { closestOfTriangle } from "./closest.js";
import { adjacency, largestEigenvalue, scaledLaplacian } from "./laplacian.js";
import type { TexturedMesh } from "./obj.js";
import type { Vec3 } from "./quadric.js";
import { simplify, type TriangleMesh } from "./simplify.js";

/** A mesh of a template, and how values come to it from the coarser one. */
export interface MeshLevel {
  readonly vertices: number;
  /** [v, 3]. */
  readonly positions: Float32Array;
  /** [t, 3]. */
  readonly triangles: Int32Array;
  /** 1 where an edge joins two vertices, [v, v]. */
  readonly adjacency: Csr;
  /** See `scaledLaplacian`; [v, v]. */
  readonly laplacian: Csr;
  /** Takes values of the finer mesh's vertices that are left, [v, v of the finer]; none at the finest. */
  readonly down?: Csr | undefined;
  /** Gives each vertex values of the coarser mesh's triangle that it is closest to; none at the coarsest. */
  readonly up?: Csr | undefined;
}

/** A mesh with coarser ones, for graph convolutions. */
export interface MeshTemplate {
  /** [v, 2], from the lower left corner of the texture. */
  readonly uv: Float32Array;
  /** The finest first. */
  readonly levels: readonly MeshLevel[];
}

/** What of a level cannot be computed at once from its triangles. */
export interface LevelData {
  readonly triangles: Int32Array;
  /** Largest eigenvalue of the normalised Laplacian. */
  readonly largestEigenvalue: number;
  /** Vertices of the finer mesh that are left; none at the finest. */
  readonly kept: Int32Array;
  /** [v of the finer, 3]: the triangle that each of the finer mesh's vertices is closest to, as vertices. */
  readonly corners: Int32Array;
  /** [v of the finer, 3]: where in it. */
  readonly weights: Float64Array;
}

/** What a template is made of. */
export interface TemplateData {
  readonly positions: ArrayLike<number>;
  readonly uv: ArrayLike<number>;
  /** The finest first. */
  readonly levels: readonly LevelData[];
}

/**
 * Simplifies a mesh to coarser and coarser ones (Ranjan et al. 2018, "Generating 3D Faces Using Convolutional Mesh
 * Autoencoders"). Takes seconds; `faceTemplate` has it of the face.
 *
 * @param counts vertices of the coarser meshes, falling
 * @throws TensorError `ARGUMENT` where a mesh cannot become that coarse
 */
export function makeTemplateData(mesh: TexturedMesh, counts: readonly number[]): TemplateData {
  const { positions, uv, triangles } = mesh;
  const finest = levelData(positions.length / 3, triangles);
  const levels: LevelData[] = [finest];
  let finer: TriangleMesh = mesh;
  for (const count of counts) {
    const { kept, triangles: coarse } = simplify(finer, count);
    const coarser = { positions: rowsOf(finer.positions, kept), triangles: coarse };
    levels.push({ ...levelData(kept.length, coarse), kept, ...closestOf(finer, kept, coarser) });
    finer = coarser;
  }
  return { positions, uv, levels };
}

const NONE = new Int32Array(0);

function levelData(vertices: number, triangles: Int32Array): LevelData {
  const none = { kept: NONE, corners: NONE, weights: new Float64Array(0) };
  return { triangles, largestEigenvalue: largestEigenvalue(triangles, vertices), ...none };
}

function pointOf(positions: ArrayLike<number>, v: number): Vec3 {
  return [positions[3 * v], positions[3 * v + 1], positions[3 * v + 2]];
}

function rowsOf(positions: ArrayLike<number>, rows: ArrayLike<number>): Float64Array {
  return Float64Array.from(Array.from(rows, (v) => pointOf(positions, v)).flat());
}

function closestOf({ positions }: TriangleMesh, kept: Int32Array, coarser: TriangleMesh) {
  const own = new Map(Array.from(kept, (v, i) => [v, i]));
  const count = coarser.triangles.length / 3;
  const triples = Array.from({ length: count }, (_, t) => pointOf(coarser.triangles, t));
  const found = Array.from({ length: positions.length / 3 }, (_, v) => {
    const left = own.get(v);
    if (left !== undefined) return { corners: [left, left, left], weights: [1, 0, 0] };
    const point = pointOf(positions, v);
    const all = triples.map((corners) => {
      const [a, b, c] = corners.map((u) => pointOf(coarser.positions, u));
      return { corners, ...closestOfTriangle(point, [a, b, c]) };
    });
    return all.reduce((best, each) => (each.distance < best.distance ? each : best));
  });
  return {
    corners: Int32Array.from(found.flatMap(({ corners }) => [...corners])),
    weights: Float64Array.from(found.flatMap(({ weights }) => [...weights])),
  };
}

/** A template of what was made, with its matrices. */
export function templateOf({ positions, uv, levels }: TemplateData): MeshTemplate {
  let own = Float32Array.from(positions);
  return {
    uv: Float32Array.from(uv),
    levels: levels.map((level, i) => {
      const { triangles, kept } = level;
      const finer = own.length / 3;
      if (i > 0) own = Float32Array.from(rowsOf(own, kept));
      const vertices = own.length / 3;
      return {
        vertices,
        positions: own,
        triangles,
        adjacency: adjacency(triangles, vertices),
        laplacian: scaledLaplacian(triangles, vertices, level.largestEigenvalue),
        down: i > 0 ? downMatrix(kept, finer) : undefined,
        up: i + 1 < levels.length ? upMatrix(levels[i + 1]) : undefined,
      };
    }),
  };
}

function downMatrix(kept: Int32Array, finer: number): Csr {
  const entries = Array.from(kept, (v, row): Entry => [row, v, 1]);
  return csrOf([kept.length, finer], entries);
}

function upMatrix({ kept, corners, weights }: LevelData): Csr {
  const entries = Array.from(
    corners,
    (column, k): Entry => [Math.floor(k / 3), column, weights[k]],
  );
  return csrOf(
    [corners.length / 3, kept.length],
    entries.filter(([, , weight]) => weight > 0),
  );
}

/**
 * Quadric simplification (Garland and Heckbert 1997, "Surface Simplification Using Quadric Error Metrics") as meshes for
 * graph convolutions want it (Ranjan et al. 2018): an edge is contracted onto one of its two vertices, so that a coarse
 * mesh's vertices are some of the fine one's. Edges of the outline count as planes of their own, at right angles to their triangles.
 * A contraction that would fold the surface or tear it is passed over. All edges are looked at for every contraction: a
 * template of hundreds of vertices takes a moment, one of tens of thousands would want a heap.
 */
import { TensorError } from "@retinaface-webgpu/tensor/inference";
import { cross, dot, normalOf, Quadric, subtract, unit, type Vec3 } from "./quadric.js";

/** Triangles, and where their vertices are. */
export interface TriangleMesh {
  /** [v, 3]. */
  readonly positions: ArrayLike<number>;
  /** [t, 3]. */
  readonly triangles: ArrayLike<number>;
}

/** A coarser mesh. */
export interface Simplified {
  /** Which vertices of the finer mesh are left, rising. */
  readonly kept: Int32Array;
  /** [t, 3], by number among those that are left. */
  readonly triangles: Int32Array;
}

/**
 * What planes through edges of the outline count, against 1 for a triangle's. With 1000, which keeps an outline in place, 23 of
 * the face's last 29 vertices lie on it, and the mesh before is off by 2.9 mm on average; with 10 it is 2.0, with 1 1.6, with
 * 0.1 1.7 (2026-11-29).
 */
const OUTLINE = 1;
/** The least cosine between a triangle's directions before and after. */
const LEAST_TURN = 0.2;

/**
 * @param count vertices that shall be left
 * @throws TensorError `ARGUMENT` where no edge can be contracted any more
 */
export function simplify(mesh: TriangleMesh, count: number): Simplified {
  const surface = new Surface(mesh);
  while (surface.vertices > count) {
    if (surface.contract()) continue;
    throw new TensorError(
      "ARGUMENT",
      `simplify: no edge of the mesh of ${surface.vertices} vertices can be contracted without folding or tearing it; ` +
        "ask for more than that.",
    );
  }
  return surface.result();
}

type Edge = readonly [from: number, to: number];

class Surface {
  readonly #points: Vec3[];
  readonly #quadrics: Quadric[];
  /** Corners of each triangle; undefined once it is gone. */
  readonly #triangles: (number[] | undefined)[];
  /** Triangles of each vertex; empty once it is gone. */
  readonly #around: Set<number>[];
  #left = 0;

  constructor({ positions, triangles }: TriangleMesh) {
    const at = (list: ArrayLike<number>, i: number) => [
      list[3 * i],
      list[3 * i + 1],
      list[3 * i + 2],
    ];
    this.#points = Array.from(
      { length: positions.length / 3 },
      (_, i) => at(positions, i) as unknown as Vec3,
    );
    this.#triangles = Array.from({ length: triangles.length / 3 }, (_, t) => at(triangles, t));
    this.#around = this.#points.map(() => new Set());
    this.#quadrics = this.#points.map(() => new Quadric());
    for (const [t, corners] of this.#triangles.entries()) {
      for (const v of corners!) this.#around[v].add(t);
    }
    this.#left = this.#around.filter(({ size }) => size > 0).length;
    for (const corners of this.#triangles) this.#addPlanes(corners!);
  }

  /** Vertices that are left. */
  get vertices(): number {
    return this.#left;
  }

  #addPlanes(corners: readonly number[]): void {
    const [a, b, c] = corners.map((v) => this.#points[v]);
    const normal = normalOf(a, b, c);
    for (const v of corners) this.#quadrics[v].addPlane(normal, a, 1);
    for (const [k, from] of corners.entries()) {
      const to = corners[(k + 1) % 3];
      if (this.#shared(from, to).length > 1) continue;
      const start = this.#points[from];
      const across = unit(cross(subtract(this.#points[to], start), normal));
      for (const v of [from, to]) this.#quadrics[v].addPlane(across, start, OUTLINE);
    }
  }

  /** Contracts the edge that costs least. @returns whether there was one */
  contract(): boolean {
    let least: { edge: Edge; cost: number } | undefined;
    for (const corners of this.#triangles) {
      for (const edge of corners ? edgesOf(corners) : []) {
        const cost = this.#costOf(edge);
        if (cost < (least?.cost ?? Number.POSITIVE_INFINITY) && this.#allows(edge)) {
          least = { edge, cost };
        }
      }
    }
    if (least) this.#move(least.edge);
    return least !== undefined;
  }

  #costOf([from, to]: Edge): number {
    const point = this.#points[to];
    return this.#quadrics[from].at(point) + this.#quadrics[to].at(point);
  }

  /** Triangles of both vertices. */
  #shared(a: number, b: number): number[] {
    return [...this.#around[a]].filter((t) => this.#around[b].has(t));
  }

  #neighbours(v: number): Set<number> {
    const all = [...this.#around[v]].flatMap((t) => this.#triangles[t]!);
    return new Set(all.filter((other) => other !== v));
  }

  #onOutline(v: number): boolean {
    return [...this.#neighbours(v)].some((other) => this.#shared(v, other).length === 1);
  }

  #allows([from, to]: Edge): boolean {
    const shared = this.#shared(from, to);
    if (shared.length !== 1 && this.#onOutline(from)) return false;
    const others = this.#neighbours(to);
    const common = [...this.#neighbours(from)].filter((v) => others.has(v));
    if (common.length !== shared.length) return false;
    // Of those beside the edge too a sheet must be left.
    if (common.some((v) => this.#around[v].size - 1 < (this.#onOutline(v) ? 1 : 3))) return false;
    return [...this.#around[from]].every((t) => {
      const corners = this.#triangles[t]!;
      if (corners.includes(to)) return true;
      const before = corners.map((v) => this.#points[v]);
      const after = corners.map((v) => this.#points[v === from ? to : v]);
      const [a, b] = [before, after].map(([p, q, r]) => normalOf(p, q, r));
      return dot(a, b) >= LEAST_TURN;
    });
  }

  #move([from, to]: Edge): void {
    for (const t of this.#around[from]) {
      const corners = this.#triangles[t]!;
      if (corners.includes(to)) {
        for (const v of corners) if (v !== from) this.#around[v].delete(t);
        this.#triangles[t] = undefined;
      } else {
        this.#triangles[t] = corners.map((v) => (v === from ? to : v));
        this.#around[to].add(t);
      }
    }
    this.#around[from].clear();
    this.#quadrics[to].add(this.#quadrics[from]);
    this.#left--;
  }

  result(): Simplified {
    const kept = [...this.#around.keys()].filter((v) => this.#around[v].size > 0);
    const numbers = new Map(kept.map((v, i) => [v, i]));
    const triangles = this.#triangles.flatMap((corners) => corners ?? []);
    return {
      kept: Int32Array.from(kept),
      triangles: Int32Array.from(triangles, (v) => numbers.get(v)!),
    };
  }
}

/** Both ways along each side. */
function edgesOf([a, b, c]: readonly number[]): Edge[] {
  return [
    [a, b],
    [b, a],
    [b, c],
    [c, b],
    [c, a],
    [a, c],
  ];
}

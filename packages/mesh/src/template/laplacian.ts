import { type Csr, csrOf, type Entry } from "../sparse.js";

/** Neighbours of each vertex, rising. */
export function neighboursOf(triangles: ArrayLike<number>, vertices: number): number[][] {
  const sets = Array.from({ length: vertices }, () => new Set<number>());
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const [a, b] = [triangles[t + k], triangles[t + ((k + 1) % 3)]];
      sets[a].add(b);
      sets[b].add(a);
    }
  }
  return sets.map((set) => [...set].sort((a, b) => a - b));
}

/** The adjacency matrix: 1 where an edge joins two vertices. */
export function adjacency(triangles: ArrayLike<number>, vertices: number): Csr {
  const entries = neighboursOf(triangles, vertices).flatMap((others, v) =>
    others.map((other): Entry => [v, other, 1]),
  );
  return csrOf([vertices, vertices], entries);
}

/** Iterations for the largest eigenvalue. */
const ITERATIONS = 20_000;

/**
 * The largest eigenvalue of the normalised Laplacian I − D^−½ A D^−½, by power iteration: 2 at most, as the matrix has none
 * below 0.
 */
export function largestEigenvalue(triangles: ArrayLike<number>, vertices: number): number {
  const others = neighboursOf(triangles, vertices);
  const scale = others.map(({ length }) => 1 / Math.sqrt(Math.max(1, length)));
  let x = Float64Array.from({ length: vertices }, (_, i) => Math.sin(i + 1));
  let value = 0;
  for (let i = 0; i < ITERATIONS; i++) {
    const y = x.map((own, v) => {
      const sum = others[v].reduce((total, u) => total + x[u] * scale[u], 0);
      return own - sum * scale[v];
    });
    const length = Math.sqrt(y.reduce((sum, v) => sum + v * v, 0));
    const before = value;
    value = length / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
    if (Math.abs(value - before) < 1e-13) break;
    x = y.map((v) => v / length);
  }
  return value;
}

/**
 * The scaled Laplacian 2 L / λ − I, whose eigenvalues lie in −1 … 1 as Chebyshev polynomials want them (Defferrard et al.
 * 2016), with L = I − D^−½ A D^−½.
 *
 * @param largest λ, L's largest eigenvalue
 */
export function scaledLaplacian(
  triangles: ArrayLike<number>,
  vertices: number,
  largest: number,
): Csr {
  const others = neighboursOf(triangles, vertices);
  const entries = others.flatMap((own, v): Entry[] => [
    [v, v, 2 / largest - 1],
    ...own.map((u): Entry => [v, u, -2 / largest / Math.sqrt(own.length * others[u].length)]),
  ]);
  return csrOf([vertices, vertices], entries);
}

import {
  concat,
  type Device,
  keep,
  mul,
  narrow,
  norm,
  normalize,
  permute,
  type SparseCsr,
  sub,
  type Tensor,
  TensorError,
  tensor,
} from "@retinaface-webgpu/tensor/inference";
import { applySparse } from "../cheb-conv.js";
import { csrOf, disposeCsr, type Entry, uploadCsr } from "../sparse.js";

/** Triangles of meshes on a device, and the matrices between them and their vertices. */
export class Topology {
  readonly vertices: number;
  /** [t, 3] i32. */
  readonly triangles: Tensor;
  /** [3 t, v]: the vertex of each corner, all first corners before all second ones. */
  readonly #corners: SparseCsr;
  /** [v, t]: 1 for the triangles around a vertex. */
  readonly #around: SparseCsr;

  /** @param triangles [t, 3] @throws TensorError `ARGUMENT` for numbers that are no vertices */
  constructor(device: Device, triangles: Int32Array, vertices: number) {
    const count = triangles.length / 3;
    const fits =
      count > 0 && Number.isInteger(count) && triangles.every((v) => v >= 0 && v < vertices);
    if (!fits) {
      throw new TensorError(
        "ARGUMENT",
        `Topology: ${triangles.length} numbers of ${vertices} vertices; triangles are three from 0 to ${vertices - 1} each.`,
      );
    }
    this.vertices = vertices;
    this.triangles = keep(tensor(device, triangles, [count, 3], { dtype: "i32" }));
    const corners = Array.from(
      triangles,
      (v, i): Entry => [(i % 3) * count + Math.floor(i / 3), v, 1],
    );
    this.#corners = uploadCsr(device, csrOf([count * 3, vertices], corners));
    const around = Array.from(triangles, (v, i): Entry => [v, Math.floor(i / 3), 1]);
    this.#around = uploadCsr(device, csrOf([vertices, count], around));
  }

  /** Places of the triangles' first, second and third corners, of vertices `[n, v, 3]`: `[t, n, 3]` each. */
  #cornersOf(vertices: Tensor): Tensor[] {
    const count = this.triangles.shape[0];
    const all = applySparse(this.#corners, permute(vertices, [1, 0, 2]));
    return [0, 1, 2].map((k) => narrow(all, 0, k * count, count));
  }

  /**
   * Directions of the surface at vertices, of length 1: the mean of the triangles around, larger ones counting more. To the
   * side from which the triangles are anticlockwise.
   *
   * @param vertices `[n, v, 3]` @returns `[n, v, 3]`
   */
  normals(vertices: Tensor): Tensor {
    const [a, b, c] = this.#cornersOf(vertices);
    const sums = applySparse(this.#around, cross(sub(b, a), sub(c, a)));
    return permute(normalize(sums), [1, 0, 2]);
  }

  /**
   * Lengths of the triangles' sides.
   *
   * @param vertices `[n, v, 3]` @returns `[n, t, 3]`: from the first corner to the second, on to the third, and back
   */
  edgeLengths(vertices: Tensor): Tensor {
    const corners = this.#cornersOf(vertices);
    const sides = corners.map((from, k) => sub(corners[(k + 1) % 3], from));
    const lengths = sides.map((side) => norm(side, { axes: [2], keepDims: true }));
    return permute(concat(lengths, 2), [1, 0, 2]);
  }

  dispose(): void {
    this.triangles.dispose();
    for (const matrix of [this.#corners, this.#around]) disposeCsr(matrix);
  }
}

/** Of the last axis. */
function cross(a: Tensor, b: Tensor): Tensor {
  const turned = (x: Tensor, first: number) => {
    const parts = [first, (first + 1) % 3, (first + 2) % 3].map((k) => narrow(x, 2, k, 1));
    return concat(parts, 2);
  };
  return sub(mul(turned(a, 1), turned(b, 2)), mul(turned(a, 2), turned(b, 1)));
}

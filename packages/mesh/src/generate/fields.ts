/** Smooth random changes of a template's mesh. */
import type { Random } from "@retinaface-webgpu/tensor/inference";
import { type Csr, entriesOf } from "../sparse.js";
import type { MeshTemplate } from "../template/template.js";

/** A matrix by rows of `width` numbers. */
export function applyCsr(matrix: Csr, values: ArrayLike<number>, width: number): Float64Array {
  const result = new Float64Array(matrix.size[0] * width);
  for (const [row, column, value] of entriesOf(matrix)) {
    for (let k = 0; k < width; k++) result[row * width + k] += value * values[column * width + k];
  }
  return result;
}

/**
 * Normal numbers at the vertices of one of a template's meshes, brought up to the finest: the coarser the mesh, the smoother.
 *
 * @returns `width` numbers a vertex, of variance 1 where vertices are the coarse mesh's
 */
export function smoothField(
  { levels }: MeshTemplate,
  random: Random,
  level: number,
  width: number,
): Float64Array {
  const count = levels[level].vertices * width;
  let values: Float64Array = Float64Array.from({ length: count }, () => random.normal());
  for (let l = level - 1; l >= 0; l--) values = applyCsr(levels[l].up!, values, width);
  return values;
}

/** For each vertex the one that is nearest to its mirror image about x = 0. */
export function mirrorOf({ levels: [{ positions, vertices }] }: MeshTemplate): number[] {
  return Array.from({ length: vertices }, (_, v) => {
    const [x, y, z] = positions.subarray(3 * v, 3 * v + 3);
    let nearest = { vertex: v, distance: Number.POSITIVE_INFINITY };
    for (let u = 0; u < vertices; u++) {
      const away = [positions[3 * u] + x, positions[3 * u + 1] - y, positions[3 * u + 2] - z];
      const distance = away.reduce((sum, d) => sum + d * d, 0);
      if (distance < nearest.distance) nearest = { vertex: u, distance };
    }
    return nearest.vertex;
  });
}

/** Makes a field of displacements [v, 3] as symmetric about x = 0 as `share` says, from 0 to 1. */
export function symmetric(
  field: Float64Array,
  mirror: readonly number[],
  share: number,
): Float64Array {
  return field.map((own, i) => {
    const [v, k] = [Math.floor(i / 3), i % 3];
    const other = field[mirror[v] * 3 + k] * (k === 0 ? -1 : 1);
    return own + share * 0.5 * (other - own);
  });
}

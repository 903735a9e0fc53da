/**
 * The light of RetinaFace's renderer: nine numbers.
 *
 *     x_l y_l z_l   where the point light is, in the mesh's space
 *     r_l g_l b_l   its colour
 *     r_a g_a b_a   the colour of the light from everywhere
 *
 * A point of colour c whose surface looks to n is seen as c (a + l max(0, n · d)), d the direction of the light: Lambert's
 * law, without shadows and highlights. Distance does not weaken the light.
 */
import {
  add,
  mul,
  narrow,
  normalize,
  relu,
  reshape,
  sub,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";

/** Numbers of a light. */
export const LIGHT_LENGTH = 9;

/**
 * @param colours `[n, h, w, 3]` @param normals `[n, h, w, 3]`, of any length @param points `[n, h, w, 3]` in the mesh's space
 * @param light `[n, 9]`
 * @returns `[n, h, w, 3]`
 */
export function shade(colours: Tensor, normals: Tensor, points: Tensor, light: Tensor): Tensor {
  const three = (first: number) => reshape(narrow(light, 1, first, 3), [-1, 1, 1, 3]);
  const towards = normalize(sub(three(0), points));
  const facing = relu(sum(mul(normalize(normals), towards), { axes: [3], keepDims: true }));
  return mul(colours, add(three(6), mul(three(3), facing)));
}

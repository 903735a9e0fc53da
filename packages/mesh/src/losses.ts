/** The losses of RetinaFace's mesh: L_pixel of its first version (Deng et al. 2019), L_vert and L_edge of its later (2020). */
import {
  abs,
  div,
  l1Loss,
  maximum,
  mul,
  mulScalar,
  ShapeError,
  sub,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import type { Rendering } from "./render/renderer.js";
import type { Topology } from "./render/topology.js";

function requireAlike(what: string, a: Tensor, b: Tensor): void {
  if (a.shape.join(", ") === b.shape.join(", ")) return;
  throw new ShapeError(
    `${what}: [${a.shape.join(", ")}] and [${b.shape.join(", ")}]; both must have one shape`,
  );
}

/**
 * Mean of |drawn − photographed| over the pixels that show the mesh and their three colours; 0 where none does. Pixels beside
 * the mesh count nothing: hair and background are not its to draw.
 *
 * @param photo `[n, h, w, 3]`, 0 to 1 @throws ShapeError where its shape is not the rendering's
 */
export function pixelLoss({ image, mask }: Rendering, photo: Tensor): Tensor {
  requireAlike("pixelLoss", image, photo);
  const off = mul(abs(sub(image, photo)), mask);
  return div(sum(off), mulScalar(maximum(sum(mask), 1), 3));
}

/**
 * Mean of |found − known| over the coordinates of vertices.
 *
 * @param vertices `[n, v, 3]` @param known as many @throws ShapeError where the shapes differ
 */
export function vertexLoss(vertices: Tensor, known: Tensor): Tensor {
  requireAlike("vertexLoss", vertices, known);
  return l1Loss(vertices, known);
}

/**
 * Mean of |found − known| over the lengths of the triangles' three sides: what keeps a mesh from crumpling.
 *
 * @param vertices `[n, v, 3]` @param known as many
 * @param weights `[n, 1, 1]`: how much a mesh counts; default 1 each
 * @throws ShapeError where the shapes differ
 */
export function edgeLoss(
  vertices: Tensor,
  known: Tensor,
  topology: Topology,
  weights?: Tensor,
): Tensor {
  requireAlike("edgeLoss", vertices, known);
  const lengths = [vertices, known].map((each) => topology.edgeLengths(each));
  const [found, right] = weights ? lengths.map((each) => mul(each, weights)) : lengths;
  return l1Loss(found, right);
}

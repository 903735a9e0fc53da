import {
  interpolateVertices as interpolateKernel,
  type RasterSpec,
  rasterBounds,
  rasterize as rasterizeKernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { commonDevice, defineOp } from "../op.js";

/** What `rasterize` found at each pixel. */
export interface Fragments {
  /** [n, h, w, 3] f32: parts of the triangle's corners in the point that is seen, in space; 0 where there is none. */
  readonly barycentrics: Tensor;
  /** [n, h, w] i32: the triangle that is seen, −1 where there is none. */
  readonly triangle: Tensor;
  /** [n, t, 4] i32: the pixels' rectangle of each triangle: left, top, right and bottom, the last two outside. */
  readonly bounds: Tensor;
  /** [t, 3] i32: the vertices of the triangles. */
  readonly triangles: Tensor;
}

/** Options of `rasterize`. */
export interface RasterizeOptions {
  /** Of the image in pixels. */
  readonly size: readonly [height: number, width: number];
}

export interface RasterAttrs {
  readonly height: number;
  readonly width: number;
}

/** The kernels' spec of `rasterize`. */
export function rasterSpec(
  positions: TensorInfo,
  triangles: TensorInfo,
  { height, width }: RasterAttrs,
): RasterSpec {
  const [batch, vertices] = positions.shape;
  return { batch, vertices, triangles: triangles.shape[0], height, width };
}

/** Inputs: positions, triangles. Outputs: barycentrics, triangle, bounds. */
export const rasterizeOp = /* @__PURE__ */ defineOp<RasterAttrs>({
  name: "rasterize",
  outputs: ([positions, triangles], { height, width }) => {
    const [batch] = positions.shape;
    return [
      { shape: [batch, height, width, 3], dtype: "f32" },
      { shape: [batch, height, width], dtype: "i32" },
      { shape: [batch, triangles.shape[0], 4], dtype: "i32" },
    ];
  },
  forward: (run, [positions, triangles], [barycentrics, triangle, bounds], attrs) => {
    const spec = rasterSpec(positions, triangles, attrs);
    run.kernel(rasterBounds(spec), [positions, triangles, bounds]);
    run.kernel(rasterizeKernel(spec), [positions, triangles, bounds, barycentrics, triangle]);
  },
});

/** The kernels' spec for values of vertices and what `rasterizeOp` made of them. */
export function interpolateSpec(values: TensorInfo, triangles: TensorInfo, triangle: TensorInfo) {
  const [batch, vertices, channels] = values.shape;
  const [, height, width] = triangle.shape;
  return { batch, vertices, triangles: triangles.shape[0], height, width, channels };
}

/** Inputs: values, triangles, barycentrics, triangle, bounds, which only the gradient reads. */
export const interpolateOp = /* @__PURE__ */ defineOp<null>({
  name: "interpolateVertices",
  outputs: ([values, , , triangle]) => [
    { shape: [...triangle.shape, values.shape[2]], dtype: "f32" },
  ],
  forward: (run, [values, triangles, barycentrics, triangle], [y]) => {
    const kernel = interpolateKernel(interpolateSpec(values, triangles, triangle));
    run.kernel(kernel, [values, triangles, barycentrics, triangle, y]);
  },
});

function checkTriangles(what: string, triangles: Tensor): void {
  requireDtype(`${what}'s triangles`, triangles, "i32");
  if (triangles.rank === 2 && triangles.shape[1] === 3 && triangles.shape[0] > 0) return;
  throw new ShapeError(
    `${what}: triangles ${showShape(triangles.shape)}; they are three vertices each, [t, 3], and one at least`,
  );
}

/**
 * Draws meshes of the same triangles, each into an image of its own: which triangle is nearest at the centre of each pixel,
 * and where in it, in perspective. Both sides of a triangle are seen.
 *
 * The barycentrics have a gradient to the positions. Which triangle a pixel shows has none: nothing flows through the
 * outline of a mesh, nor where one part of it hides another (Genova et al. 2018, "Unsupervised Training for 3D Morphable
 * Model Regression"); what is seen moves inside.
 *
 * @param positions `[n, v, 3]` f32: x and y in pixels, from the upper left corner of the image (its first pixel's centre is
 *   at 0.5, 0.5), and the depth, in front of the camera above 0. A triangle with a vertex elsewhere is not drawn.
 * @param triangles `[t, 3]` i32, one at least; one with a number that is no vertex is not drawn
 * @throws ShapeError naming the shapes that do not fit, TensorError `DTYPE`, `ARGUMENT`
 */
export function rasterize(
  positions: Tensor,
  triangles: Tensor,
  options: RasterizeOptions,
): Fragments {
  requireOptions("rasterize", options, ["size"]);
  commonDevice("rasterize", [positions, triangles]);
  requireDtype("rasterize's positions", positions, "f32");
  checkTriangles("rasterize", triangles);
  if (positions.rank !== 3 || positions.shape[2] !== 3 || positions.shape[1] === 0) {
    throw new ShapeError(
      `rasterize: positions ${showShape(positions.shape)}; they are x, y and depth of vertices, [n, v, 3]`,
    );
  }
  const { size } = options;
  requireIntegers("rasterize's size", size, 1);
  const [height, width] = size;
  const [barycentrics, triangle, bounds] = rasterizeOp([positions, triangles], { height, width });
  return { barycentrics, triangle, bounds, triangles };
}

/**
 * Values of vertices at the pixels where their triangles are seen, in perspective: colours, normals, texture coordinates.
 * Gradients flow to the values and, by the barycentrics, to the positions.
 *
 * @param values `[n, v, c]` f32 @param fragments what `rasterize` made of as many meshes
 * @returns `[n, h, w, c]`, 0 where no triangle is seen
 * @throws ShapeError naming the shapes that do not fit, TensorError `DTYPE`, `ARGUMENT`
 */
export function interpolateVertices(values: Tensor, fragments: Fragments): Tensor {
  const names = ["barycentrics", "triangle", "bounds", "triangles"];
  requireOptions("interpolateVertices", fragments, names);
  const { barycentrics, triangle, bounds, triangles } = fragments;
  commonDevice("interpolateVertices", [values, triangles, barycentrics, triangle, bounds]);
  for (const one of [values, barycentrics]) requireDtype("interpolateVertices", one, "f32");
  for (const one of [triangle, bounds]) requireDtype("interpolateVertices' fragments", one, "i32");
  checkTriangles("interpolateVertices", triangles);
  const [batch] = triangle.shape;
  const fits =
    triangle.rank === 3 &&
    showShape(barycentrics.shape) === showShape([...triangle.shape, 3]) &&
    showShape(bounds.shape) === showShape([batch, triangles.shape[0], 4]);
  if (!fits) {
    throw new ShapeError(
      `interpolateVertices: barycentrics ${showShape(barycentrics.shape)}, triangle ${showShape(triangle.shape)} and ` +
        `bounds ${showShape(bounds.shape)} for ${triangles.shape[0]} triangles; give what one call of rasterize gave`,
    );
  }
  if (values.rank !== 3 || values.shape[0] !== batch || values.shape[1] === 0) {
    throw new ShapeError(
      `interpolateVertices: values ${showShape(values.shape)} for ${batch} mesh(es); they must be [${batch}, v, c]`,
    );
  }
  return interpolateOp([values, triangles, barycentrics, triangle, bounds], null)[0];
}

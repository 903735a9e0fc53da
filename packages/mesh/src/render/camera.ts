/**
 * The camera of RetinaFace's renderer: seven numbers, of which the paper says location, pose and focal length.
 *
 *     x_c y_c z_c      where it is, in the mesh's space
 *     x'_c y'_c z'_c   how it is turned about its x, y and z axis: pitch, yaw and roll in radians
 *     f_c              the focal length in half heights of the image
 *
 * Not turned, it looks along −z with y up and x to the right. W = Ry(yaw) Rx(pitch) Rz(roll) takes its axes to the mesh's
 * space. A pose by a point that it looks at, as other renderers have it, would leave the roll open.
 */
import {
  add,
  addScalar,
  concat,
  div,
  matmul,
  mul,
  mulScalar,
  narrow,
  neg,
  reshape,
  ShapeError,
  square,
  sub,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";

/** Numbers of a camera. */
export const CAMERA_LENGTH = 7;

/** Height and width in pixels. */
export type ImageSize = readonly [height: number, width: number];

/** @throws ShapeError unless it is [n, length] */
export function requireRows(what: string, rows: Tensor, batch: number, length: number): void {
  if (rows.rank === 2 && rows.shape[0] === batch && rows.shape[1] === length) return;
  throw new ShapeError(
    `${what} is [${rows.shape.join(", ")}] for ${batch} mesh(es); it must be [${batch}, ${length}]`,
  );
}

/** 1 − x (1 − x (1 − …) / d) / d, the divisors from the outermost on. */
function series(x: Tensor, divisors: readonly number[]): Tensor {
  return divisors.reduceRight<Tensor | undefined>((inner, divisor) => {
    const term = mulScalar(inner ? mul(x, inner) : x, -1 / divisor);
    return addScalar(term, 1);
  }, undefined)!;
}

/**
 * Sines and cosines of angles from −π to π, of series for a quarter of them, which is doubled twice. WGSL's own functions
 * may be off by 2⁻¹¹ and are so on some adapters: a fiftieth of a pixel of a face.
 */
function circle(angles: Tensor): { sines: Tensor; cosines: Tensor } {
  const quarter = mulScalar(angles, 0.25);
  const squares = square(quarter);
  let sines = mul(quarter, series(squares, [6, 20, 42, 72]));
  let cosines = series(squares, [2, 12, 30, 56, 90]);
  for (let k = 0; k < 2; k++) {
    const doubled = mulScalar(mul(sines, cosines), 2);
    cosines = addScalar(mulScalar(square(sines), -2), 1);
    sines = doubled;
  }
  return { sines, cosines };
}

/** W of cameras whose angles are within −π to π: `[n, 3, 3]`. */
export function cameraRotation(camera: Tensor): Tensor {
  const { sines, cosines } = circle(narrow(camera, 1, 3, 3));
  const [[cx, sx], [cy, sy], [cz, sz]] = [0, 1, 2].map((k) =>
    [cosines, sines].map((all) => narrow(all, 1, k, 1)),
  );
  const product = (...factors: Tensor[]) => factors.reduce((a, b) => mul(a, b));
  const rows = [
    add(product(cy, cz), product(sy, sx, sz)),
    sub(product(sy, sx, cz), product(cy, sz)),
    product(sy, cx),
    product(cx, sz),
    product(cx, cz),
    neg(sx),
    sub(product(cy, sx, sz), product(sy, cz)),
    add(product(cy, sx, cz), product(sy, sz)),
    product(cy, cx),
  ];
  return reshape(concat(rows, 1), [-1, 3, 3]);
}

/**
 * Where vertices are seen: what `rasterize` takes.
 *
 * @param vertices `[n, v, 3]` @param camera `[n, 7]`
 * @returns `[n, v, 3]`: x and y in pixels, and the depth along the camera's axis
 * @throws ShapeError naming the shapes that do not fit
 */
export function project(vertices: Tensor, camera: Tensor, [height, width]: ImageSize): Tensor {
  const [batch] = vertices.shape;
  if (vertices.rank !== 3 || vertices.shape[2] !== 3) {
    throw new ShapeError(`project takes vertices [n, v, 3], not [${vertices.shape.join(", ")}]`);
  }
  requireRows("project's camera", camera, batch, CAMERA_LENGTH);
  const place = reshape(narrow(camera, 1, 0, 3), [batch, 1, 3]);
  const focal = mulScalar(reshape(narrow(camera, 1, 6, 1), [batch, 1, 1]), height / 2);
  const seen = matmul(sub(vertices, place), cameraRotation(camera));
  const [x, y, depth] = [narrow(seen, 2, 0, 1), narrow(seen, 2, 1, 1), neg(narrow(seen, 2, 2, 1))];
  const right = mul(focal, div(x, depth));
  const up = mul(focal, div(y, depth));
  const down = neg(up);
  return concat([addScalar(right, width / 2), addScalar(down, height / 2), depth], 2);
}

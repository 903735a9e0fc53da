/** Graph convolutions, cameras and light in float64, on arrays of numbers and by their definitions. */
import type { NdArray } from "./array.js";

/** 2/λ (I − D^−½ A D^−½) − I as a matrix with all its zeros. */
export function denseLaplacian(
  triangles: ArrayLike<number>,
  vertices: number,
  largest: number,
): number[][] {
  const joined = Array.from({ length: vertices }, () => new Array<number>(vertices).fill(0));
  for (let t = 0; t < triangles.length; t += 3) {
    for (const [a, b] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ]) {
      joined[triangles[t + a]][triangles[t + b]] = 1;
      joined[triangles[t + b]][triangles[t + a]] = 1;
    }
  }
  const degrees = joined.map((row) => row.reduce((a, b) => a + b, 0));
  return joined.map((row, i) =>
    row.map((one, j) => {
      const laplacian = (i === j ? 1 : 0) - one / Math.sqrt(degrees[i] * degrees[j]);
      return (2 / largest) * laplacian - (i === j ? 1 : 0);
    }),
  );
}

/** A matrix by values [v, n, c], vertices first. */
export function applyDense(matrix: readonly (readonly number[])[], x: NdArray): NdArray {
  const [, batch, channels] = x.shape;
  const width = batch * channels;
  const data = new Float64Array(matrix.length * width);
  for (const [i, row] of matrix.entries()) {
    for (const [j, factor] of row.entries()) {
      if (factor === 0) continue;
      for (let k = 0; k < width; k++) data[i * width + k] += factor * x.data[j * width + k];
    }
  }
  return { shape: [matrix.length, batch, channels], data };
}

/** Σ T_k(L~) x W_k + b, the polynomials by their recurrence. */
export function chebConv(
  x: NdArray,
  laplacian: readonly (readonly number[])[],
  weight: NdArray,
  bias: NdArray,
): NdArray {
  const [K, inChannels, outChannels] = weight.shape;
  const [vertices, batch] = x.shape;
  const rows = vertices * batch;
  const data = Float64Array.from(
    { length: rows * outChannels },
    (_, i) => bias.data[i % outChannels],
  );
  let [before, term]: [NdArray | undefined, NdArray] = [undefined, x];
  for (let k = 0; k < K; k++) {
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < inChannels; i++) {
        const value = term.data[row * inChannels + i];
        for (let o = 0; o < outChannels; o++) {
          data[row * outChannels + o] +=
            value * weight.data[(k * inChannels + i) * outChannels + o];
        }
      }
    }
    const product = applyDense(laplacian, term);
    const last: NdArray | undefined = before;
    const next: NdArray = last
      ? { ...product, data: product.data.map((v, i) => 2 * v - last.data[i]) }
      : product;
    [before, term] = [term, next];
  }
  return { shape: [vertices, batch, outChannels], data };
}

type Vector = readonly number[];

const minus = (a: Vector, b: Vector): Vector => a.map((v, i) => v - b[i]);
const inner = (a: Vector, b: Vector): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
const cross = (a: Vector, b: Vector): Vector =>
  [0, 1, 2].map((i) => a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3]);
const unit = (a: Vector): Vector => a.map((v) => v / Math.sqrt(inner(a, a)));

/** A turn by an angle about an axis: x 0, y 1, z 2. */
export function turn(axis: number, angle: number, v: Vector): Vector {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [i, j] = [(axis + 1) % 3, (axis + 2) % 3];
  const result = [...v];
  result[i] = c * v[i] - s * v[j];
  result[j] = s * v[i] + c * v[j];
  return result;
}

/** A point in pixels and depth, as a camera of seven numbers sees it. */
export function projected(
  point: Vector,
  camera: Vector,
  [height, width]: readonly [number, number],
): Vector {
  const [, , , pitch, yaw, roll, focal] = camera;
  const away = minus(point, camera.slice(0, 3));
  const [x, y, z] = turn(2, -roll, turn(0, -pitch, turn(1, -yaw, away)));
  const scale = (focal * height) / 2 / -z;
  return [width / 2 + scale * x, height / 2 - scale * y, -z];
}

/** Directions of a mesh's surface at its vertices. */
export function vertexNormals(points: readonly Vector[], triangles: readonly Vector[]): Vector[] {
  const sums = points.map(() => [0, 0, 0]);
  for (const triangle of triangles) {
    const [a, b, c] = triangle.map((v) => points[v]);
    const normal = cross(minus(b, a), minus(c, a));
    for (const v of triangle) for (let k = 0; k < 3; k++) sums[v][k] += normal[k];
  }
  return sums.map(unit);
}

/** A lit colour. */
export function shaded(colour: Vector, normal: Vector, point: Vector, light: Vector): Vector {
  const towards = unit(minus(light.slice(0, 3), point));
  const facing = Math.max(0, inner(unit(normal), towards));
  return colour.map((c, i) => c * (light[6 + i] + light[3 + i] * facing));
}

/** Sums of squared distances from planes: a symmetric matrix of 4×4 as its 10 different entries (Garland and Heckbert 1997). */

/** A vector of three. */
export type Vec3 = readonly [number, number, number];

export const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];

export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Of length 1; of a vector of no length, itself. */
export function unit(a: Vec3): Vec3 {
  const length = Math.sqrt(dot(a, a)) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}

export const normalOf = (a: Vec3, b: Vec3, c: Vec3): Vec3 =>
  unit(cross(subtract(b, a), subtract(c, a)));

/** A quadric, which planes and others are added to. */
export class Quadric {
  readonly entries = new Float64Array(10);

  /** @param normal of length 1 @param through a point of the plane */
  addPlane(normal: Vec3, through: Vec3, weight: number): void {
    const plane = [...normal, -dot(normal, through)];
    let k = 0;
    for (let i = 0; i < 4; i++) {
      for (let j = i; j < 4; j++) this.entries[k++] += weight * plane[i] * plane[j];
    }
  }

  add(other: Quadric): void {
    for (const [k, value] of other.entries.entries()) this.entries[k] += value;
  }

  /** The sum at a point. */
  at([x, y, z]: Vec3): number {
    const [xx, xy, xz, xw, yy, yz, yw, zz, zw, ww] = this.entries;
    return (
      xx * x * x +
      yy * y * y +
      zz * z * z +
      2 * (xy * x * y + xz * x * z + yz * y * z + xw * x + yw * y + zw * z) +
      ww
    );
  }
}

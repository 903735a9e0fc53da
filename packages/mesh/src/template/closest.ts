import { cross, dot, subtract, type Vec3 } from "./quadric.js";

/** A point of a triangle, as parts of its corners, and how far it is from another, squared. */
export interface Closest {
  readonly weights: Vec3;
  readonly distance: number;
}

/** The point of a triangle that is closest to another point: inside, or on the closest of its sides. */
export function closestOfTriangle(point: Vec3, corners: readonly [Vec3, Vec3, Vec3]): Closest {
  const [a, b, c] = corners;
  const normal = cross(subtract(b, a), subtract(c, a));
  const area = dot(normal, normal);
  const part = (p: Vec3, q: Vec3) =>
    dot(cross(subtract(q, p), subtract(point, p)), normal) / (area || 1);
  const weights: Vec3 = [part(b, c), part(c, a), part(a, b)];
  if (area > 0 && Math.min(...weights) >= 0) return measured(point, corners, weights);
  const sides = [0, 1, 2].map((k) => closestOfSide(point, corners, k));
  return sides.reduce((best, each) => (each.distance < best.distance ? each : best));
}

/** On the side from corner k to the next. */
function closestOfSide(point: Vec3, corners: readonly [Vec3, Vec3, Vec3], k: number): Closest {
  const [from, to] = [corners[k], corners[(k + 1) % 3]];
  const along = subtract(to, from);
  const t = dot(subtract(point, from), along) / (dot(along, along) || 1);
  const part = Math.min(1, Math.max(0, t));
  const weights = [0, 0, 0];
  weights[k] = 1 - part;
  weights[(k + 1) % 3] = part;
  return measured(point, corners, weights as unknown as Vec3);
}

function measured(point: Vec3, corners: readonly [Vec3, Vec3, Vec3], weights: Vec3): Closest {
  const at = [0, 1, 2].map((i) => corners.reduce((sum, p, k) => sum + weights[k] * p[i], 0));
  const away = subtract(point, at as unknown as Vec3);
  return { weights, distance: dot(away, away) };
}

import type { Face } from "../types.js";

/** Intersection over union of two boxes by their corners; 0 where they do not meet. */
export function overlap(a: Readonly<Face["box"]>, b: Readonly<Face["box"]>): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(width > 0 && height > 0)) return 0;
  const area = ([x1, y1, x2, y2]: Readonly<Face["box"]>) => (x2 - x1) * (y2 - y1);
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

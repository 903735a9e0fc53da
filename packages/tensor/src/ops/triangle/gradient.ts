import type { Gradient } from "../spec.js";
import { type TriangleAttrs, triangleOp } from "./forward.js";

export const triangleGradient: Gradient<TriangleAttrs> = ([g], _, __, attrs) => [
  g && triangleOp([g], attrs)[0],
];

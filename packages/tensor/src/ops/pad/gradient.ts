import { padBackwardAxis } from "@retinaface-webgpu/kernels-wgsl";
import { sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { slice } from "../movement/forward.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type PadAttrs, padOp } from "./forward.js";

interface PadAxisAttrs {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly mode: "reflect" | "edge";
}

const padAxisGradient = /* @__PURE__ */ defineOp<PadAxisAttrs>({
  name: "padBackward",
  outputs: ([g], { axis, before, after }) => [
    { shape: g.shape.map((n, k) => (k === axis ? n - before - after : n)), dtype: g.dtype },
  ],
  forward: (run, [g], [gx], { axis, before, after, mode }) => {
    const outer = sizeOf(gx.shape.slice(0, axis));
    const inner = sizeOf(gx.shape.slice(axis + 1));
    const spec = { outer, extent: gx.shape[axis], inner, before, after, mode };
    run.kernel(padBackwardAxis(spec), [g, gx]);
  },
});

function cropped(g: Tensor, x: Tensor, { before }: PadAttrs): Tensor {
  const inside = slice(
    g,
    x.shape.map((n, axis) => {
      const start = Math.max(0, before[axis]);
      return { start, end: Math.max(start, Math.min(g.shape[axis], before[axis] + n)) };
    }),
  );
  const left = before.map((b) => Math.max(0, -b));
  const right = x.shape.map((n, axis) => n - inside.shape[axis] - left[axis]);
  if ([...left, ...right].every((n) => n === 0)) return inside;
  return padOp([inside], { before: left, after: right, mode: "constant", value: 0 })[0];
}

export const padGradient: Gradient<PadAttrs> = ([g], [x], _, attrs) => {
  if (!g) return [];
  const { before, after, mode } = attrs;
  if (mode === "constant") return [cropped(g, x, attrs)];
  let gx = g;
  for (const axis of x.shape.keys()) {
    if (before[axis] === 0 && after[axis] === 0) continue;
    [gx] = padAxisGradient([gx], { axis, before: before[axis], after: after[axis], mode });
  }
  return [gx];
};

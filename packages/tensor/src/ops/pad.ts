import {
  type PadMode,
  padBackwardAxis,
  pad as padKernel,
  padOutputShape,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../core/errors.js";
import { showShape, sizeOf } from "../core/shape.js";
import type { Tensor, TensorInfo } from "../core/tensor.js";
import { requireDtype } from "./dtype-check.js";
import { slice } from "./movement.js";
import { defineOp } from "./op.js";

interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
}

interface PadAxisAttrs {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly mode: "reflect" | "edge";
}

function check(x: TensorInfo, { before, after, mode }: PadAttrs): void {
  for (const [axis, n] of x.shape.entries()) {
    const [b, a] = [before[axis], after[axis]];
    const limit = mode === "reflect" ? n - 1 : n === 0 ? 0 : Number.POSITIVE_INFINITY;
    const fits =
      mode === "constant" ? b + n + a >= 0 : b >= 0 && a >= 0 && b <= limit && a <= limit;
    if (!fits) {
      throw new ShapeError(
        `pad: ${b} before and ${a} after axis ${axis} of ${showShape(x.shape)} in ${mode} mode`,
      );
    }
  }
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

const padOp = /* @__PURE__ */ defineOp<PadAttrs>({
  name: "pad",
  outputs: ([x], attrs) => {
    requireDtype("pad", x, "f32", "i32", "u32");
    check(x, attrs);
    return [{ shape: padOutputShape(x.shape, attrs.before, attrs.after), dtype: x.dtype }];
  },
  forward: (run, [x], [y], attrs) =>
    run.kernel(padKernel({ shape: x.shape, type: x.dtype, ...attrs }), [x, y]),
  backward: ([g], [x], _, attrs) => {
    if (!g) return [];
    const { before, after, mode } = attrs;
    if (mode === "constant") return [cropped(g, x, attrs)];
    let gx = g;
    for (const axis of x.shape.keys()) {
      if (before[axis] === 0 && after[axis] === 0) continue;
      [gx] = padAxisGradient([gx], { axis, before: before[axis], after: after[axis], mode });
    }
    return [gx];
  },
});

/** How the elements outside come about. */
export interface PadOptions {
  /** `"constant"` by default; `"reflect"` does not repeat the edge, `"edge"` repeats only it. */
  readonly mode?: PadMode;
  /** The constant; 0 by default. */
  readonly value?: number;
}

/**
 * Adds elements around a tensor of up to six axes.
 *
 * @param padding one pair for each axis; negative numbers crop, in constant mode
 * @throws ShapeError when a reflection is as long as its axis, or an extent would be negative
 */
export function pad(
  x: Tensor,
  padding: readonly (readonly [before: number, after: number])[],
  { mode = "constant", value = 0 }: PadOptions = {},
): Tensor {
  if (padding.length !== x.rank) {
    throw new ShapeError(`pad: ${padding.length} pairs for a tensor ${showShape(x.shape)}`);
  }
  const [before, after] = [0, 1].map((side) => padding.map((pair) => pair[side]));
  return padOp([x], { before, after, mode, value })[0];
}

import { type PadMode, pad as padKernel, padOutputShape } from "@retinaface-webgpu/kernels-wgsl";
import { requireList, requireOptions } from "../../core/arguments.js";
import { ShapeError, TensorError } from "../../core/errors.js";
import { normalizeAxis, showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { slice } from "../movement/forward.js";
import { defineOp } from "../op.js";

export interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
}

const REMEDIES: Record<PadMode, string> = {
  constant: "what is cropped must be there",
  reflect: "a reflection is shorter than its axis, of which what is cropped is no part",
  edge: "there must be an edge, and what is cropped must be there",
};

function check(x: TensorInfo, { before, after, mode }: PadAttrs): void {
  for (const [axis, n] of x.shape.entries()) {
    const [b, a] = [before[axis], after[axis]];
    const limit = mode === "reflect" ? n - 1 : n === 0 ? 0 : Number.POSITIVE_INFINITY;
    const fits =
      mode === "constant" ? b + n + a >= 0 : b >= 0 && a >= 0 && b <= limit && a <= limit;
    if (!fits) {
      throw new ShapeError(
        `pad: ${b} before and ${a} after axis ${axis} of ${showShape(x.shape)} in ${mode} mode; ${REMEDIES[mode]}`,
      );
    }
  }
}

export const padOp = /* @__PURE__ */ defineOp<PadAttrs>({
  name: "pad",
  outputs: ([x], attrs) => {
    requireDtype("pad", x, "f32", "i32", "u32");
    check(x, attrs);
    return [{ shape: padOutputShape(x.shape, attrs.before, attrs.after), dtype: x.dtype }];
  },
  forward: (run, [x], [y], attrs) =>
    run.kernel(padKernel({ shape: x.shape, type: x.dtype, ...attrs }), [x, y]),
});

/** How the elements outside come about. */
export interface PadOptions {
  /** `"constant"` by default; `"reflect"` does not repeat the edge, `"edge"` repeats only it. */
  readonly mode?: PadMode | undefined;
  /** The constant; 0 by default. */
  readonly value?: number | undefined;
  /** Axes that the pairs are of, others being left as they are; all, in order, by default. Negative ones count from the end. */
  readonly axes?: readonly number[] | undefined;
}

/**
 * Adds elements around a tensor of up to six axes.
 *
 * @param padding one pair for each axis; negative numbers crop, before anything is reflected or repeated
 * @throws ShapeError when a reflection is as long as its axis, or an extent would be negative
 */
export function pad(
  x: Tensor,
  padding: readonly (readonly [before: number, after: number])[],
  options: PadOptions = {},
): Tensor {
  requireOptions("pad", options, ["mode", "value", "axes"]);
  requireList("pad", padding, "pairs");
  const { mode = "constant", value = 0 } = options;
  if (!Object.hasOwn(REMEDIES, mode)) {
    const modes = Object.keys(REMEDIES).join(", ");
    throw new TensorError("ARGUMENT", `pad has no mode "${mode}"; it has ${modes}.`);
  }
  const pairs = pairsOfAll(x, padding, options.axes);
  const [before, after] = [0, 1].map((side) => pairs.map((pair) => pair[side]));
  const crops = [...before, ...after].some((n) => n < 0);
  if (mode === "constant" || !crops) return padOp([x], { before, after, mode, value })[0];
  const inside = cropped(x, before, after, mode);
  const added = (counts: readonly number[]) => counts.map((n) => Math.max(n, 0));
  const [y] = padOp([inside], { before: added(before), after: added(after), mode, value });
  inside.dispose();
  return y;
}

type Pair = readonly [before: number, after: number];

function pairsOfAll(x: Tensor, padding: readonly Pair[], axes?: readonly number[]): Pair[] {
  const named = axes?.map((axis) => normalizeAxis("pad", axis, x.shape));
  if (padding.length !== (named?.length ?? x.rank)) {
    throw new ShapeError(
      `pad: ${padding.length} pairs for ${named ? `axes ${showShape(named)} of ` : ""}a tensor ${showShape(x.shape)}; give one for each axis, [0, 0] where nothing is added`,
    );
  }
  if (!named) return [...padding];
  if (new Set(named).size !== named.length) {
    throw new ShapeError(`pad: axes ${showShape(named)} repeat; name each axis once`);
  }
  return x.shape.map((_, axis) => padding[named.indexOf(axis)] ?? [0, 0]);
}

/** What negative numbers leave. */
function cropped(
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  mode: PadMode,
): Tensor {
  const ranges = x.shape.map((n, axis) => ({
    start: Math.max(0, -before[axis]),
    end: n - Math.max(0, -after[axis]),
  }));
  const axis = ranges.findIndex(({ start, end }) => start > end);
  if (axis >= 0) {
    throw new ShapeError(
      `pad: ${before[axis]} before and ${after[axis]} after axis ${axis} of ${showShape(x.shape)} in ${mode} mode; ${REMEDIES[mode]}`,
    );
  }
  return slice(x, ranges);
}

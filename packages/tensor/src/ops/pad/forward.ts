import { type PadMode, pad as padKernel, padOutputShape } from "@retinaface-webgpu/kernels-wgsl";
import { requireList, requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

export interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
}

const REMEDIES: Record<PadMode, string> = {
  constant: "what is cropped must be there",
  reflect: "a reflection is shorter than its axis, and crops nothing",
  edge: "there must be an edge, and it crops nothing",
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
  options: PadOptions = {},
): Tensor {
  requireOptions("pad", options, ["mode", "value"]);
  requireList("pad", padding, "pairs");
  const { mode = "constant", value = 0 } = options;
  if (padding.length !== x.rank) {
    throw new ShapeError(
      `pad: ${padding.length} pairs for a tensor ${showShape(x.shape)}; give one for each axis, [0, 0] where nothing is added`,
    );
  }
  const [before, after] = [0, 1].map((side) => padding.map((pair) => pair[side]));
  return padOp([x], { before, after, mode, value })[0];
}

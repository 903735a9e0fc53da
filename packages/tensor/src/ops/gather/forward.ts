import {
  gather as gatherKernel,
  scatterAdd as scatterAddKernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../../core/errors.js";
import { normalizeAxis, type Shape, showShape, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

export interface GatherAttrs {
  readonly axis: number;
}

function dimensions(shape: Shape, axis: number) {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    extent: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

export const gatherOp = /* @__PURE__ */ defineOp<GatherAttrs>({
  name: "gather",
  outputs: ([x, index], { axis }) => {
    requireDtype("gather's index", index, "i32");
    const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
    return [{ shape, dtype: x.dtype }];
  },
  forward: (run, [x, index], [y], { axis }) => {
    const spec = { ...dimensions(x.shape, axis), indices: index.size, type: x.dtype };
    run.kernel(gatherKernel(spec), [x, index, y]);
  },
});

/**
 * Slices of `x` along an axis at the positions in `index` (i32, any shape, which takes the axis' place);
 * axis 0 is PyTorch's embedding. Negative positions count from the end; those out of range give zeros.
 */
export function gather(x: Tensor, index: Tensor, axis = 0): Tensor {
  return gatherOp([x, index], { axis: normalizeAxis("gather", axis, x.shape) })[0];
}

export interface ScatterAttrs extends GatherAttrs {
  readonly extent: number;
}

export const scatterOp = /* @__PURE__ */ defineOp<ScatterAttrs>({
  name: "scatterAdd",
  outputs: ([source, index], { axis, extent }) => {
    requireDtype("scatterAdd", source, "f32", "i32", "u32");
    requireDtype("scatterAdd's index", index, "i32");
    const place = source.shape.slice(axis, axis + index.shape.length);
    if (showShape(place) !== showShape(index.shape)) {
      throw new ShapeError(
        `scatterAdd: index ${showShape(index.shape)} for ${showShape(source.shape)} at axis ${axis}; the source has the index' shape in the axis' place`,
      );
    }
    const rest = source.shape.slice(axis + index.shape.length);
    return [{ shape: [...source.shape.slice(0, axis), extent, ...rest], dtype: source.dtype }];
  },
  forward: (run, [source, index], [y], { axis }) => {
    const type = source.dtype as "f32" | "i32" | "u32";
    const spec = { ...dimensions(y.shape, axis), indices: index.size, type };
    run.kernel(scatterAddKernel(spec), [source, index, y]);
  },
});

/**
 * Zeros of `extent` along an axis, with every slice of `source` added at the position its `index` names:
 * the adjoint of `gather`. Adds in the order of the index, so results are the same every time.
 */
export function scatterAdd(source: Tensor, index: Tensor, extent: number, axis = 0): Tensor {
  const at = axis < 0 ? axis + source.rank - index.rank + 1 : axis;
  return scatterOp([source, index], { axis: at, extent })[0];
}

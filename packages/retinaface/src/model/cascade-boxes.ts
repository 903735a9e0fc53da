import {
  add,
  concat,
  exp,
  mul,
  mulScalar,
  narrow,
  reshape,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import type { HeadSpec } from "../types.js";
import { CASCADE_SIZE_VARIANCE } from "./cascade.js";
import { BOX_NUMBERS, POINT_NUMBERS } from "./heads.js";

/*
 * Cascade regression (Deng et al. 2020): the first stage's boxes are relative to anchors, the second's to those boxes.
 * Both as one are relative to anchors again: with l of the first and m of the second, in units of the variances v0 and v1,
 *
 *     centre  cx + v0·w·l + v0·w·exp(v1·l')·m      = cx + v0·w·(l + exp(v1·l')·m)
 *     size    w·exp(v1·l')·exp(v1·m')              = w·exp(v1·(l' + m'))
 *
 * where l' and m' are of the sizes. So decoding knows nothing of stages.
 */

/**
 * What the second stage says relative to the first one's boxes, relative to the anchors.
 *
 * @param first the first stage's boxes, `[…, anchors · 4]` @param second of `head`, `[…, anchors · width]`
 */
export function relativeToAnchors(head: HeadSpec, first: Tensor, second: Tensor): Tensor {
  const rows = first.size / BOX_NUMBERS;
  const boxes = reshape(first, [rows, BOX_NUMBERS]);
  const place = reshape(narrow(boxes, 1, 0, POINT_NUMBERS), [rows, 1, POINT_NUMBERS]);
  const size = narrow(boxes, 1, POINT_NUMBERS, POINT_NUMBERS);
  const scale = reshape(exp(mulScalar(size, CASCADE_SIZE_VARIANCE)), [rows, 1, POINT_NUMBERS]);
  const moved = (points: Tensor) => {
    const each = reshape(points, [rows, -1, POINT_NUMBERS]);
    return reshape(add(mul(each, scale), place), [rows, -1]);
  };
  if (head.meaning === "points") return reshape(moved(second), second.shape);
  const own = reshape(second, [rows, BOX_NUMBERS]);
  const centre = moved(narrow(own, 1, 0, POINT_NUMBERS));
  const sizes = add(size, narrow(own, 1, POINT_NUMBERS, POINT_NUMBERS));
  return reshape(concat([centre, sizes], 1), second.shape);
}

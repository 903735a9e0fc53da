import {
  crossEntropyBackward,
  type Kernel,
  sigmoidFocalBackward,
  smoothL1Backward,
} from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { neg } from "../unary/forward.js";
import {
  type CrossEntropyAttrs,
  crossEntropySpec,
  type FocalAttrs,
  type SmoothL1Attrs,
} from "./forward.js";

const crossEntropyBackwardOp = /* @__PURE__ */ defineOp<CrossEntropyAttrs>({
  name: "crossEntropyBackward",
  outputs: ([, logits]) => [logits],
  forward: (run, [g, logits, labels], [gx], attrs) =>
    run.kernel(crossEntropyBackward(crossEntropySpec(logits, attrs)), [g, logits, labels, gx]),
});

export const crossEntropyGradient: Gradient<CrossEntropyAttrs> = (
  [g],
  [logits, labels],
  _,
  attrs,
) => [g && crossEntropyBackwardOp([g, logits, labels], attrs)[0]];

/** Gradient of an elementwise loss towards the prediction. */
function towardsPrediction<A>(name: string, kernel: (count: number, attrs: A) => Kernel) {
  return defineOp<A>({
    name: `${name}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, x, t], [gx], attrs) => run.kernel(kernel(g.size, attrs), [g, x, t, gx]),
  });
}

const focalBackwardOp = /* @__PURE__ */ towardsPrediction<FocalAttrs>(
  "sigmoidFocalLoss",
  (count, attrs) => sigmoidFocalBackward({ count, ...attrs }),
);

/** The targets get none. */
export const focalGradient: Gradient<FocalAttrs> = ([g], [x, t], _, attrs) => [
  g && focalBackwardOp([g, x, t], attrs)[0],
];

const smoothL1BackwardOp = /* @__PURE__ */ towardsPrediction<SmoothL1Attrs>(
  "smoothL1Loss",
  (count, attrs) => smoothL1Backward({ count, ...attrs }),
);

export const smoothL1Gradient: Gradient<SmoothL1Attrs> = ([g], [x, t], _, attrs, needs) => {
  if (!g) return [];
  const [gx] = smoothL1BackwardOp([g, x, t], attrs);
  return [gx, needs[1] ? neg(gx) : undefined];
};

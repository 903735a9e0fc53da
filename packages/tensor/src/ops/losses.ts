import {
  crossEntropyBackward,
  crossEntropy as crossEntropyKernel,
  sigmoidFocal,
  sigmoidFocalBackward,
  smoothL1Backward,
  smoothL1 as smoothL1Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../core/errors.js";
import { sameShape, showShape } from "../core/shape.js";
import { type Tensor, type TensorInfo, zeros } from "../core/tensor.js";
import { div, equal, maximum } from "./binary.js";
import { requireDtype } from "./dtype-check.js";
import { cast } from "./movement.js";
import { defineOp } from "./op.js";
import { mean, sum } from "./reduce.js";
import { addScalar, neg } from "./unary.js";

/** One loss per element or row, their sum, or their mean. */
export type Reduction = "none" | "sum" | "mean";

function reduceLoss(loss: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return loss;
  return reduction === "sum" ? sum(loss) : mean(loss);
}

interface CrossEntropyAttrs {
  readonly ignoreIndex: number;
}

function crossEntropySpec(logits: TensorInfo, { ignoreIndex }: CrossEntropyAttrs) {
  const rows = logits.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  return { rows, classes: logits.shape[logits.shape.length - 1], ignoreIndex };
}

const crossEntropyGradient = /* @__PURE__ */ defineOp<CrossEntropyAttrs>({
  name: "crossEntropyBackward",
  outputs: ([, logits]) => [logits],
  forward: (run, [g, logits, labels], [gx], attrs) =>
    run.kernel(crossEntropyBackward(crossEntropySpec(logits, attrs)), [g, logits, labels, gx]),
});

const crossEntropyOp = /* @__PURE__ */ defineOp<CrossEntropyAttrs>({
  name: "crossEntropy",
  outputs: ([logits, labels]) => {
    requireDtype("crossEntropy", logits, "f32");
    requireDtype("crossEntropy's labels", labels, "i32");
    if (logits.shape.length === 0 || !sameShape(logits.shape.slice(0, -1), labels.shape)) {
      throw new ShapeError(
        `crossEntropy: labels ${showShape(labels.shape)} for logits ${showShape(logits.shape)}`,
      );
    }
    return [{ shape: labels.shape, dtype: logits.dtype }];
  },
  forward: (run, [logits, labels], [loss], attrs) =>
    run.kernel(crossEntropyKernel(crossEntropySpec(logits, attrs)), [logits, labels, loss]),
  backward: ([g], [logits, labels], _, attrs) => [
    g && crossEntropyGradient([g, logits, labels], attrs)[0],
  ],
});

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** `"mean"` by default: over the rows that are not ignored (0 when all are). */
  readonly reduction?: Reduction;
  /** Rows with this label count nothing; −100 by default. */
  readonly ignoreIndex?: number;
}

/**
 * Softmax cross-entropy of logits [… , classes] and labels [… ] (i32), in nats. A label that is neither a
 * class nor `ignoreIndex` gives NaN.
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  { reduction = "mean", ignoreIndex = -100 }: CrossEntropyOptions = {},
): Tensor {
  const loss = crossEntropyOp([logits, labels], { ignoreIndex })[0];
  if (reduction !== "mean") return reduceLoss(loss, reduction);
  const zero = zeros(labels.device, [], { dtype: "i32" });
  const ignored = equal(addScalar(labels, -ignoreIndex), zero);
  const counted = addScalar(neg(sum(cast(ignored, "f32"))), labels.size);
  return div(sum(loss), maximum(counted, 1));
}

interface ElementwiseSpec<A> {
  readonly name: string;
  readonly forward: (count: number, attrs: A) => ReturnType<typeof smoothL1Kernel>;
  readonly backward: (count: number, attrs: A) => ReturnType<typeof smoothL1Kernel>;
  /** Gradient to the target, from that to the prediction; absent when targets are constants. */
  readonly toTarget?: (gradient: Tensor) => Tensor;
}

function declareElementwise<A>(
  spec: ElementwiseSpec<A>,
): (x: Tensor, t: Tensor, attrs: A) => Tensor {
  const { name } = spec;
  const gradient = defineOp<A>({
    name: `${name}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, x, t], [gx], attrs) =>
      run.kernel(spec.backward(g.size, attrs), [g, x, t, gx]),
  });
  const apply = defineOp<A>({
    name,
    outputs: ([x, t]) => {
      requireDtype(name, x, "f32");
      requireDtype(name, t, "f32");
      if (!sameShape(x.shape, t.shape)) {
        throw new ShapeError(`${name}: ${showShape(x.shape)} and targets ${showShape(t.shape)}`);
      }
      return [{ shape: x.shape, dtype: x.dtype }];
    },
    forward: (run, [x, t], [y], attrs) => run.kernel(spec.forward(x.size, attrs), [x, t, y]),
    backward: ([g], [x, t], _, attrs, needs) => {
      if (!g) return [];
      const [gx] = gradient([g, x, t], attrs);
      return [gx, needs[1] ? spec.toTarget?.(gx) : undefined];
    },
  });
  return (x, t, attrs) => apply([x, t], attrs)[0];
}

const focalOp = /* @__PURE__ */ declareElementwise<{ alpha: number; gamma: number }>({
  name: "sigmoidFocalLoss",
  forward: (count, attrs) => sigmoidFocal({ count, ...attrs }),
  backward: (count, attrs) => sigmoidFocalBackward({ count, ...attrs }),
});

/** Options of `sigmoidFocalLoss`. */
export interface FocalOptions {
  /** Weight of targets 1, against 1 − alpha of targets 0; negative for none. 0.25 by default. */
  readonly alpha?: number;
  /** How much well-classified elements count less; 2 by default. */
  readonly gamma?: number;
  readonly reduction?: Reduction;
}

/**
 * Focal loss of logits against targets in [0, 1] (Lin et al. 2017): −α_t (1 − p_t)^γ log p_t. The targets
 * get no gradient.
 */
export function sigmoidFocalLoss(
  logits: Tensor,
  targets: Tensor,
  { alpha = 0.25, gamma = 2, reduction = "none" }: FocalOptions = {},
): Tensor {
  return reduceLoss(focalOp(logits, targets.detach(), { alpha, gamma }), reduction);
}

/** Binary cross-entropy of logits against targets in [0, 1], without overflow; targets get no gradient. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  { reduction = "mean" }: { readonly reduction?: Reduction } = {},
): Tensor {
  return sigmoidFocalLoss(logits, targets, { alpha: -1, gamma: 0, reduction });
}

const smoothL1Op = /* @__PURE__ */ declareElementwise<{ beta: number }>({
  name: "smoothL1Loss",
  forward: (count, attrs) => smoothL1Kernel({ count, ...attrs }),
  backward: (count, attrs) => smoothL1Backward({ count, ...attrs }),
  toTarget: neg,
});

/** Options of `smoothL1Loss`. */
export interface SmoothL1Options {
  /** Where the parabola meets the line; 1 by default, 0 for plain L1. */
  readonly beta?: number;
  readonly reduction?: Reduction;
}

/** Smooth L1 loss of a prediction and a target of the same shape (Girshick 2015, with PyTorch's β). */
export function smoothL1Loss(
  prediction: Tensor,
  target: Tensor,
  { beta = 1, reduction = "mean" }: SmoothL1Options = {},
): Tensor {
  return reduceLoss(smoothL1Op(prediction, target, { beta }), reduction);
}

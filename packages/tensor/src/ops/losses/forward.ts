import {
  crossEntropy as crossEntropyKernel,
  type Kernel,
  sigmoidFocal,
  smoothL1 as smoothL1Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { describe, requireOptions } from "../../core/arguments.js";
import { ShapeError, TensorError } from "../../core/errors.js";
import { sameShape, showShape } from "../../core/shape.js";
import { Tensor, type TensorInfo } from "../../core/tensor.js";
import { add, div, equal, maximum, mul, sub } from "../binary/forward.js";
import { requireDtype } from "../dtype-check.js";
import { cast } from "../movement/forward.js";
import { defineOp, type Op } from "../op.js";
import { mean, sum } from "../reduce/forward.js";
import { where } from "../select/forward.js";
import { logSoftmax } from "../softmax/forward.js";
import { abs, addScalar, mulScalar, neg, square } from "../unary/forward.js";

/** One loss per element or row, their sum, or their mean. */
export type Reduction = "none" | "sum" | "mean";

function reduceLoss(loss: Tensor, reduction: Reduction): Tensor {
  if (!["none", "sum", "mean"].includes(reduction)) {
    throw new TensorError(
      "ARGUMENT",
      `a reduction is "none", "sum" or "mean", not ${describe(reduction)}.`,
    );
  }
  if (reduction === "none") return loss;
  return reduction === "sum" ? sum(loss) : mean(loss);
}

export interface CrossEntropyAttrs {
  readonly ignoreIndex: number;
}

export function crossEntropySpec(logits: TensorInfo, { ignoreIndex }: CrossEntropyAttrs) {
  const rows = logits.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  return { rows, classes: logits.shape[logits.shape.length - 1], ignoreIndex };
}

export const crossEntropyOp = /* @__PURE__ */ defineOp<CrossEntropyAttrs>({
  name: "crossEntropy",
  outputs: ([logits, labels]) => {
    requireDtype("crossEntropy", logits, "f32");
    requireDtype("crossEntropy's labels", labels, "i32");
    if (logits.shape.length === 0 || !sameShape(logits.shape.slice(0, -1), labels.shape)) {
      throw new ShapeError(
        `crossEntropy: labels ${showShape(labels.shape)} for logits ${showShape(logits.shape)}; labels have the logits' shape without the last axis`,
      );
    }
    return [{ shape: labels.shape, dtype: logits.dtype }];
  },
  forward: (run, [logits, labels], [loss], attrs) =>
    run.kernel(crossEntropyKernel(crossEntropySpec(logits, attrs)), [logits, labels, loss]),
});

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** `"mean"` by default: over the rows that are not ignored (0 when all are). */
  readonly reduction?: Reduction | undefined;
  /** Rows with this label count nothing; −100 by default. For labels that are classes. */
  readonly ignoreIndex?: number | undefined;
  /** This part of each target is spread evenly over all classes (Szegedy et al. 2016); 0 by default. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * Softmax cross-entropy of logits [… , classes], in nats.
 *
 * @param labels [… ] i32: classes, of which one that is neither a class nor `ignoreIndex` gives NaN; or the logits'
 * shape in f32: probabilities of the classes, which get no gradient
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  requireOptions("crossEntropy", options, ["reduction", "ignoreIndex", "labelSmoothing"]);
  const { reduction = "mean", ignoreIndex = -100, labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new TensorError(
      "ARGUMENT",
      `crossEntropy's labelSmoothing is from 0 to 1, not ${describe(labelSmoothing)}.`,
    );
  }
  if (labels instanceof Tensor && labels.dtype === "f32") {
    return reduceLoss(softCrossEntropy(logits, labels.detach(), labelSmoothing), reduction);
  }
  const hard = crossEntropyOp([logits, labels], { ignoreIndex })[0];
  if (labelSmoothing === 0 && reduction !== "mean") return reduceLoss(hard, reduction);
  const ignored = cast(equal(labels, ignoreIndex), "f32");
  const loss =
    labelSmoothing === 0
      ? hard
      : add(
          mulScalar(hard, 1 - labelSmoothing),
          where(ignored, 0, mulScalar(evenCrossEntropy(logits), labelSmoothing)),
        );
  if (reduction !== "mean") return reduceLoss(loss, reduction);
  const counted = addScalar(neg(sum(ignored)), labels.size);
  return div(sum(loss), maximum(counted, 1));
}

/** Of targets that are even over all classes. */
function evenCrossEntropy(logits: Tensor): Tensor {
  return neg(mean(logSoftmax(logits), { axes: [-1] }));
}

function softCrossEntropy(logits: Tensor, targets: Tensor, smoothing: number): Tensor {
  if (!sameShape(logits.shape, targets.shape)) {
    throw new ShapeError(
      `crossEntropy: probabilities ${showShape(targets.shape)} for logits ${showShape(logits.shape)}; ` +
        "both must have one shape (labels that are classes are i32)",
    );
  }
  const loss = neg(sum(mul(logSoftmax(logits), targets), { axes: [-1] }));
  if (smoothing === 0) return loss;
  return add(mulScalar(loss, 1 - smoothing), mulScalar(evenCrossEntropy(logits), smoothing));
}

function declareElementwise<A>(name: string, kernel: (count: number, attrs: A) => Kernel): Op<A> {
  return defineOp<A>({
    name,
    outputs: ([x, t]) => {
      requireDtype(name, x, "f32");
      requireDtype(name, t, "f32");
      if (!sameShape(x.shape, t.shape)) {
        throw new ShapeError(
          `${name}: ${showShape(x.shape)} and targets ${showShape(t.shape)}; both must have one shape`,
        );
      }
      return [{ shape: x.shape, dtype: x.dtype }];
    },
    forward: (run, [x, t], [y], attrs) => run.kernel(kernel(x.size, attrs), [x, t, y]),
  });
}

export interface FocalAttrs {
  readonly alpha: number;
  readonly gamma: number;
}

export const focalOp = /* @__PURE__ */ declareElementwise<FocalAttrs>(
  "sigmoidFocalLoss",
  (count, attrs) => sigmoidFocal({ count, ...attrs }),
);

/** Options of `sigmoidFocalLoss`. */
export interface FocalOptions {
  /** Weight of targets 1, against 1 − alpha of targets 0; negative for none. 0.25 by default. */
  readonly alpha?: number | undefined;
  /** How much well-classified elements count less; 2 by default. */
  readonly gamma?: number | undefined;
  readonly reduction?: Reduction | undefined;
}

/**
 * Focal loss of logits against targets in [0, 1] (Lin et al. 2017): −α_t (1 − p_t)^γ log p_t. The targets
 * get no gradient.
 */
export function sigmoidFocalLoss(
  logits: Tensor,
  targets: Tensor,
  options: FocalOptions = {},
): Tensor {
  requireOptions("sigmoidFocalLoss", options, ["alpha", "gamma", "reduction"]);
  const { alpha = 0.25, gamma = 2, reduction = "none" } = options;
  return reduceLoss(focalOp([logits, targets.detach()], { alpha, gamma })[0], reduction);
}

/** Binary cross-entropy of logits against targets in [0, 1], without overflow; targets get no gradient. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: { readonly reduction?: Reduction } = {},
): Tensor {
  requireOptions("binaryCrossEntropyWithLogits", options, ["reduction"]);
  const { reduction = "mean" } = options;
  return sigmoidFocalLoss(logits, targets, { alpha: -1, gamma: 0, reduction });
}

export interface SmoothL1Attrs {
  readonly beta: number;
}

export const smoothL1Op = /* @__PURE__ */ declareElementwise<SmoothL1Attrs>(
  "smoothL1Loss",
  (count, attrs) => smoothL1Kernel({ count, ...attrs }),
);

/** Options of `smoothL1Loss`. */
export interface SmoothL1Options {
  /** Where the parabola meets the line; 1 by default, 0 for plain L1. */
  readonly beta?: number | undefined;
  readonly reduction?: Reduction | undefined;
}

/** Smooth L1 loss of a prediction and a target of the same shape (Girshick 2015, with PyTorch's β). */
export function smoothL1Loss(
  prediction: Tensor,
  target: Tensor,
  options: SmoothL1Options = {},
): Tensor {
  requireOptions("smoothL1Loss", options, ["beta", "reduction"]);
  const { beta = 1, reduction = "mean" } = options;
  return reduceLoss(smoothL1Op([prediction, target], { beta })[0], reduction);
}

/** Options of `mseLoss` and `l1Loss`. */
export interface LossOptions {
  /** `"mean"` by default. */
  readonly reduction?: Reduction | undefined;
}

function difference(name: string, x: Tensor, target: Tensor, options: LossOptions): Tensor {
  requireOptions(name, options, ["reduction"]);
  if (!sameShape(x.shape, target.shape)) {
    throw new ShapeError(
      `${name}: ${showShape(x.shape)} and targets ${showShape(target.shape)}; both must have one shape`,
    );
  }
  return sub(x, target);
}

/** Squared difference of a prediction and a target of the same shape. */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const loss = square(difference("mseLoss", prediction, target, options));
  return reduceLoss(loss, options.reduction ?? "mean");
}

/** Absolute difference of a prediction and a target of the same shape. */
export function l1Loss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const loss = abs(difference("l1Loss", prediction, target, options));
  return reduceLoss(loss, options.reduction ?? "mean");
}

/** Reductions, losses by rows, mining and optimizers of a training step. */
import {
  adamUpdate,
  crossEntropy,
  crossEntropyGradient,
  hardNegatives,
  logSoftmax,
  map,
  matchBoxes,
  type ReduceSpec,
  reduce,
  sgdUpdate,
  simOtaClaims,
  simOtaLabels,
  softmax,
  softmaxGradient,
} from "@retinaface-webgpu/kernels-wasm";
import type { AdamSpec, SgdSpec } from "@retinaface-webgpu/kernels-wgsl";
import { sizeOf } from "../../../core/shape.js";
import type { ReduceAttrs } from "../../../ops/reduce/forward.js";
import type { StepValue } from "../../step/graph.js";
import { wordOf } from "./integers.js";
import { type NodeLowering, one } from "./kernels.js";

function reduction(kind: ReduceSpec["kind"], ofNothing: number): NodeLowering {
  return ({ inputs: [x], outputs: [y], attrs }) => {
    const { shape, dtype: type } = x.info;
    if (type === "f16" || type !== y.info.dtype) return undefined;
    if (sizeOf(y.info.shape) === 0) return [];
    if (sizeOf(shape) === 0) {
      const flat = { shape: [sizeOf(y.info.shape)], output: { strides: [1] } };
      if (type === "f32") {
        return one(map({ kind: "constant", ...flat, operands: [], p: ofNothing }), { output: y });
      }
      const [p, none] = [wordOf(ofNothing, type), undefined];
      return one(map({ kind: "maximumIntegers", ...flat, operands: [none, none], p }), {
        output: y,
      });
    }
    const { axes } = attrs as ReduceAttrs;
    const { segments, merge, partialBytes } = reduce({ kind, shape, axes, type });
    const partial = { scratchBytes: partialBytes };
    return [...one(segments, { input: x, partial }), ...one(merge, { partial, output: y })];
  };
}

const widthOf = ({ info: { shape } }: StepValue): number => shape[shape.length - 1] ?? 1;

function rowsOf(value: StepValue) {
  const width = widthOf(value);
  return { rows: sizeOf(value.info.shape) / width, width };
}

interface CrossEntropyAttrs {
  readonly ignoreIndex: number;
}

const entropy: NodeLowering = ({ inputs: [logits, labels], outputs: [output], attrs }) => {
  const spec = { ...rowsOf(logits), ...(attrs as CrossEntropyAttrs) };
  return one(crossEntropy(spec), { logits, labels, output });
};

const entropyGradient: NodeLowering = ({ inputs, outputs: [output], attrs }) => {
  const [gradient, logits, labels] = inputs;
  const spec = { ...rowsOf(logits), ...(attrs as CrossEntropyAttrs) };
  return one(crossEntropyGradient(spec), { gradient, logits, labels, output });
};

const softmaxOf: NodeLowering = ({ inputs: [x], outputs: [output] }) =>
  one(softmax(rowsOf(x)), { input: x, output });

const logarithmOfSoftmax: NodeLowering = ({ inputs: [logits], outputs: [output] }) =>
  one(logSoftmax(rowsOf(logits)), { logits, output });

const softmaxBackward: NodeLowering = ({
  inputs: [gradient, result],
  outputs: [output],
  attrs,
}) => {
  const { log } = attrs as { log: boolean };
  return one(softmaxGradient({ ...rowsOf(result), log }), { gradient, result, output });
};

const mining: NodeLowering = ({ inputs: [losses, labels], outputs: [chosen], attrs }) => {
  const [batch, priors] = labels.info.shape;
  const { ratio } = attrs as { ratio: number };
  return one(hardNegatives({ batch, priors, ratio }), { losses, labels, chosen });
};

const matching: NodeLowering = ({ inputs: [boxes, faces], outputs: [labels, rows], attrs }) => {
  const [batch, count] = boxes.info.shape;
  const thresholds = attrs as { positive: number; negative: number };
  const spec = { batch, boxes: count, faces: faces.info.shape[1], ...thresholds };
  return one(matchBoxes(spec), { boxes, faces, labels, rows });
};

/** `labels` of priors where the claims of faces are known, else these. */
function simOta(step: "claims" | "labels"): NodeLowering {
  return ({ inputs: [boxes, costs, points, states, faces, claims], outputs }) => {
    const [batch, priors] = boxes.info.shape;
    const [, count] = faces.info.shape;
    const spec = { batch, priors, faces: count, classes: widthOf(costs) };
    const said = { boxes, costs, points, states, faces };
    if (step === "claims") return one(simOtaClaims(spec), { ...said, claims: outputs[0] });
    const [labels, rows] = outputs;
    return one(simOtaLabels(spec), { ...said, claims, labels, rows });
  };
}

const sgd: NodeLowering = ({ inputs: [gradient, parameter, velocity], attrs }) => {
  const { learningRate, momentum, nesterov, weightDecay } = attrs as SgdSpec;
  const count = sizeOf(gradient.info.shape);
  const kernel = sgdUpdate({ count, learningRate, momentum, nesterov, weightDecay });
  return one(kernel, { gradient, parameter, velocity });
};

const adam: NodeLowering = ({ inputs: [gradient, parameter, first, second], attrs }) => {
  const { learningRate, beta1, beta2, eps, weightDecay, decoupled, step } = attrs as AdamSpec;
  const rates = { learningRate, beta1, beta2, eps, weightDecay, decoupled, step };
  const kernel = adamUpdate({ count: sizeOf(gradient.info.shape), ...rates });
  return one(kernel, { gradient, parameter, first, second });
};

/** By the operations' names. */
export const OTHERS: Readonly<Record<string, NodeLowering>> = {
  sum: reduction("sum", 0),
  mean: reduction("mean", Number.NaN),
  sumSquares: reduction("sumSquares", 0),
  max: reduction("maximum", Number.NEGATIVE_INFINITY),
  min: reduction("minimum", Number.POSITIVE_INFINITY),
  prod: reduction("product", 1),
  crossEntropy: entropy,
  crossEntropyBackward: entropyGradient,
  softmax: softmaxOf,
  logSoftmax: logarithmOfSoftmax,
  softmaxBackward,
  hardNegatives: mining,
  matchBoxes: matching,
  simOtaClaims: simOta("claims"),
  simOtaLabels: simOta("labels"),
  sgdUpdate: sgd,
  adamUpdate: adam,
};

/**
 * SimOTA (Ge et al., "YOLOX: Exceeding YOLO Series in 2021", section 2.1): a face's priors are those near its middle whose
 * scores and boxes, in this very step, are the cheapest to make the face's; how many, the IoUs of its ten best boxes say. So
 * matching waits for the network's outputs and is done on the device, as a cascade's second stage is, without a gradient.
 */
import {
  MOST_CLAIMS,
  PRIOR_STATES,
  simOtaClaims,
  simOtaLabels,
} from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  type Device,
  defineOp,
  mulScalar,
  neg,
  noGrad,
  softplus,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import {
  BOX_NUMBERS,
  boxHead,
  classHead,
  classOdds,
  type HeadSpec,
  type Level,
  type NetworkOutput,
  objectnessHead,
  oddsOfBoth,
  regressionHeads,
} from "retinaface-webgpu";
import type { MatchOptions } from "./assign.js";
import {
  type Boxes,
  cornersOfBoxes,
  type Matched,
  regressed,
  uploadFaces,
  wantedOf,
} from "./face-tables.js";
import type { LossParts } from "./losses.js";
import { checkBatch, excuseIgnored, type MatchFaces } from "./match.js";
import { type LossOptions, multiBoxLoss } from "./multibox.js";
import type { CompiledObjective, ObjectiveInput } from "./objective.js";
import { boxOf, cornersOf, isSound } from "./overlaps.js";

/** Cells from a face's middle, both ways, in which priors are its candidates: the published code's centre radius. */
const CENTRE_RADIUS = 2.5;

const specOf = ([boxes, costs, , , faces]: readonly { readonly shape: readonly number[] }[]) => {
  const [batch, priors] = boxes.shape;
  return { batch, priors, faces: faces.shape[1], classes: costs.shape[2] };
};

const claimsOp = /* @__PURE__ */ defineOp<null>({
  name: "simOtaClaims",
  outputs: ([, , , , faces]) => [
    { shape: [...faces.shape.slice(0, 2), MOST_CLAIMS], dtype: "i32" },
  ],
  forward: (run, inputs, outputs) =>
    run.kernel(simOtaClaims(specOf(inputs)), [...inputs, ...outputs]),
});

const labelsOp = /* @__PURE__ */ defineOp<null>({
  name: "simOtaLabels",
  outputs: ([boxes]) => {
    const info = { shape: boxes.shape.slice(0, 2), dtype: "i32" as const };
    return [info, info];
  },
  forward: (run, inputs, outputs) =>
    run.kernel(simOtaLabels(specOf(inputs)), [...inputs, ...outputs]),
});

/** Strides and anchors of a network's levels, fine to coarse. */
export type PriorLevels = readonly Pick<Level, "stride" | "anchors">[];

/** Each prior's centre, and how far from a face's middle it may be its candidate: `[N, 4]`, in parts of the image. */
function pointsOf(
  priors: Float32Array,
  levels: PriorLevels,
  [, height, width]: readonly number[],
): Float32Array {
  const points = priors.slice();
  let at = 0;
  for (const { stride, anchors } of levels) {
    const cells = Math.ceil(height / stride) * Math.ceil(width / stride);
    for (const end = at + cells * anchors * BOX_NUMBERS; at < end; at += BOX_NUMBERS) {
      points[at + 2] = (CENTRE_RADIUS * stride) / width;
      points[at + 3] = (CENTRE_RADIUS * stride) / height;
    }
  }
  return points;
}

/** Marks the priors that are in a face, or near its middle. */
function markCandidates(points: Float32Array, [x1, y1, x2, y2]: Float32Array, to: Int32Array) {
  for (let p = 0, at = 0; p < to.length; p++, at += BOX_NUMBERS) {
    const [x, y] = [points[at], points[at + 1]];
    const inside = x > x1 && y > y1 && x < x2 && y < y2;
    const isNear =
      Math.abs(x - (x1 + x2) / 2) < points[at + 2] && Math.abs(y - (y1 + y2) / 2) < points[at + 3];
    if (inside || isNear) to[p] |= PRIOR_STATES.candidate;
  }
}

function statesOf(batch: readonly MatchFaces[], priors: Float32Array, points: Float32Array) {
  const count = priors.length / BOX_NUMBERS;
  const corners = cornersOf(priors);
  const states = new Int32Array(batch.length * count);
  for (const [image, faces] of batch.entries()) {
    const own = states.subarray(image * count, (image + 1) * count);
    excuseIgnored(corners, faces, own);
    for (let p = 0; p < count; p++) if (own[p] < 0) own[p] = PRIOR_STATES.excused;
    for (let f = 0; f < faces.boxes.length / BOX_NUMBERS; f++) {
      const box = boxOf(faces.boxes, f);
      if (isSound(box) && !faces.ignored?.[f]) markCandidates(points, box, own);
    }
  }
  return states;
}

/** What {@link matchBySimOta} has to know of a batch, as tensors by name. @param heads whose labels priors take from the tables */
export function uploadForSimOta(
  device: Device,
  batch: readonly MatchFaces[],
  { priors, images }: Pick<ObjectiveInput, "priors" | "images">,
  levels: PriorLevels,
  heads: readonly HeadSpec[],
): Record<string, Tensor> {
  const points = pointsOf(priors, levels, images.shape);
  const count = priors.length / BOX_NUMBERS;
  const states = statesOf(batch, priors, points);
  return {
    ...uploadFaces(device, batch, heads),
    priors: tensor(device, priors, [1, count, BOX_NUMBERS]),
    points: tensor(device, points, [count, BOX_NUMBERS]),
    states: tensor(device, states, [batch.length, count], { dtype: "i32" }),
  };
}

/** Binary cross-entropy of all classes where a prior is of one of them, `[B, N, classes]`. @param odds log odds of each */
const classCosts = (odds: Tensor) => sub(sum(softplus(odds), { axes: [-1], keepDims: true }), odds);

/**
 * Log odds of each class against the background, `[B, N, classes]`. Beside an objectness head those of q = √(σ(c)·σ(o)), as
 * the published code of YOLOX and YuNet has it. With m, the log odds of q², −ln q = ln(1 + e⁻ᵐ) / 2 and
 * −ln(1 − q) = ln(1 + eᵐ) + ln(1 + q), none of which is infinite.
 */
function oddsOf(output: NetworkOutput, heads: readonly HeadSpec[]): Tensor {
  const odds = classOdds(output[classHead(heads).name]);
  const objectness = objectnessHead(heads);
  if (!objectness) return odds;
  const both = oddsOfBoth(odds, output[objectness.name]);
  const cost = mulScalar(softplus(neg(both)), 0.5);
  return sub(add(softplus(both), softplus(neg(cost))), cost);
}

/** Which face each prior is by what a network says of it, and the priors as boxes. Called where no gradient is recorded. */
export function matchBySimOta(
  output: NetworkOutput,
  targets: Readonly<Record<string, Tensor>>,
  heads: readonly HeadSpec[],
  variances: MatchOptions["variances"],
): Matched & { readonly priors: Boxes } {
  const { boxes, priors } = regressed(output[boxHead(heads).name], targets.priors, variances);
  const { points, states, faces } = targets;
  const said = [cornersOfBoxes(boxes), classCosts(oddsOf(output, heads)), points, states, faces];
  const [claims] = claimsOp(said, null);
  const [labels, rows] = labelsOp([...said, claims], null);
  return { labels, rows, priors };
}

/** Labelled faces, whose priors are found by {@link matchBySimOta}. */
export class SimOtaObjective implements CompiledObjective {
  /** Faces left out so far because their boxes have no area or are not finite. */
  dropped = 0;

  constructor(
    readonly device: Device,
    readonly match: MatchOptions,
    readonly options: LossOptions,
    readonly heads: readonly HeadSpec[],
    readonly levels: PriorLevels,
  ) {}

  get settings(): unknown {
    return [this.options, this.heads, this.match.variances, "simota"];
  }

  loss(output: NetworkOutput, input: ObjectiveInput): LossParts {
    return this.losses(output, this.targets(input));
  }

  targets(input: ObjectiveInput): Record<string, Tensor> {
    const { device, heads, levels } = this;
    const { samples } = input;
    checkBatch(samples, heads);
    for (const { boxes } of samples) {
      for (let f = 0; f < boxes.length / BOX_NUMBERS; f++)
        this.dropped += Number(!isSound(boxOf(boxes, f)));
    }
    return uploadForSimOta(device, samples, input, levels, regressionHeads(heads));
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    const { heads, options, match } = this;
    const wanted = noGrad(() => {
      const { priors, ...matched } = matchBySimOta(output, targets, heads, match.variances);
      return wantedOf(matched, priors, heads, targets, match.variances);
    });
    return multiBoxLoss(output, wanted, options, heads);
  }
}

/**
 * Cascade regression (Deng et al. 2020, section 3.4): heads of a first stage learn from anchors, those of the second from the
 * boxes that the first regressed in the same step. So what the second is to say is found on the device, once the first has
 * spoken; labels and boxes of the faces go there as tables.
 */
import { matchBoxes } from "@retinaface-webgpu/kernels-wgsl";
import { add, type Device, defineOp, noGrad, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import {
  BOX_NUMBERS,
  boxHead,
  type HeadSpec,
  type NetworkOutput,
  regressionHeads,
} from "retinaface-webgpu";
import type { MatchOptions } from "./assign.js";
import { cornersOfBoxes, regressed, uploadFaces, wantedOf } from "./face-tables.js";
import type { LossParts } from "./losses.js";
import { matchPriors } from "./match.js";
import {
  FOCAL,
  flattenTargets,
  type LossOptions,
  multiBoxLoss,
  type TargetTensors,
  unflattenTargets,
  uploadTargets,
} from "./multibox.js";
import type { CompiledObjective, ObjectiveInput } from "./objective.js";

/** IoUs from which the stages take a face, and below which background: with anchors, then with the first one's boxes. */
export const CASCADE_MATCH = {
  first: { positive: 0.7, negative: 0.3 },
  second: { positive: 0.5, negative: 0.4 },
} as const;

interface MatchBoxesAttrs {
  readonly positive: number;
  readonly negative: number;
}

const matchBoxesOp = /* @__PURE__ */ defineOp<MatchBoxesAttrs>({
  name: "matchBoxes",
  outputs: ([boxes]) => {
    const info = { shape: boxes.shape.slice(0, 2), dtype: "i32" as const };
    return [info, info];
  },
  forward: (run, [boxes, faces], [labels, rows], thresholds) => {
    const [batch, count] = boxes.shape;
    const spec = { batch, boxes: count, faces: faces.shape[1], ...thresholds };
    run.kernel(matchBoxes(spec), [boxes, faces, labels, rows]);
  },
});

/** `first.classes` is `firstClasses`. */
const firstName = (loss: string) => `first${loss[0].toUpperCase()}${loss.slice(1)}`;

/**
 * Labelled faces for a network with a cascade: the losses of both stages, those of the first as `firstClasses`, `firstBoxes`.
 * Objectness is the second stage's: the first one, whose class says no more than that, learns it by focal loss.
 */
export class CascadeObjective implements CompiledObjective {
  /** Faces left out so far because their boxes have no area or are not finite. */
  dropped = 0;

  /**
   * @param match its variances, and from which IoU a face takes its best anchor whatever {@link CASCADE_MATCH} says
   * @param heads of the network @param firstHeads of its first stage
   */
  constructor(
    readonly device: Device,
    readonly match: MatchOptions,
    readonly options: LossOptions,
    readonly heads: readonly HeadSpec[],
    readonly firstHeads: readonly HeadSpec[],
  ) {}

  get settings(): unknown {
    return [this.options, this.heads, this.firstHeads, this.match.variances];
  }

  loss(output: NetworkOutput, input: ObjectiveInput): LossParts {
    return this.losses(output, this.targets(input));
  }

  targets({ samples, priors }: ObjectiveInput): Record<string, Tensor> {
    const { device, match, firstHeads, heads } = this;
    const options = { ...match, ...CASCADE_MATCH.first };
    const faces = samples.map(({ classes: _, ...rest }) => rest);
    const first = matchPriors(faces, priors, options, firstHeads);
    this.dropped += first.dropped;
    return {
      ...flattenTargets(device, uploadTargets(device, first, samples.length)),
      ...uploadFaces(device, samples, regressionHeads(heads)),
      priors: tensor(device, priors, [1, priors.length / BOX_NUMBERS, BOX_NUMBERS]),
    };
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    const { options, heads, firstHeads } = this;
    const hasObjectness = options.classification.kind === "objectness";
    const firstOptions = hasObjectness ? { ...options, classification: FOCAL } : options;
    const first = multiBoxLoss(output, unflattenTargets(targets), firstOptions, firstHeads);
    const said = heads.map(({ name }) => [name, output[`second.${name}`] ?? output[name]]);
    const wanted = noGrad(() => this.#second(output, targets));
    const second = multiBoxLoss(Object.fromEntries(said), wanted, options, heads);
    const renamed = firstHeads.map(({ loss }) => [firstName(loss), first[loss]]);
    return { ...second, ...Object.fromEntries(renamed), total: add(first.total, second.total) };
  }

  /** What the second stage is to say. */
  #second(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): TargetTensors {
    const { heads, match, firstHeads } = this;
    const { variances } = match;
    const { boxes } = regressed(output[boxHead(firstHeads).name], targets.priors, variances);
    const [labels, rows] = matchBoxesOp(
      [cornersOfBoxes(boxes), targets.faces],
      CASCADE_MATCH.second,
    );
    return wantedOf({ labels, rows }, boxes, heads, targets, variances);
  }
}

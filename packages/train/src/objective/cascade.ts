/**
 * Cascade regression (Deng et al. 2020, section 3.4): heads of a first stage learn from anchors, those of the second from the
 * boxes that the first regressed in the same step. So what the second is to say is found on the device, once the first has
 * spoken; labels and boxes of the faces go there as tables.
 */
import { FACE_ROW, matchBoxes } from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  cast,
  clamp,
  concat,
  type Device,
  defineOp,
  div,
  exp,
  gather,
  log,
  maximum,
  mul,
  mulScalar,
  narrow,
  noGrad,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from "@retinaface-webgpu/tensor";
import {
  BOX_NUMBERS,
  boxHead,
  type HeadSpec,
  type NetworkOutput,
  POINT_NUMBERS,
  regressionHeads,
} from "retinaface-webgpu";
import type { MatchOptions } from "./assign.js";
import type { LossParts } from "./losses.js";
import { labelsOf, type MatchFaces, matchPriors } from "./match.js";
import {
  flattenTargets,
  type HeadTensors,
  type LossOptions,
  multiBoxLoss,
  type TargetTensors,
  unflattenTargets,
  uploadTargets,
} from "./multibox.js";
import type { CompiledObjective, ObjectiveInput } from "./objective.js";
import { isSound } from "./overlaps.js";

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

/** Room for faces: of few sizes, so that few steps have to be compiled. */
const FEWEST_FACES = 8;

/** Names among the targets: of a face's labels for a head, and whether it has them. */
const tableOf = ({ name }: HeadSpec) => `table ${name}`;
const knownOf = ({ name }: HeadSpec) => `known ${name}`;

/** Faces of a batch as rows for {@link matchBoxes}, and what each head is to say of them, `[B · F, width]`. */
function uploadFaces(
  device: Device,
  batch: readonly MatchFaces[],
  heads: readonly HeadSpec[],
): Record<string, Tensor> {
  const most = Math.max(...batch.map(({ boxes }) => boxes.length / BOX_NUMBERS));
  const room = Math.max(FEWEST_FACES, 2 ** Math.ceil(Math.log2(Math.max(1, most))));
  const rows = new Float32Array(batch.length * room * FACE_ROW);
  for (const [image, { boxes, ignored, classes }] of batch.entries()) {
    for (let f = 0; f < boxes.length / BOX_NUMBERS; f++) {
      const box = boxes.subarray(f * BOX_NUMBERS, (f + 1) * BOX_NUMBERS);
      if (!isSound(box)) continue;
      const kind = ignored?.[f] ? -1 : (classes?.[f] ?? 1);
      rows.set([...box, kind], (image * room + f) * FACE_ROW);
    }
  }
  const tables = heads.flatMap((head): [string, Tensor][] => {
    const { values, known } = tableRows(batch, head, room);
    return [
      [tableOf(head), tensor(device, values, [batch.length * room, head.width])],
      [knownOf(head), tensor(device, known, [batch.length * room, 1])],
    ];
  });
  const faces = tensor(device, rows, [batch.length, room, FACE_ROW]);
  return { faces, ...Object.fromEntries(tables) };
}

/** A row a face, 0 where it has no label of the head. */
function tableRows(batch: readonly MatchFaces[], head: HeadSpec, room: number) {
  const { width } = head;
  const values = new Float32Array(batch.length * room * width);
  const known = new Float32Array(batch.length * room);
  for (const [image, faces] of batch.entries()) {
    const labels = labelsOf(faces, head) ?? new Float32Array(0);
    for (let f = 0; f < labels.length / width; f++) {
      const row = labels.subarray(f * width, (f + 1) * width);
      if (!row.every(Number.isFinite)) continue;
      values.set(row, (image * room + f) * width);
      known[image * room + f] = 1;
    }
  }
  return { values, known };
}

/** Boxes `[B, N, 2]` each: what the second stage is relative to. */
interface Boxes {
  readonly centre: Tensor;
  readonly sides: Tensor;
}

/** What a head is to say of labels `[B, N, width]` at boxes, in units of the variances. */
function encode(
  { meaning, width }: HeadSpec,
  labels: Tensor,
  { centre, sides }: Boxes,
  [v0, v1]: MatchOptions["variances"],
): Tensor {
  const [batch, count] = labels.shape;
  if (meaning === "values") return labels;
  if (meaning === "points") {
    const points = reshape(labels, [batch, count, width / POINT_NUMBERS, POINT_NUMBERS]);
    const each = (t: Tensor) => reshape(t, [batch, count, 1, POINT_NUMBERS]);
    const moved = div(sub(points, each(centre)), each(mulScalar(sides, v0)));
    return reshape(moved, labels.shape);
  }
  const low = narrow(labels, 2, 0, POINT_NUMBERS);
  const high = narrow(labels, 2, POINT_NUMBERS, POINT_NUMBERS);
  const moved = div(sub(mulScalar(add(low, high), 0.5), centre), mulScalar(sides, v0));
  return concat([moved, mulScalar(log(div(sub(high, low), sides)), 1 / v1)], 2);
}

/** `first.classes` is `firstClasses`. */
const firstName = (loss: string) => `first${loss[0].toUpperCase()}${loss.slice(1)}`;

/** Labelled faces for a network with a cascade: the losses of both stages, those of the first as `firstClasses`, `firstBoxes`. */
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
    const first = multiBoxLoss(output, unflattenTargets(targets), options, firstHeads);
    const said = heads.map(({ name }) => [name, output[`second.${name}`] ?? output[name]]);
    const wanted = noGrad(() => this.#second(output, targets));
    const second = multiBoxLoss(Object.fromEntries(said), wanted, options, heads);
    const renamed = firstHeads.map(({ loss }) => [firstName(loss), first[loss]]);
    return { ...second, ...Object.fromEntries(renamed), total: add(first.total, second.total) };
  }

  /** What the second stage is to say. */
  #second(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): TargetTensors {
    const { heads, match, firstHeads } = this;
    const [v0, v1] = match.variances;
    const said = output[boxHead(firstHeads).name];
    const half = (t: Tensor, from: number) => narrow(t, 2, from, POINT_NUMBERS);
    const size = half(targets.priors, POINT_NUMBERS);
    const moved = mul(mulScalar(half(said, 0), v0), size);
    const boxes: Boxes = {
      centre: add(half(targets.priors, 0), moved),
      sides: mul(exp(mulScalar(half(said, POINT_NUMBERS), v1)), size),
    };
    const reach = mulScalar(boxes.sides, 0.5);
    const corners = concat([sub(boxes.centre, reach), add(boxes.centre, reach)], 2);
    const [labels, rows] = matchBoxesOp([corners, targets.faces], CASCADE_MATCH.second);
    const isFace = reshape(clamp(cast(labels, "f32"), 0, 1), [...labels.shape, 1]);
    const wanted = regressionHeads(heads).map((head): [string, HeadTensors] => {
      const has = mul(isFace, gather(targets[knownOf(head)], rows));
      const encoded = encode(head, gather(targets[tableOf(head)], rows), boxes, match.variances);
      const values = where(has, encoded, 0);
      return [head.name, { values, weights: div(has, maximum(sum(has), 1)) }];
    });
    return { labels, heads: Object.fromEntries(wanted), positives: maximum(sum(isFace), 1) };
  }
}

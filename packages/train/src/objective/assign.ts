import { OptionError } from "retinaface-webgpu";
import { type Assignment, assignAdaptively, CLAIMED } from "./atss.js";
import { boxOf, CORNER_ROW, eachIou } from "./overlaps.js";

/** Rules by which priors become faces'. */
export const ASSIGNERS = ["iou", "atss", "simota"] as const;
export type Assigner = (typeof ASSIGNERS)[number];

/** How faces claim priors. */
export interface MatchOptions {
  /** A prior whose best IoU with a face is at least this is that face. */
  readonly positive: number;
  /** A prior whose best IoU is below this is background; in between it is ignored. */
  readonly negative: number;
  /** A face whose best IoU with a prior is at least this claims that prior whatever `positive` says. */
  readonly forced: number;
  /**
   * What a face's best priors are, where they overlap it by less than `positive`. `claimed`, the default: the best one is
   * that face's. `low-quality`: all that overlap it equally best are of the face that each overlaps most, as torchvision
   * has it, whatever `forced` says. `none`: nothing, as in RetinaNet's paper.
   */
  readonly best?: "claimed" | "low-quality" | "none";
  /**
   * Who says which priors are a face's: the IoUs above, or `atss`, each face's own threshold
   * ({@link assignAdaptively}), which leaves nothing between face and background; or `simota`, what the network says of
   * priors in this very step ({@link SimOtaObjective}), for objectives alone, not for {@link matchPriors}.
   */
  readonly assignment?: Assigner | undefined;
  /** Variances of the box codec. */
  readonly variances: readonly [centre: number, size: number];
}

/**
 * `pytorch`: the published PyTorch training. `paper`: Deng et al., "RetinaFace", 2019, section 4. `retinanet`: Lin et al.
 * 2017, section 4, with a face's best priors as torchvision has them.
 */
export const MATCH_PRESETS = {
  pytorch: { positive: 0.35, negative: 0.35, forced: 0.2, variances: [0.1, 0.2] },
  paper: { positive: 0.5, negative: 0.3, forced: 0.2, variances: [0.1, 0.2] },
  retinanet: { positive: 0.5, negative: 0.4, forced: 0, best: "low-quality", variances: [1, 1] },
} as const satisfies Record<string, MatchOptions>;

/** What a face overlaps most. */
interface BestPrior {
  readonly face: number;
  prior: number;
  overlap: number;
}

/**
 * The best face of every prior. By default a face takes its best prior from any other, and of several faces
 * with the same best prior the last takes it: what the published training does.
 */
function assignByIou(
  corners: Float64Array,
  boxes: Float32Array,
  faces: readonly number[],
  { forced, best: claims = "claimed" }: MatchOptions,
): Assignment {
  const count = corners.length / CORNER_ROW;
  const face = new Int32Array(count).fill(-1);
  const overlap = new Float64Array(count);
  const best: BestPrior[] = [];
  for (const f of faces) {
    const mine: BestPrior = { face: f, prior: -1, overlap: 0 };
    eachIou(corners, boxOf(boxes, f), (p, iou) => {
      if (iou > overlap[p]) {
        overlap[p] = iou;
        face[p] = f;
      }
      if (iou > mine.overlap) {
        mine.overlap = iou;
        mine.prior = p;
      }
    });
    if (mine.prior !== -1) best.push(mine);
  }
  if (claims === "claimed") {
    for (const claim of best) {
      face[claim.prior] = claim.face;
      if (claim.overlap >= forced) overlap[claim.prior] = CLAIMED;
    }
  } else if (claims === "low-quality") {
    for (const claim of best) claimEqual(corners, boxOf(boxes, claim.face), claim, overlap);
  }
  return { face, overlap };
}

/** Claims all priors that a face overlaps as much as its best, for whichever face each of them overlaps most. */
function claimEqual(
  corners: Float64Array,
  box: Float32Array,
  { overlap: most }: BestPrior,
  overlap: Float64Array,
): void {
  eachIou(corners, box, (p, iou) => {
    if (iou === most) overlap[p] = CLAIMED;
  });
}

/**
 * The face of every prior, as the options' rule has it.
 * @throws OptionError for SimOTA, which takes more than faces and priors
 */
export function assign(
  priors: Float32Array,
  corners: Float64Array,
  boxes: Float32Array,
  faces: readonly number[],
  options: MatchOptions,
): Assignment {
  if (options.assignment === "simota") {
    throw new OptionError(
      "SimOTA matches faces with what a network says of the priors, which is not known here: take an objective of " +
        "objectiveOf(), or the assignment iou or atss",
    );
  }
  return options.assignment === "atss"
    ? assignAdaptively(priors, corners, boxes, faces)
    : assignByIou(corners, boxes, faces, options);
}

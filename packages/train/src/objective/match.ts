import { encodeBoxes, encodeLandmarks, OptionError } from "retinaface-webgpu";

/** How faces claim priors. */
export interface MatchOptions {
  /** A prior whose best IoU with a face is at least this is that face. */
  readonly positive: number;
  /** A prior whose best IoU is below this is background; in between it is ignored. */
  readonly negative: number;
  /** A face whose best IoU with a prior is at least this claims that prior whatever `positive` says. */
  readonly forced: number;
  /** Variances of the box codec. */
  readonly variances: readonly [centre: number, size: number];
}

/** `pytorch`: the published PyTorch training. `paper`: Deng et al., "RetinaFace", 2019, section 4. */
export const MATCH_PRESETS = {
  pytorch: { positive: 0.35, negative: 0.35, forced: 0.2, variances: [0.1, 0.2] },
  paper: { positive: 0.5, negative: 0.3, forced: 0.2, variances: [0.1, 0.2] },
} as const satisfies Record<string, MatchOptions>;

/** The faces of one training image, as fractions of the network input's width and height. */
export interface MatchFaces {
  /** `[n, 4]`: x1, y1, x2, y2. */
  readonly boxes: Float32Array;
  /** [n, 10]; a face with a NaN among its ten trains no landmarks. */
  readonly landmarks: Float32Array;
  /** `[n]`: 1 for faces that train neither as face nor as background. */
  readonly ignored?: Uint8Array;
}

/** Training targets of a batch of B images over N priors, rows of an image after each other. */
export interface Targets {
  /** `[B, N]`: 1 face, 0 background, −1 ignored. */
  readonly labels: Int32Array;
  /** `[B, N, 4]`: encoded boxes of faces, 0 elsewhere. */
  readonly locTargets: Float32Array;
  /** `[B, N, 10]`: encoded landmarks where `landmMask` is 1, 0 elsewhere. */
  readonly landmTargets: Float32Array;
  /** `[B, N]`: 1 where a prior's face has landmarks. */
  readonly landmMask: Int32Array;
  /** Priors labelled face, over the batch. */
  readonly positives: number;
  /** Faces left out because their box has no area or is not finite. */
  readonly dropped: number;
}

/** An ignored face also excuses the background priors that lie in it by at least this share. */
const IGNORED_COVER = 0.5;

/** Priors as corners and area: rows of x1, y1, x2, y2, area. */
function cornersOf(priors: Float32Array): Float64Array {
  const rows = new Float64Array((priors.length / 4) * 5);
  for (let from = 0, to = 0; from < priors.length; from += 4, to += 5) {
    const w = priors[from + 2];
    const h = priors[from + 3];
    rows[to] = priors[from] - w / 2;
    rows[to + 1] = priors[from + 1] - h / 2;
    rows[to + 2] = priors[from] + w / 2;
    rows[to + 3] = priors[from + 1] + h / 2;
    rows[to + 4] = w * h;
  }
  return rows;
}

/** Calls `visit(prior, intersection, prior's area)` for every prior that overlaps the box. */
function eachOverlap(
  corners: Float64Array,
  box: Float32Array,
  visit: (prior: number, intersection: number, area: number) => void,
): void {
  const [left, top, right, bottom] = box;
  for (let p = 0, at = 0; at < corners.length; p++, at += 5) {
    const x1 = corners[at];
    const y1 = corners[at + 1];
    const x2 = corners[at + 2];
    const y2 = corners[at + 3];
    if (x2 <= left || x1 >= right || y2 <= top || y1 >= bottom) continue;
    const width = Math.min(right, x2) - Math.max(left, x1);
    const height = Math.min(bottom, y2) - Math.max(top, y1);
    visit(p, width * height, corners[at + 4]);
  }
}

function isSound(box: Float32Array): boolean {
  return box.every(Number.isFinite) && box[2] > box[0] && box[3] > box[1];
}

interface Assignment {
  /** `[N]`: the face each prior is closest to, and their IoU (2 where the face claims it). */
  readonly face: Int32Array;
  readonly overlap: Float64Array;
}

/**
 * The best face of every prior. A face takes its best prior from any other, and of several faces
 * with the same best prior the last takes it: what the published training does.
 */
function assign(
  corners: Float64Array,
  boxes: Float32Array,
  faces: readonly number[],
  forced: number,
): Assignment {
  const count = corners.length / 5;
  const face = new Int32Array(count).fill(-1);
  const overlap = new Float64Array(count);
  const best: { face: number; prior: number; overlap: number }[] = [];
  for (const f of faces) {
    const box = boxes.subarray(f * 4, f * 4 + 4);
    const area = (box[2] - box[0]) * (box[3] - box[1]);
    const mine = { face: f, prior: -1, overlap: 0 };
    eachOverlap(corners, box, (p, intersection, priorArea) => {
      const iou = intersection / (area + priorArea - intersection);
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
  for (const claim of best) {
    face[claim.prior] = claim.face;
    if (claim.overlap >= forced) overlap[claim.prior] = 2;
  }
  return { face, overlap };
}

function excuseIgnored(corners: Float64Array, faces: MatchFaces, labels: Int32Array): void {
  for (let f = 0; f < faces.boxes.length / 4; f++) {
    const box = faces.boxes.subarray(f * 4, f * 4 + 4);
    if (!faces.ignored?.[f] || !isSound(box)) continue;
    eachOverlap(corners, box, (p, intersection, area) => {
      if (labels[p] === 0 && intersection >= IGNORED_COVER * area) labels[p] = -1;
    });
  }
}

/** Rows of `width` values out of an array, in the order given. */
export function pickRows(
  values: Float32Array,
  width: number,
  rows: readonly number[],
): Float32Array {
  const out = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    out.set(values.subarray(row * width, (row + 1) * width), i * width);
  }
  return out;
}

function scatter(
  values: Float32Array,
  width: number,
  rows: readonly number[],
  to: Float32Array,
): void {
  for (const [i, row] of rows.entries()) {
    to.set(values.subarray(i * width, (i + 1) * width), row * width);
  }
}

type TargetViews = Pick<Targets, "labels" | "locTargets" | "landmTargets" | "landmMask">;

function matchImage(
  faces: MatchFaces,
  priors: Float32Array,
  corners: Float64Array,
  options: MatchOptions,
  out: TargetViews,
): { positives: number; dropped: number } {
  const { boxes, landmarks } = faces;
  const all = Array.from({ length: boxes.length / 4 }, (_, f) => f);
  const sound = all.filter((f) => isSound(boxes.subarray(f * 4, f * 4 + 4)));
  const training = sound.filter((f) => !faces.ignored?.[f]);
  const { face, overlap } = assign(corners, boxes, training, options.forced);
  const positive: number[] = [];
  for (let p = 0; p < face.length; p++) {
    if (overlap[p] < options.negative) out.labels[p] = 0;
    else if (overlap[p] < options.positive) out.labels[p] = -1;
    else {
      out.labels[p] = 1;
      positive.push(p);
    }
  }
  excuseIgnored(corners, faces, out.labels);

  const { variances } = options;
  const matched = positive.map((p) => face[p]);
  const itsPriors = pickRows(priors, 4, positive);
  scatter(
    encodeBoxes(pickRows(boxes, 4, matched), itsPriors, variances),
    4,
    positive,
    out.locTargets,
  );

  const marked = positive.filter((p) => {
    const points = landmarks.subarray(face[p] * 10, face[p] * 10 + 10);
    return points.every(Number.isFinite);
  });
  const points = pickRows(
    landmarks,
    10,
    marked.map((p) => face[p]),
  );
  const encoded = encodeLandmarks(points, pickRows(priors, 4, marked), variances);
  scatter(encoded, 10, marked, out.landmTargets);
  for (const p of marked) out.landmMask[p] = 1;
  return { positives: positive.length, dropped: all.length - sound.length };
}

/**
 * Matches the faces of a batch of images with priors and encodes what the network shall say.
 *
 * @param batch the faces of B images
 * @param priors [N, 4]: cx, cy, w, h in the same units as the faces
 * @throws {OptionError} if shapes do not fit or `negative` is above `positive`.
 */
export function matchPriors(
  batch: readonly MatchFaces[],
  priors: Float32Array,
  options: MatchOptions = MATCH_PRESETS.pytorch,
): Targets {
  const { positive, negative } = options;
  if (!(negative <= positive && negative > 0)) {
    throw new OptionError(
      `IoU thresholds need 0 < negative (${negative}) ≤ positive (${positive})`,
    );
  }
  const count = priors.length / 4;
  const total = batch.length * count;
  const labels = new Int32Array(total);
  const locTargets = new Float32Array(total * 4);
  const landmTargets = new Float32Array(total * 10);
  const landmMask = new Int32Array(total);
  const corners = cornersOf(priors);
  let positives = 0;
  let dropped = 0;
  for (const [i, faces] of batch.entries()) {
    const n = faces.boxes.length / 4;
    if (!Number.isInteger(n) || faces.landmarks.length !== n * 10) {
      throw new OptionError(
        `image ${i} needs boxes [n, 4] and landmarks [n, 10], got ` +
          `${faces.boxes.length} and ${faces.landmarks.length} values`,
      );
    }
    const counted = matchImage(faces, priors, corners, options, {
      labels: labels.subarray(i * count, (i + 1) * count),
      locTargets: locTargets.subarray(i * count * 4, (i + 1) * count * 4),
      landmTargets: landmTargets.subarray(i * count * 10, (i + 1) * count * 10),
      landmMask: landmMask.subarray(i * count, (i + 1) * count),
    });
    positives += counted.positives;
    dropped += counted.dropped;
  }
  return { labels, locTargets, landmTargets, landmMask, positives, dropped };
}

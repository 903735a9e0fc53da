/** RetinaFace's multi-task loss in float64, from its definition; one image after the other. */

export interface LossInputs {
  readonly batch: number;
  readonly priors: number;
  /** [B, N, 2], [B, N, 4], [B, N, 10] */
  readonly conf: Float64Array;
  readonly loc: Float64Array;
  readonly landms: Float64Array;
  readonly labels: ArrayLike<number>;
  readonly locTargets: ArrayLike<number>;
  readonly landmTargets: ArrayLike<number>;
  readonly landmMask: ArrayLike<number>;
  /** [B, N]: what varifocal loss takes for the IoUs of the boxes; default what they are. */
  readonly quality?: ArrayLike<number>;
}

export interface LossRule {
  readonly ratio?: number;
  readonly focal?: { readonly alpha: number; readonly gamma: number };
  readonly varifocal?: { readonly alpha: number; readonly gamma: number };
  /** Instead of smooth L1 of the encoded boxes. */
  readonly distance?: "giou" | "diou" | "eiou";
  readonly weights: {
    readonly classes: number;
    readonly boxes: number;
    readonly landmarks: number;
  };
}

/** −ln of the probability that the softmax of two logits gives the label. */
export function classLoss(background: number, face: number, label: number): number {
  const against = label === 1 ? background - face : face - background;
  return Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)));
}

/** Its derivative in the face's logit; in the background's it is the negative. */
function classSlope(background: number, face: number, label: number): number {
  return 1 / (1 + Math.exp(background - face)) - label;
}

const smooth = (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5);
const smoothSlope = (d: number) => (Math.abs(d) < 1 ? d : Math.sign(d));

/** A box that is encoded by variances 0.1 and 0.2, over the prior [−0.5, 0.5]². */
function boxOf(offsets: ArrayLike<number>) {
  const [x, y] = [offsets[0] * 0.1, offsets[1] * 0.1];
  const [w, h] = [Math.exp(offsets[2] * 0.2), Math.exp(offsets[3] * 0.2)];
  return { x, y, w, h, x1: x - w / 2, y1: y - h / 2, x2: x + w / 2, y2: y + h / 2 };
}

type Box = ReturnType<typeof boxOf>;

/**
 * Peng and Yu's smoothed 1 − IoU, by cases: where boxes are apart along one axis, what they "share" is the gap there times
 * both distances of the other axis from the corner around both, where along both axes twice a difference of rectangles.
 */
function extendedDistance(a: Box, b: Box): number {
  const [left, top] = [Math.min(a.x1, b.x1), Math.min(a.y1, b.y1)];
  const [x1, y1] = [Math.max(a.x1, b.x1) - left, Math.max(a.y1, b.y1) - top];
  const [x2, y2] = [Math.min(a.x2, b.x2) - left, Math.min(a.y2, b.y2) - top];
  const isApart = [x2 < x1, y2 < y1];
  let shared = (x2 - x1) * (y2 - y1);
  if (isApart[0]) shared = (x2 - x1) * (y1 + y2);
  if (isApart[1]) shared = (y2 - y1) * (x1 + x2);
  if (isApart[0] && isApart[1]) shared = 2 * (x2 * y2 - x1 * y1);
  const distance = 1 - shared / (a.w * a.h + b.w * b.h - shared);
  return distance < 0.1 ? distance ** 2 / 0.2 : distance - 0.05;
}

/** IoU of two encoded boxes, their GIoU, their DIoU and their EIoU, the last smoothed. */
export function overlaps(one: ArrayLike<number>, other: ArrayLike<number>) {
  const [a, b] = [boxOf(one), boxOf(other)];
  const width = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const height = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const union = a.w * a.h + b.w * b.h - width * height;
  const iou = (width * height) / union;
  const [right, left] = [Math.max(a.x2, b.x2), Math.min(a.x1, b.x1)];
  const [bottom, top] = [Math.max(a.y2, b.y2), Math.min(a.y1, b.y1)];
  const hull = (right - left) * (bottom - top);
  const diagonal = (right - left) ** 2 + (bottom - top) ** 2;
  const apart = (a.x - b.x) ** 2 + (a.y - b.y) ** 2;
  return {
    iou,
    giou: iou - (hull - union) / hull,
    diou: iou - apart / diagonal,
    eiou: 1 - extendedDistance(a, b),
  };
}

/** Varifocal loss of log odds x, and its derivative. */
function varifocalOf(x: number, quality: number | undefined, alpha: number, gamma: number) {
  const p = 1 / (1 + Math.exp(-x));
  const softplus = Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  if (quality !== undefined)
    return { value: quality * (softplus - quality * x), slope: quality * (p - quality) };
  const weight = alpha * p ** gamma;
  return { value: weight * softplus, slope: weight * (gamma * (1 - p) * softplus + p) };
}

/** Priors of an image whose classification counts, with hard-negative mining. */
function mined(inputs: LossInputs, image: number, ratio: number): Set<number> {
  const { priors, labels, conf } = inputs;
  const all = Array.from({ length: priors }, (_, i) => image * priors + i);
  const faces = all.filter((p) => labels[p] === 1);
  const loss = (p: number) => classLoss(conf[p * 2], conf[p * 2 + 1], 0);
  const background = all.filter((p) => labels[p] === 0);
  background.sort((a, b) => loss(b) - loss(a) || a - b);
  const kept = Math.min(Math.floor(ratio * faces.length), priors - 1);
  return new Set([...faces, ...background.slice(0, kept)]);
}

/** The loss, its parts, and the gradients of the total. */
export function multiBox(inputs: LossInputs, rule: LossRule) {
  const { ratio = 7, focal, varifocal, distance, weights } = rule;
  const { batch, priors, conf, loc, landms, labels } = inputs;
  const gradients = {
    conf: new Float64Array(conf.length),
    loc: new Float64Array(loc.length),
    landms: new Float64Array(landms.length),
  };
  const parts = { classes: 0, boxes: 0, landmarks: 0 };
  const every = Array.from({ length: batch * priors }, (_, p) => p);
  const n = Math.max(1, every.filter((p) => labels[p] === 1).length);
  const n1 = Math.max(1, every.filter((p) => inputs.landmMask[p]).length);
  const counted = new Set<number>();
  for (let image = 0; image < batch; image++) {
    const chosen =
      focal || varifocal
        ? every.filter((p) => Math.floor(p / priors) === image && labels[p] >= 0)
        : mined(inputs, image, ratio);
    for (const p of chosen) counted.add(p);
  }
  for (const p of counted) {
    const [background, face, label] = [conf[p * 2], conf[p * 2 + 1], labels[p]];
    const ce = classLoss(background, face, label);
    let value = ce;
    let slope = classSlope(background, face, label);
    if (focal) {
      const weight = label === 1 ? focal.alpha : 1 - focal.alpha;
      const right = Math.exp(-ce);
      const factor = weight * (1 - right) ** focal.gamma;
      const factorByCe = weight * focal.gamma * (1 - right) ** (focal.gamma - 1) * right;
      value = factor * ce;
      slope *= factor + factorByCe * ce;
    }
    if (varifocal) {
      const [at, end] = [p * 4, p * 4 + 4];
      const target = Array.from(inputs.locTargets).slice(at, end);
      const quality =
        label === 1 ? (inputs.quality?.[p] ?? overlaps(loc.slice(at, end), target).iou) : undefined;
      ({ value, slope } = varifocalOf(
        face - background,
        quality,
        varifocal.alpha,
        varifocal.gamma,
      ));
    }
    parts.classes += value / n;
    gradients.conf[p * 2 + 1] += (weights.classes * slope) / n;
    gradients.conf[p * 2] -= (weights.classes * slope) / n;
  }
  const regress = (
    key: "loc" | "landms",
    width: number,
    trains: (p: number) => boolean,
    share: number,
    weight: number,
  ) => {
    const targets = key === "loc" ? inputs.locTargets : inputs.landmTargets;
    let total = 0;
    for (const p of every.filter(trains)) {
      for (let i = p * width; i < (p + 1) * width; i++) {
        const d = inputs[key][i] - targets[i];
        total += smooth(d) * share;
        gradients[key][i] += weight * share * smoothSlope(d);
      }
    }
    return total;
  };
  const isFace = (p: number) => labels[p] === 1;
  if (distance) {
    for (const p of every.filter(isFace)) {
      const target = Array.from(inputs.locTargets).slice(p * 4, p * 4 + 4);
      const far = (i: number, delta: number) => {
        const said = loc.slice(p * 4, p * 4 + 4);
        said[i] += delta;
        return 1 - overlaps(said, target)[distance];
      };
      parts.boxes += far(0, 0) / n;
      for (let i = 0; i < 4; i++)
        gradients.loc[p * 4 + i] = (weights.boxes * (far(i, 1e-6) - far(i, -1e-6))) / 2e-6 / n;
    }
  } else parts.boxes = regress("loc", 4, isFace, 1 / n, weights.boxes);
  const marked = (p: number) => inputs.landmMask[p] === 1;
  parts.landmarks = regress("landms", 10, marked, 1 / n1, weights.landmarks);
  const total =
    weights.classes * parts.classes +
    weights.boxes * parts.boxes +
    weights.landmarks * parts.landmarks;
  return { total, ...parts, gradients };
}

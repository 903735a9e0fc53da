/** The distillation loss in float64, from its definition. */

export interface DistillInputs {
  readonly priors: number;
  /** [priors, 2], [priors, 4], [priors, 10], of all images of a batch. */
  readonly student: Outputs;
  readonly teacher: Outputs;
  readonly labels?: {
    readonly faces: Float64Array;
    readonly loc: Float64Array;
    readonly landms: Float64Array;
    readonly landmMask: Float64Array;
    readonly counted: Float64Array;
    readonly background: Float64Array;
  };
}

interface Outputs {
  readonly conf: Float64Array;
  readonly loc: Float64Array;
  readonly landms: Float64Array;
}

export interface DistillRule {
  readonly focus: number;
  readonly confident: number;
  readonly weights: {
    readonly classes: number;
    readonly boxes: number;
    readonly landmarks: number;
  };
  readonly beta?: number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const odds = ({ conf }: Outputs, p: number) => conf[p * 2 + 1] - conf[p * 2];
const smooth = (d: number, beta: number) =>
  Math.abs(d) < beta ? (d * d) / (2 * beta) : Math.abs(d) - beta / 2;
const smoothSlope = (d: number, beta: number) => (Math.abs(d) < beta ? d / beta : Math.sign(d));

/** The loss, its parts, and the gradients of the total in the student's outputs. */
export function distill(inputs: DistillInputs, rule: DistillRule) {
  const { focus, confident, weights, beta = 1 } = rule;
  const { priors, student, teacher, labels } = inputs;
  const gradients = {
    conf: new Float64Array(student.conf.length),
    loc: new Float64Array(student.loc.length),
    landms: new Float64Array(student.landms.length),
  };
  const all = Array.from({ length: priors }, (_, p) => p);
  const taught = all.map((p) => sigmoid(odds(teacher, p)));
  const isLabel = (p: number) => labels?.faces[p] === 1;
  const believed = (p: number) =>
    labels === undefined || (labels.counted[p] === 1 && labels.background[p] === 0);
  const face = all.map((p) => {
    if (isLabel(p)) return 1;
    return labels?.background[p] === 1 ? 0 : taught[p];
  });
  const counts = (p: number) => (labels?.counted[p] === 0 && !isLabel(p) ? 0 : 1);
  const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const faces = Math.max(1, total(all.map((p) => face[p] * counts(p))));

  let classes = 0;
  for (const p of all) {
    const x = odds(student, p);
    const mine = sigmoid(x);
    const weight = (counts(p) * Math.abs(face[p] - mine) ** focus) / faces;
    classes += weight * (Math.max(x, 0) - x * face[p] + Math.log1p(Math.exp(-Math.abs(x))));
    const slope = weights.classes * weight * (mine - face[p]);
    gradients.conf[p * 2 + 1] += slope;
    gradients.conf[p * 2] -= slope;
  }

  const sure = (p: number) => taught[p] > confident;
  const regress = (
    key: "loc" | "landms",
    width: number,
    weightOf: (p: number) => number,
    targetOf: (p: number, i: number) => number,
    factor: number,
  ) => {
    const sum = Math.max(1, total(all.map(weightOf)));
    let loss = 0;
    for (const p of all) {
      for (let i = p * width; i < (p + 1) * width; i++) {
        const d = student[key][i] - targetOf(p, i);
        loss += (smooth(d, beta) * weightOf(p)) / sum;
        gradients[key][i] = (factor * weightOf(p) * smoothSlope(d, beta)) / sum;
      }
    }
    return loss;
  };
  const confidence = (p: number) => (sure(p) && believed(p) ? taught[p] : 0);
  const boxes = regress(
    "loc",
    4,
    (p) => (isLabel(p) ? 1 : confidence(p)),
    (p, i) => (labels && isLabel(p) ? labels.loc[i] : teacher.loc[i]),
    weights.boxes,
  );
  const landmarks = regress(
    "landms",
    10,
    (p) => (isLabel(p) && labels?.landmMask[p * 10] === 1 ? 1 : confidence(p)),
    (_, i) => (labels?.landmMask[i] === 1 ? labels.landms[i] : teacher.landms[i]),
    weights.landmarks,
  );
  const sum = weights.classes * classes + weights.boxes * boxes + weights.landmarks * landmarks;
  return { total: sum, classes, boxes, landmarks, gradients };
}

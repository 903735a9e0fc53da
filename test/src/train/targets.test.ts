import type { Random } from "@retinaface-webgpu/tensor";
import {
  MATCH_PRESETS,
  type MatchFaces,
  type MatchOptions,
  matchPriors,
  mineHardNegatives,
  seededRandom,
  type Targets,
} from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, decodeBoxes, priorBoxes } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

const NONE = Array<number>(10).fill(Number.NaN);

/** cx, cy, w, h rows from corners. */
const priorsOf = (...corners: number[][]) =>
  Float32Array.from(
    corners.flatMap(([x1, y1, x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]),
  );

const facesOf = (boxes: number[][], landmarks: number[][] = [], ignored: number[] = []) => ({
  boxes: Float32Array.from(boxes.flat()),
  landmarks: Float32Array.from(boxes.flatMap((_, i) => landmarks[i] ?? NONE)),
  ignored: Uint8Array.from(boxes, (_, i) => ignored[i] ?? 0),
});

/** A slow, literal transcription of the rules on full IoU tables, as an independent check. */
function referenceMatch(faces: MatchFaces, priors: Float32Array, options: MatchOptions) {
  const n = faces.boxes.length / 4;
  const count = priors.length / 4;
  const table = Array.from({ length: n }, (_, f) =>
    Array.from({ length: count }, (_, p) => {
      const [x1, y1, x2, y2] = faces.boxes.subarray(f * 4, f * 4 + 4);
      const [cx, cy, w, h] = priors.subarray(p * 4, p * 4 + 4);
      const iw = Math.max(0, Math.min(x2, cx + w / 2) - Math.max(x1, cx - w / 2));
      const ih = Math.max(0, Math.min(y2, cy + h / 2) - Math.max(y1, cy - h / 2));
      return (iw * ih) / ((x2 - x1) * (y2 - y1) + w * h - iw * ih);
    }),
  );
  const columnBest = Array.from({ length: count }, (_, p) => {
    const column = table.map((row) => row[p]);
    const overlap = Math.max(...column);
    return { overlap, face: column.indexOf(overlap) };
  });
  for (const [f, row] of table.entries()) {
    const overlap = Math.max(...row);
    const p = row.indexOf(overlap);
    columnBest[p].face = f;
    if (overlap >= options.forced) columnBest[p].overlap = 2;
  }
  return columnBest.map(({ overlap, face }) => ({
    label: overlap < options.negative ? 0 : overlap < options.positive ? -1 : 1,
    face,
  }));
}

function randomFaces(random: Random, count: number): MatchFaces {
  const boxes: number[][] = [];
  const landmarks: number[][] = [];
  for (let i = 0; i < count; i++) {
    const w = 2 ** random.uniform(-7, -0.5);
    const h = w * random.uniform(0.8, 1.6);
    const x = random.uniform(-0.1, 1);
    const y = random.uniform(-0.1, 1);
    boxes.push([x, y, x + w, y + h]);
    landmarks.push(
      random.uniform() < 0.3 ? NONE : Array.from({ length: 10 }, () => random.uniform()),
    );
  }
  return facesOf(boxes, landmarks);
}

const label = (targets: Targets) => [...targets.labels];

test("a prior at the thresholds; ignored ones only in the paper's preset", () => {
  const face = [0, 0, 0.5, 0.5];
  const priors = priorsOf(face, [0, 0, 0.5, 0.22], [0, 0, 0.5, 0.165], [0.6, 0.6, 1, 1]);
  assert.equal(label(matchPriors([facesOf([face])], priors)), [1, 1, 0, 0]);
  const paper = matchPriors([facesOf([face])], priors, MATCH_PRESETS.paper);
  assert.equal(label(paper), [1, -1, -1, 0]);
  assert.is(paper.positives, 1);
});

/** ATSS transcribed on full tables: each face's labels from its candidates' IoUs. */
function referenceAtss({ boxes }: MatchFaces, priors: Float32Array) {
  const rows = (values: Float32Array) =>
    Array.from({ length: values.length / 4 }, (_, i) => [...values.subarray(i * 4, i * 4 + 4)]);
  const all = rows(priors);
  const iou = ([x1, y1, x2, y2]: number[], [cx, cy, w, h]: number[]) => {
    const iw = Math.max(0, Math.min(x2, cx + w / 2) - Math.max(x1, cx - w / 2));
    const ih = Math.max(0, Math.min(y2, cy + h / 2) - Math.max(y1, cy - h / 2));
    return (iw * ih) / ((x2 - x1) * (y2 - y1) + w * h - iw * ih);
  };
  const owner = all.map(() => ({ face: -1, iou: 0 }));
  const lone: { face: number; prior: number }[] = [];
  for (const [face, box] of rows(boxes).entries()) {
    const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    const far = (p: number) => (all[p][0] - x) ** 2 + (all[p][1] - y) ** 2;
    const sizes = [...new Set(all.map(([, , w, h]) => `${w} ${h}`))];
    const candidates = sizes.flatMap((size) =>
      all
        .flatMap(([, , w, h], p) => (`${w} ${h}` === size ? [p] : []))
        .sort((a, b) => far(a) - far(b) || a - b)
        .slice(0, 9),
    );
    const ious = candidates.map((p) => iou(box, all[p]));
    const mean = ious.reduce((a, b) => a + b) / ious.length;
    const variance = ious.reduce((a, b) => a + (b - mean) ** 2, 0) / (ious.length - 1);
    const inside = ([cx, cy]: number[]) =>
      Math.min(cx - box[0], box[2] - cx, cy - box[1], box[3] - cy) > 0;
    const own = candidates.filter(
      (p, i) => ious[i] > 0 && ious[i] >= mean + Math.sqrt(variance) && inside(all[p]),
    );
    for (const p of own) {
      const overlap = iou(box, all[p]);
      if (overlap > owner[p].iou) owner[p] = { face, iou: overlap };
    }
    const most = Math.max(...ious);
    if (own.length === 0 && most > 0) lone.push({ face, prior: candidates[ious.indexOf(most)] });
  }
  for (const { face, prior } of lone) if (owner[prior].face < 0) owner[prior].face = face;
  return owner.map(({ face }) => face);
}

test("ATSS: each face's own threshold, as transcribed on full tables", () => {
  const random = seededRandom(6);
  const priors = priorBoxes(160, 128, DEFAULT_CONFIG.anchors);
  const options = { ...MATCH_PRESETS.pytorch, assignment: "atss" } as const;
  for (let round = 0; round < 12; round++) {
    const faces = randomFaces(random, 1 + round);
    const targets = matchPriors([faces], priors, options);
    const owners = referenceAtss(faces, priors);
    assert.equal(
      label(targets),
      owners.map((face) => Number(face >= 0)),
    );
    const decoded = decodeBoxes(targets.locTargets, priors, [0.1, 0.2]);
    for (const [p, face] of owners.entries()) {
      if (face < 0) continue;
      for (let i = 0; i < 4; i++)
        assert.ok(Math.abs(decoded[p * 4 + i] - faces.boxes[face * 4 + i]) < 1e-5);
    }
  }
});

test("ATSS gives small faces more anchors and large ones fewer, and a face between cells its best", () => {
  const priors = priorBoxes(640, 640, DEFAULT_CONFIG.anchors);
  const positives = (side: number, assignment: "iou" | "atss") => {
    const [from, to] = [0.5031 - side / 1280, 0.5031 + side / 1280];
    const face = facesOf([[from, from, to, to]]);
    return matchPriors([face], priors, { ...MATCH_PRESETS.pytorch, assignment }).positives;
  };
  const sides = [6, 10, 14, 40, 200];
  const counts = (assignment: "iou" | "atss") => sides.map((side) => positives(side, assignment));
  assert.equal(counts("iou"), [0, 1, 1, 14, 60]);
  assert.equal(counts("atss"), [1, 1, 4, 13, 9]);
});

test("a face claims its best prior from IoU 0.2, and takes it from a better overlap", () => {
  const priors = priorsOf([0, 0, 0.5, 0.5]);
  const small = [0, 0, 0.25, 0.25];
  const tiny = [0, 0, 0.2, 0.2];
  const large = [0, 0, 0.5, 0.4];
  assert.equal(label(matchPriors([facesOf([small])], priors)), [1]);
  assert.equal(label(matchPriors([facesOf([tiny])], priors)), [0]);
  const matchedBox = (boxes: number[][]) => {
    const { locTargets } = matchPriors([facesOf(boxes)], priors);
    return [...decodeBoxes(locTargets, priors, [0.1, 0.2])].map((v) => Math.round(v * 1e4) / 1e4);
  };
  assert.equal(matchedBox([large, small]), small);
  assert.equal(matchedBox([small, large]), large);
});

test("encoded targets: boxes, landmarks, and their mask", () => {
  const priors = priorsOf([0.25, 0.25, 0.75, 0.75], [0, 0, 0.1, 0.1]);
  const points = [0.3, 0.3, 0.7, 0.3, 0.5, 0.5, 0.35, 0.7, 0.65, 0.7];
  const targets = matchPriors([facesOf([[0.3, 0.2, 0.7, 0.8]], [points])], priors);
  const round = (values: Float32Array) => [...values].map((v) => Math.round(v * 1e4) / 1e4);
  const loc = [0, 0, Math.log(0.8) / 0.2, Math.log(1.2) / 0.2].map(
    (v) => Math.round(v * 1e4) / 1e4,
  );
  assert.equal(round(targets.locTargets), [...loc, 0, 0, 0, 0]);
  assert.equal(round(targets.landmTargets.slice(0, 10)), [-4, -4, 4, -4, 0, 0, -3, 4, 3, 4]);
  assert.ok(targets.landmTargets.slice(10).every((v) => v === 0));
  assert.equal([...targets.landmMask], [1, 0]);
  const partial = matchPriors(
    [facesOf([[0.3, 0.2, 0.7, 0.8]], [[...points.slice(0, 9), Number.NaN]])],
    priors,
  );
  assert.equal([...partial.landmMask], [0, 0]);
  assert.ok(partial.landmTargets.every((v) => v === 0));
});

test("degenerate boxes are dropped and counted, never NaN", () => {
  const priors = priorBoxes(64, 64, DEFAULT_CONFIG.anchors);
  const bad = [
    [0.2, 0.2, 0.2, 0.4],
    [0.4, 0.4, 0.3, 0.5],
    [Number.NaN, 0, 1, 1],
    [0, 0, Number.POSITIVE_INFINITY, 1],
  ];
  const targets = matchPriors([facesOf(bad), facesOf([...bad, [0.1, 0.1, 0.6, 0.6]])], priors);
  assert.is(targets.dropped, 8);
  const count = priors.length / 4;
  assert.ok(targets.labels.subarray(0, count).every((v) => v === 0));
  assert.ok(targets.positives > 0);
  assert.ok(targets.locTargets.every(Number.isFinite));
});

test("ignored faces excuse the background in them and claim nothing", () => {
  const priors = priorsOf(
    [0, 0, 0.4, 0.4],
    [0.1, 0.1, 0.2, 0.2],
    [0.6, 0.6, 0.7, 0.7],
    [0, 0, 1, 1],
  );
  const faces = facesOf(
    [
      [0, 0, 0.4, 0.4],
      [0.6, 0.6, 0.7, 0.7],
    ],
    [],
    [1, 0],
  );
  assert.equal(label(matchPriors([faces], priors)), [-1, -1, 1, 0]);
});

test("a batch of random images equals the literal rules on full tables", () => {
  const random = seededRandom(5);
  const priors = priorBoxes(96, 160, DEFAULT_CONFIG.anchors);
  const count = priors.length / 4;
  // RetinaNet's rules are another matter: retinanet.node.test.
  for (const options of [MATCH_PRESETS.pytorch, MATCH_PRESETS.paper]) {
    const batch = Array.from({ length: 20 }, () => randomFaces(random, 1 + random.integer(30)));
    const targets = matchPriors(batch, priors, options);
    let positives = 0;
    for (const [i, faces] of batch.entries()) {
      const expected = referenceMatch(faces, priors, options);
      const at = i * count;
      const loc = targets.locTargets.subarray(at * 4, (at + count) * 4);
      const decoded = decodeBoxes(loc, priors, options.variances);
      for (const [p, { label, face }] of expected.entries()) {
        assert.is(targets.labels[at + p], label);
        if (label !== 1) continue;
        positives++;
        for (let c = 0; c < 4; c++) {
          assert.ok(Math.abs(decoded[p * 4 + c] - faces.boxes[face * 4 + c]) < 1e-5);
        }
        const marked = !Number.isNaN(faces.landmarks[face * 10]);
        assert.is(targets.landmMask[at + p], marked ? 1 : 0);
      }
    }
    assert.is(targets.positives, positives);
  }
});

test("an image without faces is all background", () => {
  const priors = priorBoxes(64, 64, DEFAULT_CONFIG.anchors);
  const targets = matchPriors([facesOf([])], priors);
  assert.ok(targets.labels.every((v) => v === 0));
  assert.is(targets.positives, 0);
});

test("shapes and thresholds that do not fit are refused", () => {
  const priors = priorsOf([0, 0, 1, 1]);
  const broken = { boxes: new Float32Array(4), landmarks: new Float32Array(4) };
  assert.throws(() => matchPriors([broken], priors), /image 0 needs boxes/);
  const options = { ...MATCH_PRESETS.paper, negative: 0.6 };
  assert.throws(() => matchPriors([], priors, options), /negative/);
});

test("mining keeps the hardest background, by image", () => {
  const logits = [0, 1, 0, 5, 0, 3, 0, -2, 0, 5, 0, 0, 0, 9, 0, 1, 0, 1, 0, 1, 0, 2, 0, 3];
  const labels = Int32Array.from([1, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0]);
  const chosen = mineHardNegatives(logits, labels, 2, 2);
  assert.equal([...chosen], [1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  const all = mineHardNegatives(logits, labels, 2, 7);
  assert.equal([...all], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  assert.throws(() => mineHardNegatives([1], labels, 2, 7), /needs logits/);
});

test("mining stays sound for extreme logits", () => {
  const logits = [0, 1000, 1000, 0, 0, 0];
  const chosen = mineHardNegatives(logits, Int32Array.from([0, 0, 1]), 1, 1);
  assert.equal([...chosen], [1, 0, 1]);
});

test.run();

import { type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  LOSS_PRESETS,
  type LossOptions,
  multiBoxLoss,
  selectHardNegatives,
  type Targets,
  uploadTargets,
} from "@retinaface-webgpu/train";
import { RETINAFACE_HEADS } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LossInputs, type LossRule, multiBox, overlaps } from "../reference/multibox.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

/** What the kernel must choose, by sorting the losses it is given. */
function chooseBySorting(losses: Float32Array, labels: Int32Array, batch: number, ratio: number) {
  const priors = labels.length / batch;
  const chosen = new Float32Array(labels.length);
  for (let image = 0; image < batch; image++) {
    const own = Array.from({ length: priors }, (_, i) => image * priors + i);
    const faces = own.filter((p) => labels[p] === 1);
    const rank = (p: number) => (Number.isNaN(losses[p]) ? Number.POSITIVE_INFINITY : losses[p]);
    const others = own.filter((p) => labels[p] === 0).sort((a, b) => rank(b) - rank(a) || a - b);
    const kept = Math.min(Math.floor(ratio * faces.length), priors - 1);
    for (const p of [...faces, ...others.slice(0, kept)]) chosen[p] = 1;
  }
  return chosen;
}

async function checkMining(
  name: string,
  losses: Float32Array,
  labels: Int32Array,
  batch: number,
  ratio: number,
): Promise<void> {
  const shape = [batch, labels.length / batch];
  const l = tensor(device(), losses, shape);
  const y = tensor(device(), labels, shape, { dtype: "i32" });
  const chosen = selectHardNegatives(l, y, ratio);
  assert.not(chosen.requiresGrad);
  const expected = chooseBySorting(losses, labels, batch, ratio);
  assertClose((await chosen.data()) as Float32Array, expected, { what: name });
  for (const t of [l, y, chosen]) t.dispose();
}

const labelled = (random: Random, count: number, faces: number, ignored: number) =>
  Int32Array.from({ length: count }, () => {
    const u = random.uniform();
    return u < faces ? 1 : u < faces + ignored ? -1 : 0;
  });

test("mining takes exactly the hardest negatives", async () => {
  const random = new Random(2);
  for (const [batch, priors] of [
    [1, 1],
    [2, 3],
    [3, 257],
    [2, 4200],
    [1, 100_003],
  ]) {
    for (const ratio of [0, 3, 7]) {
      const labels = labelled(random, batch * priors, 0.02, 0.1);
      labels[0] = 1;
      const losses = random.uniforms(batch * priors, 0, 3);
      await checkMining(`[${batch}, ${priors}] ${ratio}:1`, losses, labels, batch, ratio);
    }
  }
});

test("mining settles ties by index, and knows its limits", async () => {
  const random = new Random(4);
  const labels = labelled(random, 3 * 1000, 0.03, 0.05);
  const coarse = Float32Array.from(random.uniforms(3000, 0, 4), Math.floor);
  await checkMining("four values", coarse, labels, 3, 7);
  await checkMining("all equal", new Float32Array(3000).fill(0.25), labels, 3, 7);
  const neighbours = Float32Array.from({ length: 3000 }, (_, i) => 1 + ((i * 7) % 11) * 2 ** -23);
  await checkMining("neighbouring floats", neighbours, labels, 3, 7);
  const noFaces = labels.map((label) => Math.min(label, 0));
  await checkMining("no faces", coarse, noFaces, 3, 7);
  const manyFaces = labelled(random, 3000, 0.5, 0);
  await checkMining("more asked for than there are", coarse, manyFaces, 3, 7);
  await checkMining("only faces", coarse, new Int32Array(3000).fill(1), 3, 7);
  const wild = random.uniforms(3000, 0, 3);
  for (let i = 0; i < 3000; i += 13) {
    wild[i] = [Number.NaN, Number.POSITIVE_INFINITY, 0, -0, 1e-42, -1e-7][(i / 13) % 6];
  }
  await checkMining("NaN and infinities", wild, labels, 3, 7);
});

function randomTargets(random: Random, batch: number, priors: number, faces: number): Targets {
  const total = batch * priors;
  const labels = labelled(random, total, faces, 0.1);
  const locTargets = new Float32Array(total * 4);
  const landmTargets = new Float32Array(total * 10);
  const landmMask = new Int32Array(total);
  for (let p = 0; p < total; p++) {
    if (labels[p] !== 1) continue;
    locTargets.set(random.normals(4), p * 4);
    landmMask[p] = Number(random.uniform() < 0.6);
    if (landmMask[p]) landmTargets.set(random.normals(10), p * 10);
  }
  const positives = labels.filter((label) => label === 1).length;
  const heads = {
    loc: { values: locTargets, mask: labels.map((label) => Math.max(0, label)) },
    landms: { values: landmTargets, mask: landmMask },
  };
  return { labels, heads, locTargets, landmTargets, landmMask, positives, dropped: 0 };
}

interface Case {
  readonly name: string;
  readonly batch: number;
  readonly priors: number;
  readonly faces: number;
  /** Spread of the logits. */
  readonly spread: number;
}

const cases: Case[] = [
  { name: "a few faces", batch: 2, priors: 133, faces: 0.05, spread: 2 },
  { name: "no faces", batch: 1, priors: 50, faces: 0, spread: 2 },
  { name: "many faces, batch 3", batch: 3, priors: 64, faces: 0.4, spread: 1 },
  { name: "saturated logits", batch: 2, priors: 100, faces: 0.1, spread: 60 },
];

const rules: Record<string, LossOptions & LossRule> = {
  pytorch: { ...LOSS_PRESETS.pytorch, ratio: 7 },
  paper: { ...LOSS_PRESETS.paper, ratio: 3 },
  focal: {
    classification: { kind: "focal", alpha: 0.25, gamma: 2 },
    focal: { alpha: 0.25, gamma: 2 },
    weights: { classes: 1, boxes: 0.25, landmarks: 0.1 },
  },
  "varifocal, giou": {
    classification: { kind: "varifocal", alpha: 0.75, gamma: 2, variances: [0.1, 0.2] },
    varifocal: { alpha: 0.75, gamma: 2 },
    boxes: { kind: "giou", variances: [0.1, 0.2] },
    distance: "giou",
    weights: { classes: 1, boxes: 2, landmarks: 1 },
  },
  "hard negatives, diou": {
    classification: { kind: "hard-negatives", ratio: 7 },
    boxes: { kind: "diou", variances: [0.1, 0.2] },
    distance: "diou",
    weights: { classes: 1, boxes: 2, landmarks: 1 },
  },
  "focal, eiou": {
    classification: { kind: "focal", alpha: 0.25, gamma: 2 },
    focal: { alpha: 0.25, gamma: 2 },
    boxes: { kind: "eiou", variances: [0.1, 0.2] },
    distance: "eiou",
    weights: { classes: 1, boxes: 2, landmarks: 1 },
  },
};

test("EIoU of boxes apart, by hand: one beside the other shares −1 of 3, one across a corner −6 of 8", async () => {
  const labels = Int32Array.from([1, 1]);
  const heads = { loc: { values: new Float32Array(8), mask: labels } };
  const targets = { labels, heads, positives: 2 } as unknown as Targets;
  const loc = tensor(device(), [20, 0, 0, 0, 20, 20, 0, 0], [1, 2, 4], { requiresGrad: true });
  const said = { conf: tensor(device(), [0, 0, 0, 0], [1, 2, 2]), loc };
  const table = RETINAFACE_HEADS.slice(0, 2);
  const { boxes } = multiBoxLoss(
    said,
    uploadTargets(device(), targets, 1),
    rules["focal, eiou"],
    table,
  );
  boxes.backward();
  assertClose([await boxes.item()], [(4 / 3 + 7 / 4) / 2 - 0.05], { rtol: 1e-6 });
  const slopes = (await loc.grad!.data()) as Float32Array;
  assertClose(
    [0, 4, 5].map((at) => slopes[at]),
    [0.1 / 9, 0.1 / 16, 0.1 / 16],
    { rtol: 1e-5 },
  );
});

/** The IoUs of a case's boxes, which have no gradient: they stay where finite differences move the boxes. */
const qualityOf = ({ loc, locTargets, labels }: LossInputs) =>
  Array.from(labels, (_, p) => {
    const [at, end] = [p * 4, p * 4 + 4];
    return overlaps(loc.slice(at, end), Array.from(locTargets).slice(at, end)).iou;
  });

/** Random outputs and targets, on the GPU and in float64. */
function makeCase(seed: number, { batch, priors, faces, spread }: Case) {
  const random = new Random(seed);
  const targets = randomTargets(random, batch, priors, faces);
  const values = (width: number, deviation: number) =>
    Float64Array.from(random.normals(batch * priors * width, 0, deviation));
  const inputs: LossInputs = {
    batch,
    priors,
    conf: values(2, spread),
    loc: values(4, 1),
    landms: values(10, 1),
    ...targets,
  };
  const upload = (data: Float64Array, width: number) =>
    tensor(device(), data, [batch, priors, width], { requiresGrad: true });
  const output = {
    conf: upload(inputs.conf, 2),
    loc: upload(inputs.loc, 4),
    landms: upload(inputs.landms, 10),
  };
  return { inputs, output, uploaded: uploadTargets(device(), targets, batch) };
}

for (const [rule, options] of Object.entries(rules)) {
  test(`loss and gradients against float64: ${rule}`, async () => {
    for (const [seed, each] of cases.entries()) {
      const { inputs, output, uploaded } = makeCase(seed, each);
      const what = `${rule}, ${each.name}`;
      const parts = tidy(() => {
        const { total, classes, boxes, landmarks } = multiBoxLoss(output, uploaded, options);
        total.backward();
        return [total, classes, boxes, landmarks].map((t) => t.detach());
      });
      const expected = multiBox(inputs, options);
      const values = await Promise.all(parts.map((t) => t.item()));
      assertClose(values, [expected.total, expected.classes, expected.boxes, expected.landmarks], {
        atol: 1e-6,
        rtol: 1e-5,
        what,
      });
      for (const key of ["conf", "loc", "landms"] as const) {
        const gradient = (await (output[key].grad as Tensor).data()) as Float32Array;
        const at = `${what}: gradient of ${key}`;
        assertClose(gradient, expected.gradients[key], { atol: 1e-7, rtol: 1e-4, what: at });
      }
      for (const t of [...parts, ...Object.values(output)]) t.dispose();
    }
  });

  test(`the reference's gradients against finite differences: ${rule}`, () => {
    for (const [seed, each] of cases.slice(0, 3).entries()) {
      const made = makeCase(seed, each).inputs;
      const inputs = { ...made, quality: qualityOf(made) };
      const { gradients } = multiBox(inputs, options);
      const random = new Random(9);
      for (const key of ["conf", "loc", "landms"] as const) {
        for (let n = 0; n < 40; n++) {
          const i = random.integer(0, inputs[key].length - 1);
          const moved = (delta: number) => {
            const data = inputs[key].slice();
            data[i] += delta;
            return multiBox({ ...inputs, [key]: data }, options).total;
          };
          const slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
          assertClose([gradients[key][i]], [slope], { atol: 1e-7, rtol: 1e-5, what: key });
        }
      }
    }
  });
}

test.run();

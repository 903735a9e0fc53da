/** SimOTA on the device against the published rules on full tables in float64, and by hand. */
import { nn, noGrad, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  LOSS_PRESETS,
  labelsBySimOta,
  MATCH_PRESETS,
  matchBySimOta,
  matchPriors,
  objectiveOf,
  type Sample,
  SimOtaObjective,
  uploadForSimOta,
  uploadSimOtaLabels,
} from "@retinaface-webgpu/train";
import {
  DEFAULT_CONFIG,
  encodeBoxes,
  encodeLandmarks,
  type HeadSpec,
  headsOfClasses,
  OBJECTNESS_HEAD,
  OptionError,
  paperNetwork,
  priorBoxes,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
  regressionHeads,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { multiBox } from "../reference/multibox.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { makeSample } from "../support/train-samples.js";

const device = useDevice(test);
const VARIANCES = [0.1, 0.2] as const;
const LEVELS = [8, 16, 32].map((stride) => ({ stride, anchors: 2 }));

interface Scene {
  readonly samples: readonly Sample[];
  readonly priors: Float32Array;
  /** Cells of each prior, in parts of the image: width and height. */
  readonly cells: readonly (readonly [number, number])[];
  readonly conf: Float32Array;
  readonly loc: Float32Array;
  /** Where there is a head for it. */
  readonly obj?: Float32Array;
  readonly classes: number;
}

const rowsOf = (values: ArrayLike<number>, width: number) =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_, k) => values[i * width + k]),
  );

/** Of a probability's logarithm and that of its complement, the binary cross-entropies. */
const entropies = (q: number) => [-Math.log(q), -Math.log1p(-q)];

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function iou([x1, y1, x2, y2]: number[], [a1, b1, a2, b2]: number[]): number {
  const width = Math.max(0, Math.min(x2, a2) - Math.max(x1, a1));
  const height = Math.max(0, Math.min(y2, b2) - Math.max(y1, b1));
  const both = width * height;
  return both / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - both);
}

/**
 * YOLOX's rules, literally, of an image: the face of each prior or −1. `margin` is the least by which any decision was made.
 */
function reference(scene: Scene, image: number): { faces: number[]; margin: number } {
  const { samples, cells, classes } = scene;
  const { boxes, ignored, classes: kinds } = samples[image];
  const count = cells.length;
  const priors = rowsOf(scene.priors, 4);
  const logits = rowsOf(scene.conf, classes + 1).slice(image * count, (image + 1) * count);
  const said = rowsOf(scene.loc, 4)
    .slice(image * count, (image + 1) * count)
    .map(([dx, dy, dw, dh], p) => {
      const [cx, cy, w, h] = priors[p];
      const [x, y] = [cx + dx * 0.1 * w, cy + dy * 0.1 * h];
      const [sx, sy] = [(w * Math.exp(dw * 0.2)) / 2, (h * Math.exp(dh * 0.2)) / 2];
      return [x - sx, y - sy, x + sx, y + sy];
    });
  const all = rowsOf(boxes, 4);
  const training = [...all.keys()].filter((f) => !ignored[f]);
  const inBox = (p: number, [x1, y1, x2, y2]: number[]) => {
    const [x, y] = priors[p];
    return Math.min(x - x1, x2 - x, y - y1, y2 - y) > 0;
  };
  const inCentre = (p: number, [x1, y1, x2, y2]: number[]) => {
    const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
    const [w, h] = cells[p].map((side) => side * 2.5);
    return Math.abs(priors[p][0] - x) < w && Math.abs(priors[p][1] - y) < h;
  };
  const candidates = [...priors.keys()].filter((p) =>
    training.some((f) => inBox(p, all[f]) || inCentre(p, all[f])),
  );
  const costOf = (f: number, p: number) => {
    const z = logits[p].slice(1).map((logit) => logit - logits[p][0]);
    const kind = kinds?.[f] ?? 1;
    const entropy = z.reduce((sum, x, c) => {
      if (!scene.obj) return sum + softplus(c === kind - 1 ? -x : x);
      const scores = [x, scene.obj[image * count + p]].map((odds) => 1 / (1 + Math.exp(-odds)));
      const [isClass, isNot] = entropies(Math.sqrt(scores[0] * scores[1]));
      return sum + (c === kind - 1 ? isClass : isNot);
    }, 0);
    const far = inBox(p, all[f]) && inCentre(p, all[f]) ? 0 : 1e5;
    return entropy - 3 * Math.log(iou(said[p], all[f]) + 1e-8) + far;
  };
  let margin = Number.POSITIVE_INFINITY;
  const claims = new Map<number, number[]>();
  for (const f of training) {
    const ious = candidates.map((p) => iou(said[p], all[f])).sort((a, b) => b - a);
    const sum = ious.slice(0, 10).reduce((a, b) => a + b, 0);
    if (Math.round(sum) > 1) margin = Math.min(margin, Math.abs(sum - Math.round(sum)));
    const wanted = Math.max(1, Math.floor(sum));
    const byCost = candidates
      .map((p) => ({ p, cost: costOf(f, p) }))
      .sort((a, b) => a.cost - b.cost || a.p - b.p);
    const [last, next] = byCost.slice(wanted - 1, wanted + 1);
    if (next) margin = Math.min(margin, next.cost - last.cost);
    for (const { p } of byCost.slice(0, wanted)) claims.set(p, [...(claims.get(p) ?? []), f]);
  }
  const faces = Array<number>(count).fill(-1);
  for (const [p, owners] of claims) {
    const ranked = training.map((f) => ({ f, cost: costOf(f, p) })).sort((a, b) => a.cost - b.cost);
    faces[p] = owners.length > 1 ? ranked[0].f : owners[0];
    if (owners.length > 1) margin = Math.min(margin, ranked[1].cost - ranked[0].cost);
  }
  return { faces, margin };
}

function sceneOf(
  samples: Sample[],
  height: number,
  width: number,
  seed: number,
  { classes = 1, objectness = false } = {},
): Scene {
  const random = new Random(seed);
  const priors = priorBoxes(height, width, DEFAULT_CONFIG.anchors);
  const cells = LEVELS.flatMap(({ stride, anchors }) =>
    Array.from(
      { length: Math.ceil(height / stride) * Math.ceil(width / stride) * anchors },
      () => [stride / width, stride / height] as const,
    ),
  );
  const total = samples.length * cells.length;
  const conf = Float32Array.from(random.normals(total * (classes + 1)));
  const loc = Float32Array.from(random.normals(total * 4));
  const obj = objectness && Float32Array.from(random.normals(total, 0, 3));
  return { samples, priors, cells, conf, loc, ...(obj && { obj }), classes };
}

/** Six faces of which two are ignored and two nearly the same; none; a tiny one between cells and a large one. */
function samplesOf(): Sample[] {
  const random = new Random(3);
  const [crowd, empty, sizes] = [6, 0, 2].map((faces) => makeSample(random, 64, faces));
  crowd.ignored.set([1, 1], 4);
  crowd.boxes.set(
    crowd.boxes.slice(0, 4).map((v) => v + 0.02),
    4,
  );
  sizes.boxes.set([0.49, 0.49, 0.51, 0.52, 0.1, 0.2, 0.9, 0.95]);
  return [crowd, empty, sizes];
}

/** What the device makes of a scene: labels and rows of the tables, with so many rows an image. */
async function matchedOf(scene: Scene, [height, width]: readonly number[]) {
  const { samples, priors, conf, loc, obj, classes, cells } = scene;
  const table = obj ? [...RETINAFACE_HEADS, OBJECTNESS_HEAD] : RETINAFACE_HEADS;
  const heads: readonly HeadSpec[] = headsOfClasses(table, classes);
  const [labels, rows] = tidy(() =>
    noGrad(() => {
      const images = { shape: [samples.length, height, width, 3] } as never;
      const input = { priors, images };
      const targets = uploadForSimOta(device(), samples, input, LEVELS, regressionHeads(heads));
      const shape = [samples.length, cells.length];
      const output = {
        conf: tensor(device(), conf, [...shape, classes + 1]),
        loc: tensor(device(), loc, [...shape, 4]),
        ...(obj && { obj: tensor(device(), obj, [...shape, 1]) }),
      };
      const matched = matchBySimOta(output, targets, heads, VARIANCES);
      return [matched.labels, matched.rows];
    }),
  );
  const read = [await labels.data(), await rows.data()].map((values) => [...values]);
  for (const each of [labels, rows]) each.dispose();
  return { labels: read[0], rows: read[1] };
}

test("priors are whose the published rules say: crowds, no face, ignored ones, several classes, objectness", async () => {
  let contested = 0;
  for (const [seed, classes, objectness] of [
    [11, 1, false],
    [21, 1, false],
    [29, 3, false],
    [11, 1, true],
    [29, 3, true],
  ] as const) {
    const samples = samplesOf().map((sample) => ({
      ...sample,
      classes: Uint8Array.from(sample.ignored, (_, f) => 1 + (f % classes)),
    }));
    const scene = sceneOf(samples, 72, 56, seed, { classes, objectness });
    const { labels, rows } = await matchedOf(scene, [72, 56]);
    const count = scene.cells.length;
    for (const [image, { ignored, classes: kinds }] of samples.entries()) {
      const { faces, margin } = reference(scene, image);
      assert.ok(margin > 1e-3, `seed ${seed} decides by ${margin}: take another`);
      const own = labels.slice(image * count, (image + 1) * count);
      const { classes: _, ...single } = samples[image];
      const excused = matchPriors([single], scene.priors, MATCH_PRESETS.pytorch).labels;
      for (const [p, face] of faces.entries()) {
        const background = ignored.includes(1) && excused[p] === -1 ? -1 : 0;
        if (face >= 0) {
          assert.is(own[p], kinds[face], `image ${image}, prior ${p}`);
          assert.is(rows[image * count + p] - image * 8, face);
        } else if (excused[p] !== 1) assert.is(own[p], background, `image ${image}, prior ${p}`);
        else assert.ok(own[p] <= 0);
      }
      contested += faces.filter((face) => face === 1).length;
    }
  }
  assert.ok(contested > 0);
});

/** Priors of one cell size whose boxes are said exactly; scores by log odds. */
async function byHand(boxes: number[][], odds: number[], faces: number[][]) {
  const priors = Float32Array.from(
    boxes.flatMap(([x1, y1, x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]),
  );
  const sample = {
    ...makeSample(new Random(1), 8, faces.length),
    boxes: Float32Array.from(faces.flat()),
  };
  const level = { stride: 32, anchors: boxes.length };
  const [labels, rows] = tidy(() => {
    const input = { priors, images: { shape: [1, 32, 32, 3] } as never };
    const targets = uploadForSimOta(device(), [sample], input, [level], RETINAFACE_HEADS.slice(1));
    const conf = tensor(
      device(),
      odds.flatMap((x) => [0, x]),
      [1, odds.length, 2],
    );
    const loc = tensor(device(), new Float32Array(odds.length * 4), [1, odds.length, 4]);
    const matched = matchBySimOta({ conf, loc }, targets, RETINAFACE_HEADS, VARIANCES);
    return [matched.labels, matched.rows];
  });
  const face = [...(await rows.data())];
  return [...(await labels.data())].map((label, p) => (label === 1 ? face[p] : -1));
}

test("by hand: as many priors as the IoUs sum to, at least one, the surest first; who costs less keeps one", async () => {
  const face = [0.2, 0.2, 0.6, 0.6];
  const most = [0.2, 0.2, 0.6, 0.44];
  // 1 + 1 + 0.6 + 0.6 make three: both that fit, and of the others the one with the better score.
  assert.equal(await byHand([face, most, face, most], [0, 0, 0, 1], [face]), [0, -1, 0, 0]);
  // 0.725 is none and yet one; a worse score may be outweighed by a better box.
  assert.equal(await byHand([most, [0.2, 0.2, 0.6, 0.25]], [0, 3], [face]), [0, -1]);
  // The surest box has its centre outside of the face, and comes after one that is inside.
  const beside = [0.18, 0.2, 0.19, 0.6];
  const wide = [0, 0.2, 1, 0.6];
  assert.equal(await byHand([beside, wide], [9, -1], [face]), [-1, 0]);
  // Two faces want the same prior, which fits the second: the first, whose only other is not worth a second one, has none.
  const other = [0.2, 0.2, 0.6, 0.55];
  assert.equal(await byHand([face], [0], [other, face]), [1]);
  assert.equal(await byHand([face], [0], []), [-1]);
});

test("losses and gradients are those of the matched priors, and matching has none", async () => {
  const samples = samplesOf();
  const scene = sceneOf(samples, 64, 64, 7);
  const { priors, conf, loc, cells } = scene;
  const [batch, count] = [samples.length, cells.length];
  const landms = Float32Array.from(new Random(8).normals(batch * count * 10));
  const given = { conf, loc, landms };
  const outputs = Object.fromEntries(
    Object.entries(given).map(([name, data]) => [
      name,
      tensor(device(), data, [batch, count, data.length / batch / count], { requiresGrad: true }),
    ]),
  );
  const loss = {
    ...LOSS_PRESETS.pytorch,
    classification: { kind: "focal", alpha: 0.25, gamma: 2 },
  } as const;
  const match = { ...MATCH_PRESETS.pytorch, assignment: "simota" } as const;
  const objective = new SimOtaObjective(device(), match, loss, RETINAFACE_HEADS, LEVELS);
  const images = { shape: [batch, 64, 64, 3] } as never;
  const parts = tidy(() => {
    const made = objective.loss(outputs, { samples, priors, images });
    made.total.backward();
    return made;
  });
  const { labels, rows } = await matchedOf(scene, [64, 64]);
  const locTargets = new Float32Array(batch * count * 4);
  const landmTargets = new Float32Array(batch * count * 10);
  const landmMask = new Int32Array(batch * count);
  for (const [at, label] of labels.entries()) {
    if (label !== 1) continue;
    const [image, p] = [Math.floor(at / count), at % count];
    const f = rows[at] - image * 8;
    const [prior, { boxes, landmarks }] = [priors.slice(p * 4, p * 4 + 4), samples[image]];
    locTargets.set(encodeBoxes(boxes.slice(f * 4, f * 4 + 4), prior, VARIANCES), at * 4);
    const points = landmarks.slice(f * 10, f * 10 + 10);
    if (points.some(Number.isNaN)) continue;
    landmMask[at] = 1;
    landmTargets.set(encodeLandmarks(points, prior, VARIANCES), at * 10);
  }
  assert.ok(labels.includes(-1) && labels.includes(1) && landmMask.includes(1));
  const f64 = (values: Float32Array) => Float64Array.from(values);
  const expected = multiBox(
    {
      ...{ batch, priors: count, labels, locTargets, landmTargets, landmMask },
      ...{ conf: f64(conf), loc: f64(loc), landms: f64(landms) },
    },
    { focal: { alpha: 0.25, gamma: 2 }, weights: loss.weights },
  );
  for (const name of ["total", "classes", "boxes", "landmarks"] as const)
    assertClose([await parts[name].item()], [expected[name]], { rtol: 1e-4, what: name });
  for (const name of ["conf", "loc", "landms"] as const) {
    const own = await outputs[name].grad!.data();
    assertClose(own, expected.gradients[name], { atol: 1e-6, rtol: 1e-4, what: name });
  }
  const broken = {
    ...samples[2],
    boxes: samples[2].boxes.map((v, i) => (i === 2 ? Number.NaN : v)),
  };
  tidy(() =>
    objective.targets({ samples: [broken], priors, images: { shape: [1, 64, 64, 3] } as never }),
  );
  assert.is(objective.dropped, 1);
});

test("labels beside a teacher: the same priors, of faces with some landmarks these alone", async () => {
  const samples = samplesOf();
  samples[0].landmarks[2] = Number.NaN;
  const scene = sceneOf(samples, 64, 64, 7);
  const { priors, conf, loc, cells } = scene;
  const { labels, rows } = await matchedOf(scene, [64, 64]);
  const shape = [samples.length, cells.length];
  const input = { samples, priors, images: { shape: [3, 64, 64, 3] } as never };
  const made = tidy(() => {
    const targets = uploadSimOtaLabels(device(), input, DEFAULT_CONFIG)!;
    const output = {
      conf: tensor(device(), conf, [...shape, 2]),
      loc: tensor(device(), loc, [...shape, 4]),
    };
    return labelsBySimOta(output, targets, VARIANCES);
  });
  const [faces, mask, counted] = await Promise.all(
    [made.faces, made.landmMask, made.counted].map((each) => each.data()),
  );
  for (const [at, label] of labels.entries()) {
    const isPart = label === 1 && rows[at] === 0;
    assert.is(faces[at], label === 1 && !isPart ? 1 : 0);
    const known = [...mask.slice(at * 10, at * 10 + 10)];
    if (isPart) assert.equal(known, [1, 1, 0, 1, 1, 1, 1, 1, 1, 1]);
    if (label !== 1) assert.ok(!known.includes(1));
    if (label === -1) assert.is(counted[at], 0);
  }
  assert.ok(labels.some((label, at) => label === 1 && rows[at] === 0));
  const none = { ...input, samples: [samples[1]] };
  assert.is(uploadSimOtaLabels(device(), none, DEFAULT_CONFIG), undefined);
});

test("SimOTA is refused where nothing is said of priors, and in a cascade", () => {
  const match = { ...MATCH_PRESETS.pytorch, assignment: "simota" } as const;
  const priors = priorBoxes(32, 32, DEFAULT_CONFIG.anchors);
  const refused = (error: Error) =>
    error instanceof OptionError && /iou or atss/.test(error.message);
  assert.throws(() => matchPriors([makeSample(new Random(1), 32, 1)], priors, match), refused);
  const { network: shape } = paperNetwork("mobilenet0.25", { width: 0.125, channels: 16 });
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), shape);
  const cascade = (error: Error) => error instanceof OptionError && /cascade/.test(error.message);
  assert.throws(() => objectiveOf(device(), network, match, LOSS_PRESETS.paper), cascade);
  network.dispose();
});

test.run();

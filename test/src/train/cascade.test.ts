/** The losses of a cascade's two stages against what the paper's matching gives in float64. */
import { nn, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  CASCADE_MATCH,
  CascadeObjective,
  LOSS_PRESETS,
  MATCH_PRESETS,
  matchPriors,
  type Sample,
} from "@retinaface-webgpu/train";
import {
  encodeBoxes,
  encodeLandmarks,
  paperNetwork,
  priorBoxes,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
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
const WEIGHTS = LOSS_PRESETS.paper;

type Corners = readonly [number, number, number, number];

const area = ([x1, y1, x2, y2]: Corners) => (x2 - x1) * (y2 - y1);

function common(a: Corners, b: Corners): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

/** Centre and size of the box that offsets move a prior to. */
function moved(loc: ArrayLike<number>, priors: Float32Array, p: number, at: number): number[] {
  const [cx, cy, w, h] = priors.subarray(p * 4, p * 4 + 4);
  const [x, y, sx, sy] = [0, 1, 2, 3].map((k) => loc[at * 4 + k]);
  const [centre, size] = VARIANCES;
  return [
    cx + x * centre * w,
    cy + y * centre * h,
    w * Math.exp(sx * size),
    h * Math.exp(sy * size),
  ];
}

/** What the second stage is to say: labels of boxes, and what their faces are relative to them. */
function matched(samples: readonly Sample[], priors: Float32Array, loc: ArrayLike<number>) {
  const count = priors.length / 4;
  const total = samples.length * count;
  const labels = new Int32Array(total);
  const locTargets = new Float32Array(total * 4);
  const landmTargets = new Float32Array(total * 10);
  const landmMask = new Int32Array(total);
  for (let at = 0; at < total; at++) {
    const { boxes, landmarks, ignored } = samples[Math.floor(at / count)];
    const own = Float32Array.from(moved(loc, priors, at % count, at));
    const [cx, cy, w, h] = own;
    const box: Corners = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
    const faces = Array.from({ length: boxes.length / 4 }, (_, f) => f);
    const corners = (f: number) => [...boxes.subarray(f * 4, f * 4 + 4)] as unknown as Corners;
    const overlaps = faces.map((f) => {
      const both = common(box, corners(f));
      return ignored[f] ? 0 : both / (area(box) + area(corners(f)) - both);
    });
    const best = overlaps.indexOf(Math.max(...overlaps));
    const { positive, negative } = CASCADE_MATCH.second;
    if (overlaps[best] < positive) {
      const excused = faces.some((f) => ignored[f] && common(box, corners(f)) >= area(box) / 2);
      labels[at] = overlaps[best] < negative && !excused ? 0 : -1;
      continue;
    }
    labels[at] = 1;
    locTargets.set(encodeBoxes(boxes.subarray(best * 4, best * 4 + 4), own, VARIANCES), at * 4);
    const points = landmarks.subarray(best * 10, best * 10 + 10);
    if (points.some(Number.isNaN)) continue;
    landmMask[at] = 1;
    landmTargets.set(encodeLandmarks(points, own, VARIANCES), at * 10);
  }
  return { labels, locTargets, landmTargets, landmMask };
}

test("both stages' losses and gradients, of ignored faces and of faces without landmarks too", async () => {
  const random = new Random(5);
  const size = 64;
  const { config, network: shape } = paperNetwork("mobilenet0.25", { width: 0.125, channels: 16 });
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), shape);
  const priors = priorBoxes(size, size, config.anchors);
  const samples = [3, 1, 4].map((faces) => makeSample(random, size, faces));
  samples[0].ignored[1] = 1;
  const [batch, count] = [samples.length, priors.length / 4];
  const widths = { "first.conf": 2, "first.loc": 4, conf: 2, "second.loc": 4, "second.landms": 10 };
  const values = Object.entries(widths).map(([name, width]): [string, Float32Array] => [
    name,
    Float32Array.from(random.normals(batch * count * width)),
  ]);
  const said = Object.fromEntries(values);
  const outputs = Object.fromEntries(
    values.map(([name, data]) => {
      const width = widths[name as keyof typeof widths];
      return [name, tensor(device(), data, [batch, count, width], { requiresGrad: true })];
    }),
  );
  const match = { ...MATCH_PRESETS.paper, variances: VARIANCES };
  const heads = [RETINAFACE_HEADS, network.firstHeadSpecs] as const;
  const objective = new CascadeObjective(device(), match, WEIGHTS, ...heads);
  const losses = tidy(() => {
    // As the trainer does, which knows nothing of the raw offsets: those of both stages are there too.
    const all = { ...outputs, loc: outputs["second.loc"], landms: outputs["second.landms"] };
    const parts = objective.loss(all, { samples, priors, images: undefined as never });
    parts.total.backward();
    return parts;
  });
  const wanted = matched(samples, priors, said["first.loc"]);
  assert.ok(wanted.labels.filter((label) => label === 1).length > 20);
  assert.ok(wanted.labels.includes(-1) && wanted.landmMask.includes(1));
  const f64 = (name: string) => Float64Array.from(said[name]);
  const rule = { ratio: 3, weights: WEIGHTS.weights };
  const second = multiBox(
    {
      ...{ batch, priors: count, ...wanted },
      ...{ conf: f64("conf"), loc: f64("second.loc"), landms: f64("second.landms") },
    },
    rule,
  );
  const anchored = matchPriors(samples, priors, { ...match, ...CASCADE_MATCH.first });
  const first = multiBox(
    {
      ...{ batch, priors: count, labels: anchored.labels },
      ...{ conf: f64("first.conf"), loc: f64("first.loc"), landms: new Float64Array(0) },
      ...{ locTargets: anchored.heads.loc.values, landmTargets: [], landmMask: [] },
    },
    rule,
  );
  const { classes, boxes, landmarks } = second;
  const expected = {
    ...{ classes, boxes, landmarks, firstClasses: first.classes, firstBoxes: first.boxes },
    total: first.total + second.total,
  };
  for (const [name, value] of Object.entries(expected)) {
    assertClose([await losses[name].item()], [value], { atol: 1e-4, rtol: 1e-4, what: name });
  }
  for (const [name, gradient] of [
    ["first.conf", first.gradients.conf],
    ["first.loc", first.gradients.loc],
    ["conf", second.gradients.conf],
    ["second.loc", second.gradients.loc],
    ["second.landms", second.gradients.landms],
  ] as const) {
    const own = await outputs[name].grad!.data();
    assertClose(own, gradient, { atol: 1e-6, rtol: 1e-4, what: name });
  }
  network.dispose();
});

test.run();

/** Records, decoding and faces of other tables of heads: on the GPU as on the CPU, and through a detector. */
import { type Device, nn, type PlanOutput, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { writeModel } from "@retinaface-webgpu/train";
import {
  alignFace,
  anchorCount,
  annotate,
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type Face,
  FaceFinder,
  findFaces,
  type HeadLevel,
  type HeadSpec,
  hasLandmarks,
  type LevelValues,
  labelsOf,
  marginsOf,
  postprocess,
  priorBoxes,
  probabilityOf,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceNetwork,
  visible,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { LENIENT, noiseImage } from "../support/tiny-detector.js";

const device = useDevice(test);

const [CLASS, BOX, POINTS] = RETINAFACE_HEADS;
const MASK: HeadSpec = {
  name: "mask",
  module: "MaskHead",
  width: 7,
  meaning: "values",
  loss: "mask",
};
const MESH: HeadSpec = {
  name: "mesh",
  module: "MeshHead",
  width: 6,
  meaning: "points",
  loss: "mesh",
};

const TABLES: Readonly<Record<string, readonly HeadSpec[]>> = {
  published: RETINAFACE_HEADS,
  "no landmarks": [CLASS, BOX],
  "several classes": [{ ...CLASS, width: 4 }, BOX, POINTS],
  "seven further columns": [CLASS, BOX, POINTS, MASK],
  "in another order, all at once": [MASK, POINTS, { ...CLASS, width: 3 }, MESH, BOX],
};

const SIZE = { height: 72, width: 104 };
const FRAME = { ...SIZE, scaleX: 0.5, scaleY: 0.25 };
const BATCH = 2;

type Outputs = Record<string, Float32Array>;

/** Outputs of one image: many candidates, some of them ties. */
function randomOutputs(heads: readonly HeadSpec[], seed: number): Outputs {
  const random = new Random(seed);
  const count = anchorCount(SIZE.height, SIZE.width, DEFAULT_CONFIG.anchors);
  return Object.fromEntries(
    heads.map(({ name, meaning, width }) => {
      const values = random.normals(count * width);
      return [name, meaning === "class" ? values.map((v) => Math.round(v * 8) / 4) : values];
    }),
  );
}

function levelTensors(device: Device, heads: readonly HeadSpec[], images: readonly Outputs[]) {
  const { steps, minSizes } = DEFAULT_CONFIG.anchors;
  const tensors: Tensor[] = [];
  let first = 0;
  const levels = steps.map((step, level): HeadLevel => {
    const [rows, columns] = [Math.ceil(SIZE.height / step), Math.ceil(SIZE.width / step)];
    const priors = rows * columns * minSizes[level].length;
    const outputs = heads.map(({ name, width }): [string, PlanOutput] => {
      const parts = images.map((image) => [
        ...image[name].subarray(first * width, (first + priors) * width),
      ]);
      const channels = minSizes[level].length * width;
      const shape = [images.length, rows, columns, channels];
      const values = tensor(device, Float32Array.from(parts.flat()), shape);
      tensors.push(values);
      return [name, { tensor: values, shape, stride: channels, offset: 0 }];
    });
    first += priors;
    return Object.fromEntries(outputs);
  });
  return { levels, tensors };
}

/** One image's outputs as the WebAssembly engine leaves them. */
function hostLevels(heads: readonly HeadSpec[], image: Outputs): LevelValues[] {
  const { steps, minSizes } = DEFAULT_CONFIG.anchors;
  let first = 0;
  return steps.map((step, level) => {
    const [rows, columns] = [Math.ceil(SIZE.height / step), Math.ceil(SIZE.width / step)];
    const anchors = minSizes[level].length;
    const priors = rows * columns * anchors;
    const outputs = heads.map(({ name, width }) => {
      const values = image[name].slice(first * width, (first + priors) * width);
      const stride = anchors * width;
      return [name, { values, offset: 0, stride, shape: [1, rows, columns, stride] }] as const;
    });
    first += priors;
    return Object.fromEntries(outputs);
  });
}

function cpuFaces(heads: readonly HeadSpec[], outputs: Outputs, thresholds = DEFAULT_THRESHOLDS) {
  const { name, width } = heads.find(({ meaning }) => meaning === "class")!;
  const margins = marginsOf(outputs[name], width);
  const { loc, landms, ...values } = outputs;
  const faces = postprocess({
    loc,
    landms,
    values,
    margins,
    scores: margins.map(probabilityOf),
    labels: width > 2 ? labelsOf(outputs[name], width) : undefined,
    priors: priorBoxes(SIZE.height, SIZE.width, DEFAULT_CONFIG.anchors),
    variances: DEFAULT_CONFIG.variances,
    frame: FRAME,
    heads,
    thresholds,
  });
  return visible(faces, thresholds.visThreshold);
}

const FIELDS = ["box", "score", "label", "values"] as const;
const plain = (face: Face) => [
  ...FIELDS.map((field) => face[field]),
  hasLandmarks(face) && face.landmarks,
];

for (const [name, heads] of Object.entries(TABLES)) {
  test(`faces on the GPU are those on the CPU, to the bit: ${name}`, async () => {
    const images = Array.from({ length: BATCH }, (_, i) => randomOutputs(heads, i + 1));
    const { levels, tensors } = levelTensors(device(), heads, images);
    const finder = await FaceFinder.create(device(), {
      batch: BATCH,
      levels,
      priors: priorBoxes(SIZE.height, SIZE.width, DEFAULT_CONFIG.anchors),
      variances: DEFAULT_CONFIG.variances,
      heads,
    });
    const frames = images.map(() => FRAME);
    finder.configure(DEFAULT_THRESHOLDS, frames);
    finder.record();
    const found = await finder.read(frames);
    for (const [i, outputs] of images.entries()) {
      const expected = cpuFaces(heads, outputs);
      assert.ok(expected.length > 10, `${expected.length} faces`);
      assert.equal(found[i].map(plain), expected.map(plain));
      const priors = priorBoxes(SIZE.height, SIZE.width, DEFAULT_CONFIG.anchors);
      const { variances } = DEFAULT_CONFIG;
      const spec = { heads, priors, variances };
      const host = findFaces(hostLevels(heads, outputs), spec, FRAME, DEFAULT_THRESHOLDS);
      assert.equal(host.map(plain), expected.map(plain));
    }
    for (const owner of [finder, ...tensors]) owner.dispose();
  });
}

test("what a record holds comes back as it was said", () => {
  const heads = TABLES["in another order, all at once"];
  const outputs = randomOutputs(heads, 3);
  const count = outputs.loc.length / 4;
  for (let i = 0; i < count; i++) outputs.conf.set([5, -5, -5], i * 3);
  const prior = 40;
  outputs.conf.set([-1, 0, 2.5], prior * 3);
  outputs.mesh.fill(0, prior * 6, prior * 6 + 6);
  const [face, ...others] = cpuFaces(heads, outputs);
  assert.is(others.length, 0);
  assert.is(face.label, 2);
  assert.is(face.score, probabilityOf(3.5));
  assert.equal(face.values!.mask, [...outputs.mask.subarray(prior * 7, prior * 7 + 7)]);
  const priors = priorBoxes(SIZE.height, SIZE.width, DEFAULT_CONFIG.anchors);
  const centre = [
    (priors[prior * 4] * SIZE.width) / FRAME.scaleX,
    (priors[prior * 4 + 1] * SIZE.height) / FRAME.scaleY,
  ];
  assert.equal(face.values!.mesh, [...centre, ...centre, ...centre]);
});

async function detectorOf(heads: readonly HeadSpec[]) {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 5), {
    backbone: "mobilenet0.25",
    width: 1 / 16,
    channels: 8,
    heads,
  });
  const weights = writeModel(await network.stateDict(), { ...DEFAULT_CONFIG, heads });
  network.dispose();
  return RetinaFace.load({ weights, device: device() });
}

test("a checkpoint without landmarks detects; asking for landmarks is an error with a remedy", async () => {
  const detector = await detectorOf(TABLES["no landmarks"]);
  const image = noiseImage(64, 64);
  const [face] = await detector.detect(image, LENIENT);
  assert.not(hasLandmarks(face));
  assert.equal(Object.keys(JSON.parse(JSON.stringify(face))), ["box", "score"]);
  const isRefused = (e: { code?: string; message: string }) =>
    e.code === "NO_LANDMARKS" && /use weights with a head for landmarks/.test(e.message);
  assert.throws(() => face.landmarks.leftEye, isRefused);
  assert.throws(() => alignFace(image, face), isRefused);
  const [clipped] = await detector.detect(image, { ...LENIENT, clip: true });
  assert.throws(() => clipped.landmarks, isRefused);
  assert.is(annotate(image, [face]).width, 64);
  detector.dispose();
});

test("several classes and further columns travel in a checkpoint to the faces", async () => {
  const detector = await detectorOf([{ ...CLASS, width: 4 }, BOX, POINTS, MASK]);
  const faces = await detector.detect(noiseImage(64, 64), LENIENT);
  assert.ok(faces.length > 0);
  for (const { label, values, landmarks } of faces) {
    assert.ok([1, 2, 3].includes(label!));
    assert.is(values!.mask.length, 7);
    assert.ok(landmarks.nose.every(Number.isFinite));
  }
  detector.dispose();
});

test("numbers of further heads that are not finite are an error", () => {
  const heads = TABLES["seven further columns"];
  const outputs = randomOutputs(heads, 8);
  outputs.mask.fill(Number.NaN);
  assert.throws(
    () => cpuFaces(heads, outputs),
    (e: { code?: string; message: string }) => e.code === "NOT_FINITE" && /mask/.test(e.message),
  );
});

test.run();

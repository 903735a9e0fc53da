/** What a network with an objectness head learns: losses in float64, how it begins, and what is refused. */
import { type Device, nn, type StateDict, tensor, tidy } from "@retinaface-webgpu/tensor";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import {
  BatchImages,
  type Classification,
  checkSettings,
  initialiseNetwork,
  LOSS_PRESETS,
  type LossOptions,
  MATCH_PRESETS,
  multiBoxLoss,
  objectiveOf,
  type Targets,
  Teacher,
  type TrainSettings,
  trainerOptions,
  uploadTargets,
  writeModel,
} from "@retinaface-webgpu/train";
import {
  DEFAULT_CONFIG,
  type HeadSpec,
  headsOfClasses,
  OBJECTNESS_HEAD,
  OptionError,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { overlaps } from "../reference/multibox.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { batchInput, makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);
let host: Device;
test.before(async () => {
  host = await createHostDevice();
});
test.after(() => host.destroy());

const HEADS: readonly HeadSpec[] = [...RETINAFACE_HEADS, OBJECTNESS_HEAD];
const VARIANCES = [0.1, 0.2] as const;
const OWN: Classification = { kind: "objectness", variances: VARIANCES };
const WEIGHTS = { classes: 1.5, objectness: 0.7, boxes: 0, landmarks: 0 };

interface Case {
  readonly name: string;
  readonly batch: number;
  readonly priors: number;
  readonly classes: number;
  /** Share of priors that are faces'. */
  readonly faces: number;
  readonly spread: number;
}

const CASES: readonly Case[] = [
  { name: "one class", batch: 2, priors: 57, classes: 1, faces: 0.1, spread: 2 },
  { name: "four classes", batch: 3, priors: 31, classes: 4, faces: 0.3, spread: 2 },
  { name: "no faces", batch: 1, priors: 20, classes: 1, faces: 0, spread: 2 },
  { name: "saturated logits", batch: 2, priors: 40, classes: 3, faces: 0.2, spread: 60 },
];

/** Binary cross-entropy of log odds x with a target. */
const entropy = (x: number, target: number) =>
  Math.max(x, 0) - x * target + Math.log1p(Math.exp(-Math.abs(x)));

type Outputs = Record<"conf" | "obj", Float64Array>;

/** Classes at faces' priors, wanted as surely as the boxes overlap; objectness at all that count. */
function reference(
  { conf, obj }: Outputs,
  labels: ArrayLike<number>,
  quality: readonly number[],
  classes: number,
) {
  const faces = Math.max(1, Array.from(labels).filter((label) => label > 0).length);
  const parts = { classes: 0, objectness: 0 };
  for (let p = 0; p < labels.length; p++) {
    if (labels[p] >= 0) parts.objectness += entropy(obj[p], Number(labels[p] > 0)) / faces;
    if (labels[p] <= 0) continue;
    const [background, ...own] = conf.subarray(p * (classes + 1), (p + 1) * (classes + 1));
    for (const [c, logit] of own.entries()) {
      const wanted = c + 1 === labels[p] ? quality[p] : 0;
      parts.classes += entropy(logit - background, wanted) / faces;
    }
  }
  const total = WEIGHTS.classes * parts.classes + WEIGHTS.objectness * parts.objectness;
  return { ...parts, total };
}

for (const [seed, { name, batch, priors, classes, faces, spread }] of CASES.entries()) {
  test(`losses and gradients against float64: ${name}`, async () => {
    const random = new Random(seed + 1);
    const count = batch * priors;
    const labels = Int32Array.from({ length: count }, () => {
      const u = random.uniform();
      if (u < faces) return random.integer(1, classes);
      return u < faces + 0.1 ? -1 : 0;
    });
    const mask = labels.map((label) => Number(label > 0));
    const wanted = random.normals(count * 4).map((v, i) => v * mask[Math.floor(i / 4)]);
    const loc = random.normals(count * 4);
    const quality = Array.from(labels, (_, p) => {
      const [at, end] = [p * 4, p * 4 + 4];
      return overlaps(loc.subarray(at, end), wanted.subarray(at, end)).iou;
    });
    const outputs: Outputs = {
      conf: Float64Array.from(random.normals(count * (classes + 1), 0, spread)),
      obj: Float64Array.from(random.normals(count, 0, spread)),
    };
    const targets = {
      labels,
      heads: {
        loc: { values: wanted, mask },
        landms: { values: new Float32Array(count * 10), mask: new Int32Array(count) },
      },
      positives: mask.reduce((a, b) => a + b, 0),
    } as unknown as Targets;
    const upload = (values: ArrayLike<number>, width: number) =>
      tensor(device(), Float32Array.from(values), [batch, priors, width], { requiresGrad: true });
    const said = {
      conf: upload(outputs.conf, classes + 1),
      loc: upload(loc, 4),
      landms: upload(new Float32Array(count * 10), 10),
      obj: upload(outputs.obj, 1),
    };
    const options: LossOptions = { classification: OWN, weights: WEIGHTS };
    const parts = tidy(() => {
      const made = multiBoxLoss(
        said,
        uploadTargets(device(), targets, batch),
        options,
        headsOfClasses(HEADS, classes),
      );
      made.total.backward();
      return [made.classes, made.objectness, made.total].map((part) => part.detach());
    });
    const expected = reference(outputs, labels, quality, classes);
    assertClose(
      await Promise.all(parts.map((part) => part.item())),
      [expected.classes, expected.objectness, expected.total],
      { atol: 1e-6, rtol: 1e-5 },
    );
    for (const key of ["conf", "obj"] as const) {
      const slopes = Array.from(outputs[key], (_, i) => {
        const moved = (delta: number) => {
          const values = outputs[key].slice();
          values[i] += delta;
          return reference({ ...outputs, [key]: values }, labels, quality, classes).total;
        };
        return (moved(1e-4) - moved(-1e-4)) / 2e-4;
      });
      const own = (await said[key].grad!.data()) as Float32Array;
      assertClose(own, slopes, { atol: 1e-6, rtol: 1e-4, what: `gradient of ${key}` });
    }
    const ofBoxes = (await said.loc.grad!.data()) as Float32Array;
    assert.ok(
      ofBoxes.every((slope) => slope === 0),
      "the IoUs that are wanted have no gradient",
    );
    for (const owner of [...parts, ...Object.values(said)]) owner.dispose();
  });
}

const TINY = { backbone: "mobilenet0.25", width: 1 / 16, channels: 8 } as const;
const biasOf = (level: number) => `${OBJECTNESS_HEAD.module}.${level}.conv1x1.bias`;
const biasIn = (state: StateDict, level: number) => state.get(biasOf(level))!.data as Float32Array;

test("it begins with a probability of 0.01, also in weights that gain it, and goes on from those that have it", async () => {
  const config = { ...DEFAULT_CONFIG, heads: HEADS };
  const fresh = initialiseNetwork(host, { config, network: TINY, seed: 3 });
  const state = await fresh.stateDict();
  for (let level = 0; level < 3; level++)
    assertClose(biasIn(state, level), [-Math.log(99), -Math.log(99)], { rtol: 1e-6 });
  biasIn(state, 0).fill(2);
  const pretrained = { state, config };
  const next = initialiseNetwork(host, { config, pretrained, seed: 3 });
  assert.equal([...biasIn(await next.stateDict(), 0)], [2, 2]);
  const without = new Map([...state].filter(([name]) => !/^Objectness/.test(name)));
  const gained = initialiseNetwork(host, { config, pretrained: { state: without }, seed: 3 });
  assertClose(biasIn(await gained.stateDict(), 1), [-Math.log(99), -Math.log(99)], { rtol: 1e-6 });
  const { heads: _, ...plain } = config;
  const named = initialiseNetwork(host, { config: plain, pretrained: { state }, seed: 3 });
  assert.equal(named.headSpecs, HEADS);
  const table = { ...config, heads: RETINAFACE_HEADS };
  const lost = initialiseNetwork(host, { config: table, pretrained, seed: 3 });
  assert.not((await lost.stateDict()).has(biasOf(0)));
  for (const network of [fresh, next, gained, named, lost]) network.dispose();
});

test("other anchors and classes keep what objectness has learnt", async () => {
  const config = { ...DEFAULT_CONFIG, heads: HEADS };
  const network = initialiseNetwork(host, { config, network: TINY, seed: 3 });
  const state = await network.stateDict();
  network.dispose();
  biasIn(state, 0).set([1, 2]);
  const anchors = { ...config.anchors, minSizes: [[33], [64, 128], [256, 512]] };
  const tuned = initialiseNetwork(host, {
    config: { ...config, anchors, heads: headsOfClasses(HEADS, 2), classes: ["a", "b"] },
    pretrained: { state, config },
    seed: 3,
  });
  assert.equal([...biasIn(await tuned.stateDict(), 0)], [2]);
  tuned.dispose();
});

test("a teacher says of both as one", async () => {
  const config = { ...DEFAULT_CONFIG, heads: HEADS };
  const network = initialiseNetwork(device(), { config, network: TINY, seed: 5 });
  network.eval().requiresGrad(false);
  const state = await network.stateDict();
  const random = new Random(2);
  for (let level = 0; level < 3; level++) biasIn(state, level).set(random.normals(2));
  network.loadStateDict(state);
  const samples = [1, 2].map((faces) => makeSample(random, 64, faces));
  const images = new BatchImages(device());
  images.upload(samples);
  const teacher = new Teacher(device(), writeModel(state, config));
  await teacher.prepare(images.shape);
  const said = teacher.run(images);
  assert.equal(Object.keys(said).sort(), ["conf", "landms", "loc"]);
  const raw = tidy(() => network.forward(tensor(device(), batchInput(samples), images.shape)));
  const [conf, obj] = [await raw.conf.data(), await raw.obj.data()].map((data) => [...data]);
  const expected = obj.flatMap((anything, i) => {
    const odds = conf[i * 2 + 1] - conf[i * 2];
    const score = 1 / (1 + Math.exp(-odds)) / (1 + Math.exp(-anything));
    return [0, Math.log(score / (1 - score))];
  });
  assertClose((await said.conf.data()) as Float32Array, expected, { atol: 1e-5, rtol: 1e-5 });
  for (const owner of [teacher, images, network, ...Object.values(raw)]) owner.dispose();
});

const refuses = (reason: RegExp) => (error: Error) =>
  error instanceof OptionError && reason.test(error.message);

test("classifications that learn background beside it are refused, and its own without it", () => {
  const settings = (
    classification: TrainSettings["classification"],
    heads: readonly HeadSpec[],
  ) => ({
    ...plainSettings(64, 0),
    classification,
    config: { ...DEFAULT_CONFIG, heads },
  });
  for (const classification of ["hard-negatives", "focal", "varifocal"] as const) {
    const beside = settings(classification, HEADS);
    assert.throws(() => checkSettings(beside), refuses(/tells faces from background.*--loss/));
    checkSettings(settings(classification, RETINAFACE_HEADS));
  }
  checkSettings(settings("objectness", HEADS));
  const alone = settings("objectness", RETINAFACE_HEADS);
  assert.throws(() => checkSettings(alone), refuses(/add OBJECTNESS_HEAD/));
  const { loss } = trainerOptions(settings("objectness", HEADS), 10);
  assert.equal(loss.classification, OWN);
  assert.is(loss.weights.objectness, 1);

  const network = new RetinaFaceNetwork(nn.Init.empty(host), { ...TINY, heads: HEADS });
  const match = MATCH_PRESETS.pytorch;
  const made = (options: LossOptions) => () => objectiveOf(host, network, match, options);
  assert.throws(made(LOSS_PRESETS.pytorch), refuses(/tells faces from background/));
  made({ ...LOSS_PRESETS.pytorch, classification: OWN })();
  network.dispose();
  assert.throws(
    () => multiBoxLoss({}, {} as never, { ...LOSS_PRESETS.pytorch, classification: OWN }),
    refuses(/add OBJECTNESS_HEAD/),
  );
});

test.run();

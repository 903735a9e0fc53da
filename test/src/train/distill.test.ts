import { nn, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  BatchImages,
  batchOf,
  buildPyramid,
  Composer,
  distillLoss,
  landmarkError,
  MATCH_PRESETS,
  matchPriors,
  measureAgreement,
  type Photo,
  type PhotoSet,
  parseRecipe,
  type Recipe,
  recipeSchedule,
  Teacher,
  toRgb,
  uploadLabels,
  writeModel,
} from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, priorBoxes, RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { distill } from "../reference/distill.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { tinyState } from "../support/tiny-detector.js";
import { batchInput, makeSample } from "../support/train-samples.js";

const device = useDevice(test);

const BATCH = 2;
const PRIORS = 37;
const ROWS = BATCH * PRIORS;

function values(random: Random, count: number, spread: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.uniform(-spread, spread));
}

function outputs(random: Random, spread: number) {
  return {
    conf: values(random, ROWS * 2, spread),
    loc: values(random, ROWS * 4, 2),
    landms: values(random, ROWS * 10, 2),
  };
}

/** Every fourth prior a labelled face, every third with some exact coordinates. */
function labelsOf(random: Random) {
  return {
    faces: Float32Array.from({ length: ROWS }, (_, p) => (p % 4 === 0 ? 1 : 0)),
    loc: values(random, ROWS * 4, 2),
    landms: values(random, ROWS * 10, 2),
    landmMask: Float32Array.from({ length: ROWS * 10 }, (_, i) =>
      Math.floor(i / 10) % 3 === 0 && i % 10 !== 4 && i % 10 !== 5 ? 1 : 0,
    ),
    counted: Float32Array.from({ length: ROWS }, (_, p) => (p % 5 === 1 ? 0 : 1)),
    background: Float32Array.from({ length: ROWS }, (_, p) => (p % 7 === 2 && p % 4 !== 0 ? 1 : 0)),
  };
}

const WIDTHS = { conf: 2, loc: 4, landms: 10, faces: 1, landmMask: 10, counted: 1, background: 1 };

function upload<K extends keyof typeof WIDTHS>(host: Record<K, Float32Array>) {
  const entries = Object.entries(host) as [K, Float32Array][];
  return Object.fromEntries(
    entries.map(([name, data]) => [
      name,
      tensor(device(), data, [BATCH, PRIORS, WIDTHS[name]], { requiresGrad: true }),
    ]),
  ) as Record<K, Tensor>;
}

function wide<K extends string>(host: Record<K, Float32Array>): Record<K, Float64Array> {
  const entries = Object.entries(host) as [K, Float32Array][];
  return Object.fromEntries(
    entries.map(([name, data]) => [name, Float64Array.from(data)]),
  ) as Record<K, Float64Array>;
}

async function compareLoss(
  labelled: boolean,
  focus: number,
  spread: number,
  beta?: number,
): Promise<void> {
  const random = new Random(focus * 100 + spread);
  const student = outputs(random, spread);
  const teacher = outputs(random, spread);
  const labels = labelled ? labelsOf(random) : undefined;
  const rule = { focus, confident: 0.3, weights: { classes: 3, boxes: 2, landmarks: 0.5 }, beta };
  const expected = distill(
    {
      priors: ROWS,
      student: wide(student),
      teacher: wide(teacher),
      ...(labels ? { labels: wide(labels) } : {}),
    },
    rule,
  );
  const mine = upload(student);
  const theirs = upload(teacher);
  const parts = distillLoss(mine, theirs, labels && upload(labels), rule);
  parts.total.backward();
  assert.is(theirs.conf.grad, undefined);
  for (const name of ["total", "classes", "boxes", "landmarks"] as const) {
    const value = await parts[name].item();
    assert.ok(
      Math.abs(value - expected[name]) <= 2e-5 * Math.max(1, expected[name]),
      `${name} ${value}, not ${expected[name]}`,
    );
  }
  for (const name of ["conf", "loc", "landms"] as const) {
    assertClose(await mine[name].grad!.data(), expected.gradients[name], {
      atol: 2e-6,
      rtol: 1e-4,
    });
  }
}

test("the loss and its gradients are those of float64, without labels", () =>
  compareLoss(false, 1, 3));

test("the loss and its gradients are those of float64, with labels", () => compareLoss(true, 2, 3));

test("so they are where small errors ask for precision", () => compareLoss(true, 1, 3, 0.2));

test("logits far apart make no infinite loss", () => compareLoss(true, 1, 60));

test("a student that says what its teacher says has no loss and no gradient", async () => {
  const host = outputs(new Random(4), 3);
  const mine = upload(host);
  const { total } = distillLoss(mine, upload(host));
  total.backward();
  assert.is(await total.item(), 0);
  assert.ok((await mine.conf.grad!.data()).every((value) => Number(value) === 0));
});

test("hints: the squared error of maps over the teacher's, and no gradient to the teacher", async () => {
  const random = new Random(8);
  const shapes = [
    [2, 3, 5, 4],
    [2, 2, 1, 8],
  ];
  const host = shapes.map((shape) =>
    [0, 1].map(() =>
      values(
        random,
        shape.reduce((a, b) => a * b),
        2,
      ),
    ),
  );
  const maps = (which: number) =>
    shapes.map((shape, i) => tensor(device(), host[i][which], shape, { requiresGrad: true }));
  const named = (tensors: readonly Tensor[]) => ({
    "map.stage1.0": tensors[0],
    "map.fpn.0": tensors[1],
  });
  const said = outputs(random, 2);
  const [own, taught] = [maps(0), maps(1)];
  const mine = { ...upload(said), ...named(own) };
  const theirs = { ...upload(said), ...named(taught) };
  const weights = { classes: 1, boxes: 1, landmarks: 1, hints: 3 };
  const rule = { focus: 1, confident: 0.3, weights, hints: ["stage1", "fpn"] };
  const { total, hints } = distillLoss(mine, theirs, undefined, rule);
  total.backward();
  const squares = (map: ArrayLike<number>) => Array.from(map).reduce((sum, v) => sum + v * v, 0);
  const expected = host.map(([a, b]) => squares(a.map((v, i) => v - b[i])) / squares(b));
  assertClose([await hints.item()], [(expected[0] + expected[1]) / 2], { rtol: 1e-5 });
  assertClose([await total.item()], [(3 * (expected[0] + expected[1])) / 2], { rtol: 1e-5 });
  for (const [i, [a, b]] of host.entries()) {
    const slopes = Array.from(a, (v, k) => (3 * (v - b[k])) / squares(b));
    assertClose(await own[i].grad!.data(), slopes, { atol: 1e-7, rtol: 1e-4 });
    assert.is(taught[i].grad, undefined);
  }
  const narrower = { ...mine, "map.fpn.0": own[0] };
  assert.throws(
    () => distillLoss(narrower, theirs, undefined, rule),
    /hints of "fpn\.0" need maps/,
  );
});

test("a teacher says what its network says", async () => {
  const state = await tinyState(device());
  const shape = { backbone: "mobilenet0.25", width: 0.125, channels: 16 } as const;
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), shape);
  network.loadStateDict(state);
  network.eval();
  const samples = [makeSample(new Random(6), 96, 1)];
  const images = new BatchImages(device());
  images.upload(samples);
  const input = tensor(device(), batchInput(samples), images.shape);
  const expected = tidy(() => network.forward(input));
  const teacher = new Teacher(device(), writeModel(state, DEFAULT_CONFIG));
  await teacher.prepare(images.shape);
  const taught = teacher.run(images);
  for (const name of ["conf", "loc", "landms"] as const) {
    const values = await expected[name].data();
    assertClose(await taught[name].data(), values, { atol: 1e-3, rtol: 1e-3 });
  }
  const unknown = await teacher.prepare(images.shape, ["neck"]).catch((error) => error.message);
  assert.match(unknown, /no maps of "neck": the parts are stem, /);
  await teacher.prepare(images.shape, ["stage1", "ssh"]);
  const told = Object.entries(teacher.run(images, ["stage1", "ssh"])).slice(3);
  assert.equal(
    told.map(([name, { shape }]) => `${name} ${shape}`),
    ["map.stage1.0 1,12,12,32", "map.ssh.0 1,12,12,16", "map.ssh.1 1,6,6,16", "map.ssh.2 1,3,3,16"],
  );
  teacher.dispose();
  network.dispose();
  images.dispose();
});

test("labels: a box alone is class and box, landmarks alone replace those that are known", async () => {
  const size = 64;
  const priors = priorBoxes(size, size, DEFAULT_CONFIG.anchors);
  const { variances } = DEFAULT_CONFIG;
  const box = [12, 12, 28, 28].map((v) => v / size);
  const points = [16, 18, 24, 18, Number.NaN, Number.NaN, 17, 24, 23, 24].map((v) => v / size);
  const image = makeSample(new Random(1), size, 0);
  const boxed = {
    ...image,
    boxes: Float32Array.from(box),
    landmarks: new Float32Array(10).fill(Number.NaN),
  };
  const marked = { ...image, boxes: Float32Array.from(box), landmarks: Float32Array.from(points) };
  assert.is(uploadLabels(device(), [image], priors, variances), undefined);
  const labels = uploadLabels(device(), [boxed, marked], priors, variances)!;
  const faces = await labels.faces.data();
  const mask = await labels.landmMask.data();
  const landms = await labels.landms.data();
  const count = priors.length / 4;
  const positive = [...Array(count).keys()].filter((p) => faces[p] === 1);
  assert.ok(positive.length > 0);
  assert.ok(faces.slice(count).every((value) => value === 0));
  assert.ok(mask.slice(0, count * 10).every((value) => value === 0));
  const adaptively = uploadLabels(device(), [boxed], priors, variances, "atss")!;
  const match = { ...MATCH_PRESETS.pytorch, assignment: "atss" } as const;
  const expected = matchPriors([boxed], priors, match).labels;
  assert.equal([...(await adaptively.faces.data())], [...expected]);
  assert.ok(expected.some((label, p) => label !== faces[count + p]));
  const known = [0, 1, 2, 3, 6, 7, 8, 9];
  for (const p of positive) {
    const row = (count + p) * 10;
    assert.equal(
      [...mask.slice(row, row + 10)],
      [...Array(10).keys()].map((i) => (known.includes(i) ? 1 : 0)),
    );
    for (const i of known) {
      const [centre, side] = [priors[p * 4 + (i % 2)], priors[p * 4 + 2 + (i % 2)]];
      const decoded = centre + landms[row + i] * variances[0] * side;
      assert.ok(Math.abs(decoded - points[i]) < 1e-5, `${decoded} ${points[i]}`);
    }
    assert.equal([...landms.slice(row + 4, row + 6)], [0, 0]);
  }
});

/** A dark photo with one white dot, which is every landmark of its face but the nose. */
function dotted(): PhotoSet {
  const [width, height, x, y] = [90, 120, 50, 64];
  const data = new Uint8Array(width * height * 4).fill(60);
  for (let v = y - 3; v < y + 3; v++) {
    for (let u = x - 3; u < x + 3; u++) data.set([255, 255, 255, 255], (v * width + u) * 4);
  }
  const landmarks = [x, y, x, y, Number.NaN, Number.NaN, x, y, x, y];
  const face = { box: [x - 20, y - 20, x + 20, y + 20] as const, landmarks, labelled: true };
  const pyramid = buildPyramid(toRgb({ data, width, height }));
  return {
    name: "dots",
    photos: [{ id: "dot", pyramid, faces: [face] }],
    share: 1,
    paste: 0,
    from: 0,
  };
}

function blank(): Photo {
  const image = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
  return { id: "blank", pyramid: buildPyramid(image), faces: [] };
}

test("landmarks go where the photo's pixels go", () => {
  const composer = new Composer([dotted()]);
  let seen = 0;
  const shapes = new Set<number>();
  for (let index = 0; index < 40; index++) {
    const size = 96;
    const { image, landmarks, boxes } = composer.compose({
      seed: 2,
      step: 0,
      index,
      size,
      cover: 0.5,
    });
    if (boxes.length !== 4 || boxes[2] - boxes[0] < 0.3) continue;
    const [x, y] = [landmarks[0] * size, landmarks[1] * size];
    assert.ok(Number.isNaN(landmarks[4]) && Number.isNaN(landmarks[5]));
    if (x < 2 || y < 2 || x > size - 2 || y > size - 2) continue;
    const at = (Math.floor(y) * size + Math.floor(x)) * 4;
    const far = ((Math.floor(y) + 30) * size + Math.floor(x)) * 4;
    const light = (i: number) => image.data[i] + image.data[i + 1] + image.data[i + 2];
    if (y + 30 >= size) continue;
    shapes.add(Math.round((10 * (boxes[2] - boxes[0])) / (boxes[3] - boxes[1])));
    assert.ok(light(at) > light(far) + 90, `view ${index}: ${light(at)} beside ${light(far)}`);
    seen++;
  }
  assert.ok(seen > 5 && shapes.size > 1, `${seen} views of shapes ${[...shapes]}`);
});

test("a view depends on its own seeds alone, and sources join at their step", () => {
  const composer = new Composer([dotted(), { ...dotted(), from: 10, paste: 1 }]);
  const job = { seed: 2, step: 3, index: 4, size: 64, cover: 0.8 };
  const first = composer.compose(job);
  composer.compose({ ...job, index: 5 });
  const plain = (sample: typeof first) =>
    JSON.stringify({ ...sample, image: [...sample.image.data] });
  assert.is(plain(composer.compose(job)), plain(first));
  assert.is(plain(new Composer([dotted()]).compose(job)), plain(first));
  assert.not.equal(composer.compose({ ...job, step: 4 }).image.data, first.image.data);
});

test("views look at faces of the least size, or anywhere", () => {
  const composer = new Composer([dotted()]);
  const job = { seed: 4, step: 0, size: 96, cover: 0 };
  const views = (more: { least?: number; background: number }) =>
    Array.from({ length: 30 }, (_, index) => composer.compose({ ...job, index, ...more }));
  const sides = (of: ReturnType<typeof views>) =>
    of.map(({ boxes: [x1, y1, x2, y2] }) => Math.sqrt((x2 - x1) * (y2 - y1)) * 96);
  const aimed = sides(views({ background: 0, least: 60 }));
  assert.ok(
    aimed.every((side) => side > 35),
    aimed.join(),
  );
  assert.ok(sides(views({ background: 0 })).some((side) => side < 35));
  assert.ok(views({ background: 1 }).some(({ boxes }) => boxes.length === 0));
});

test("large faces stay inside their view where they are told to", () => {
  const composer = new Composer([dotted()]);
  const job = { seed: 4, step: 0, size: 96, cover: 0, background: 0, least: 60, most: 0.9 };
  const boxes = (inside: number) =>
    Array.from({ length: 40 }, (_, index) => composer.compose({ ...job, index, inside }).boxes);
  const side = (box: Float32Array) => Math.sqrt((box[2] - box[0]) * (box[3] - box[1]));
  const isWhole = (box: Float32Array) => box.every((value) => value > -1e-6 && value < 1 + 1e-6);
  const [free, kept] = [boxes(0), boxes(1)].map((all) => all.filter((box) => box.length === 4));
  assert.ok(kept.length > 20 && kept.every(isWhole));
  assert.not(free.every(isWhole));
  const sides = kept.map(side);
  assert.ok(Math.max(...sides) > 0.8 && Math.max(...sides) <= 0.9 + 1e-6, sides.join());
});

test("a step's shares take the place of the sets' own", () => {
  const composer = new Composer([dotted(), { ...dotted(), name: "blank", photos: [blank()] }]);
  const job = { seed: 4, step: 0, size: 32, cover: 0, background: 0 };
  const faces = (shares: Record<string, number>) =>
    Array.from({ length: 30 }, (_, index) => composer.compose({ ...job, index, shares }))
      .map(({ boxes }) => boxes.length)
      .filter((count) => count > 0).length;
  assert.is(faces({ dots: 0 }), 0);
  assert.is(faces({ blank: 0 }), 30);
});

test("the learning rate rises, stays, and falls to zero", () => {
  const schedule = [
    [0, 0.01],
    [10, 1],
    [80, 1],
    [100, 0],
  ] as const;
  const recipe = { schedule } as unknown as Recipe;
  const rate = recipeSchedule(recipe);
  assert.ok(Math.abs(rate(0) - 0.01) < 1e-9 && rate(5) > 0.4 && rate(5) < 0.6);
  assert.is(rate(10), 1);
  assert.is(rate(80), 1);
  assert.is(rate(90), 0.5);
  assert.is(rate(100), 0);
  assert.is(rate(500), 0);
});

test("a step's batch is one of its stage's, by their shares", () => {
  const large = { size: 256, count: 2, share: 1 };
  const small = { size: 64, count: 8, share: 3 };
  const stages = [
    { from: 0, batches: [small] },
    { from: 5, batches: [small, large] },
  ];
  const recipe = { seed: 3, stages } as unknown as Recipe;
  for (let step = 0; step < 5; step++) assert.is(batchOf(recipe, step).size, 64);
  const later = Array.from({ length: 400 }, (_, i) => batchOf(recipe, 5 + i).size);
  const share = later.filter((size) => size === 256).length / later.length;
  assert.ok(share > 0.18 && share < 0.32, String(share));
});

test("a recipe that is no recipe says what it lacks", () => {
  const numbers = { seed: 1, holdOut: 0, steps: 1, lr: 1, clip: 1, ema: 0 };
  const sources = [{ name: "a", kind: "photos", path: "a", share: 1 }];
  const stage = { from: 0, batches: [{ size: 64, count: 1, share: 1 }], loss: { hints: ["fpn"] } };
  const parts = {
    sources,
    stages: [stage],
    schedule: [[0, 1]],
    network: {},
    teacher: "t",
    loss: {},
  };
  const hinting = JSON.stringify({ ...numbers, ...parts });
  assert.throws(() => parseRecipe(hinting, "r.json"), /"loss" needs a weight "hints"/);
  const matching = hinting.replace('"hints":["fpn"]', '"assignment":"sim"');
  assert.throws(
    () => parseRecipe(matching, "r.json"),
    /"loss" needs an "assignment" of iou, atss, simota/,
  );
  const often = matching.replace('"from":0', '"from":0,"plain":30');
  assert.throws(() => parseRecipe(often, "r.json"), /"stages" needs .* plain are probabilities/);
  assert.throws(() => parseRecipe("{", "r.json"), /r\.json is not JSON/);
  assert.throws(() => parseRecipe("{}", "r.json"), /"seed"/);
});

test("agreement: recall of large sure faces, false positives beyond teacher and labels", () => {
  const teacher = {
    boxes: Float64Array.of(0, 0, 40, 40, 100, 0, 130, 30, 200, 0, 210, 10, 300, 0, 340, 40),
    scores: Float64Array.of(0.9, 0.8, 0.95, 0.4),
  };
  const found = {
    boxes: Float64Array.of(
      2,
      2,
      41,
      41,
      300,
      0,
      340,
      40,
      0,
      100,
      30,
      130,
      0,
      200,
      30,
      230,
      100,
      0,
      130,
      30,
    ),
    scores: Float64Array.of(0.9, 0.9, 0.9, 0.9, 0.5),
  };
  const labels = [0, 200, 30, 230];
  const figures = measureAgreement([{ found, teacher, labels }]);
  assert.equal(figures, {
    photos: 1,
    faces: 2,
    recall: 0.5,
    falsePositives: 1,
    falsePositivesPerPhoto: 1,
  });
  const own = measureAgreement([{ found: teacher, teacher, labels: [] }]);
  assert.is(own.recall, 1);
  assert.is(own.falsePositives, 0);
});

test("landmark error: known points of the best face over the distance of the eyes", () => {
  const labelled = [10, 10, 30, 10, Number.NaN, Number.NaN, 12, 30, 28, 30];
  const near = labelled.map((v, i) => (Number.isNaN(v) ? 0 : i % 2 === 0 ? v + 1 : v));
  const found = {
    boxes: new Float64Array(8),
    scores: Float64Array.of(0.7, 0.9),
    landmarks: Float64Array.from([...new Array(10).fill(0), ...near]),
  };
  assert.ok(Math.abs(landmarkError(found, labelled)! - 1 / 20) < 1e-9);
  assert.is(landmarkError(found, labelled, 0.95), undefined);
});

test.run();

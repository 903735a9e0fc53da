/** Losses of embeddings against double precision, their gradients against finite differences of it. */

import {
  ClassSampler,
  MARGIN_LOSSES,
  marginLogits,
  marginLoss,
  tripletLoss,
} from "@retinaface-webgpu/identify";
import { type Device, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { differences, marginReference, type Rows, tripletReference } from "../reference/margin.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

const gpu = useDevice(test);

const DIMENSION = 5;

/** Rows of any length whose numbers are those of f32. */
function randomRows(random: Random, count: number): Float64Array[] {
  return Array.from({ length: count }, () => {
    const length = random.uniform(0.3, 3);
    return Float64Array.from(random.normals(DIMENSION), (value) => Math.fround(value * length));
  });
}

function upload(device: Device, rows: Rows, requiresGrad = false): Tensor {
  const values = Float32Array.from(rows.flatMap((row) => [...row]));
  return tensor(device, values, [rows.length, DIMENSION], { requiresGrad });
}

const labelsOn = (device: Device, labels: readonly number[]) =>
  tensor(device, Int32Array.from(labels), [labels.length], { dtype: "i32" });

/** Embeddings of which the first lies along its centre, the second against it, the third nearly so. */
function marginCase(seed: number) {
  const random = new Random(seed);
  const centres = randomRows(random, 7);
  const embeddings = randomRows(random, 6);
  const labels = [2, 0, 5, 6, 2, 1];
  const near = (c: number, factor: number, noise: number) =>
    centres[c].map((value) => Math.fround(value * factor + noise * random.normal()));
  embeddings[0] = near(2, 0.7, 0.02);
  embeddings[1] = near(0, -1.5, 0.02);
  embeddings[2] = near(5, -1, 0.3);
  return { centres, embeddings, labels };
}

for (const loss of MARGIN_LOSSES) {
  for (const [scale, margin] of [
    [64, undefined],
    [8, loss === "softmax" ? 0 : 0.3],
  ] as const) {
    test(`${loss} at s ${scale}: value and gradients`, async () => {
      const device = gpu();
      const { centres, embeddings, labels } = marginCase(3);
      const usual = { arcface: 0.5, cosface: 0.35, softmax: 0 };
      const spec = { loss, scale, margin: margin ?? usual[loss] };
      const [x, w] = [upload(device, embeddings, true), upload(device, centres, true)];
      const { total } = marginLoss(x, w, labelsOn(device, labels), { loss, scale, margin });
      total.backward();
      const expected = marginReference(embeddings, centres, labels, spec);
      assertClose([await total.item()], [expected], { rtol: 2e-5, what: "loss" });
      const ofRows = differences(embeddings, (rows) =>
        marginReference(rows, centres, labels, spec),
      );
      const ofCentres = differences(centres, (rows) =>
        marginReference(embeddings, rows, labels, spec),
      );
      assertClose(await x.grad!.data(), ofRows, { rtol: 3e-3, atol: 2e-3, what: "embeddings" });
      assertClose(await w.grad!.data(), ofCentres, { rtol: 3e-3, atol: 2e-3, what: "centres" });
    });
  }
}

test("ArcFace's target falls with the angle all the way to π, and has a finite slope at its ends", async () => {
  const device = gpu();
  const angles = Array.from({ length: 64 }, (_, i) => (Math.PI * i) / 63);
  const cosine = tensor(device, Float32Array.from(angles, Math.cos), [64, 1], {
    requiresGrad: true,
  });
  const logits = marginLogits(
    cosine,
    labelsOn(
      device,
      angles.map(() => 0),
    ),
    {
      loss: "arcface",
      scale: 1,
    },
  );
  const values = [...(await logits.data())];
  for (let i = 1; i < values.length; i++) assert.ok(values[i] < values[i - 1], `at ${angles[i]}`);
  const turned = angles.filter((angle) => angle > 0.1 && angle < Math.PI - 0.6);
  const first = angles.indexOf(turned[0]);
  assertClose(
    values.slice(first, first + turned.length),
    turned.map((angle) => Math.cos(angle + 0.5)),
    { atol: 1e-5 },
  );
  logits.backward(tensor(device, new Float32Array(64).fill(1), [64, 1]));
  const slopes = await cosine.grad!.data();
  assert.ok(slopes.every((slope) => Number.isFinite(slope) && slope > 0));
});

test("accuracy is the share of embeddings nearest to their own centre", async () => {
  const device = gpu();
  const { centres } = marginCase(1);
  const x = upload(device, [centres[0], centres[3], centres[2]]);
  const labels = labelsOn(device, [0, 3, 1]);
  const { accuracy } = marginLoss(x, upload(device, centres), labels, { loss: "arcface" });
  assertClose([await accuracy.item()], [2 / 3], { atol: 1e-6 });
});

test("with some classes sampled, the loss is that of these, and others get no gradient", async () => {
  const device = gpu();
  const { centres, embeddings, labels } = marginCase(8);
  const spec = { loss: "arcface", scale: 16, margin: 0.5 } as const;
  const { classes, labels: places } = new ClassSampler(7, 0.4, 5, 2).sample(labels, 3);
  assert.is(classes.length, 5);
  const [x, w] = [upload(device, embeddings), upload(device, centres, true)];
  const sampled = tensor(device, classes, [5], { dtype: "i32" });
  const { total } = marginLoss(x, w, labelsOn(device, [...places]), spec, sampled);
  total.backward();
  const chosen = [...classes].map((id) => centres[id]);
  const value = (rows: Rows) => marginReference(embeddings, rows, [...places], spec);
  assertClose([await total.item()], [value(chosen)], { rtol: 2e-5 });
  const gradients = await w.grad!.data();
  const expected = new Float64Array(7 * DIMENSION);
  const own = differences(chosen, value);
  for (const [place, id] of classes.entries()) {
    expected.set(own.subarray(place * DIMENSION, (place + 1) * DIMENSION), id * DIMENSION);
  }
  assertClose(gradients, expected, { rtol: 2e-3, atol: 1e-3 });
});

test("sampled classes have the batch's among them, as many each time, and follow from seed and step", () => {
  const sampler = new ClassSampler(100, 0.1, 4, 9);
  const first = sampler.sample([7, 7, 93, 12], 5);
  assert.equal(sampler.sample([7, 7, 93, 12], 5), first);
  assert.is(first.classes.length, 10);
  assert.is(new Set(first.classes).size, 10);
  assert.equal(
    [...first.labels].map((place) => first.classes[place]),
    [7, 7, 93, 12],
  );
  assert.not.equal(sampler.sample([7, 7, 93, 12], 6).classes, first.classes);
  assert.equal([...new ClassSampler(4, 1, 2, 1).sample([0], 0).classes], [0, 1, 2, 3]);
  throwsCode(
    () => new ClassSampler(100, 0.01, 2, 1).sample([1, 2, 3], 0),
    "OPTION_INVALID",
    /share/,
  );
  throwsCode(() => new ClassSampler(100, 0, 2, 1), "OPTION_INVALID", /share/);
});

for (const [name, labels, margin] of [
  ["three identities", [4, 1, 4, 2, 1, 4, 2], 0.2],
  ["margins that no negative keeps", [4, 1, 4, 2, 1, 4, 2], 3],
  ["one identity alone among them", [1, 1, 3], 3],
] as const) {
  test(`triplets: ${name}`, async () => {
    const device = gpu();
    const random = new Random(labels.length + 40);
    const rows = randomRows(random, labels.length);
    // A pair so far apart that no negative is farther.
    rows[2] = rows[0].map((value) => Math.fround(-value));
    const x = upload(device, rows, true);
    const { total, active } = tripletLoss(x, labelsOn(device, labels), { margin });
    total.backward();
    const value = (moved: Rows) => tripletReference(moved, labels, margin);
    assertClose([await total.item()], [value(rows)], { rtol: 1e-5, atol: 1e-6 });
    assertClose(await x.grad!.data(), differences(rows, value), { rtol: 2e-3, atol: 2e-4 });
    const share = await active.item();
    assert.ok(share > 0 && share <= 1, `${share}`);
  });
}

test("triplets of one identity, or of pictures that are all of others, are no loss", async () => {
  const device = gpu();
  const rows = randomRows(new Random(2), 3);
  for (const labels of [
    [1, 1, 1],
    [1, 2, 3],
  ]) {
    const x = upload(device, rows, true);
    const { total } = tripletLoss(x, labelsOn(device, labels));
    total.backward();
    assert.is(await total.item(), 0);
    assert.ok((await x.grad!.data()).every((value) => value === 0));
  }
});

test("scales and margins out of range are refused", () => {
  const device = gpu();
  const cosine = tensor(device, [0.5, 0.1], [1, 2]);
  const labels = labelsOn(device, [0]);
  const logits = (options: object) => () => marginLogits(cosine, labels, options as never);
  throwsCode(logits({ loss: "arcface", margin: 2 }), "OPTION_INVALID", /0 to 1\.57/);
  throwsCode(logits({ loss: "softmax", margin: 0.1 }), "OPTION_INVALID", /margin of softmax/);
  throwsCode(logits({ loss: "cosface", scale: 0 }), "OPTION_INVALID", /scale/);
  throwsCode(logits({ loss: "sphereface" }), "OPTION_INVALID", /arcface, cosface, softmax/);
  throwsCode(() => tripletLoss(cosine, labels, { margin: 0 }), "OPTION_INVALID", /margin/);
});

test.run();

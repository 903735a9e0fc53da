/** Training of embeddings: compiled steps of both engines alike, resuming bit by bit, the command. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  Embedder,
  type EmbedderSettings,
  EmbeddingTrainer,
  embedderConfig,
  FACE_AUGMENT,
  type FaceBatch,
  writePixels,
} from "@retinaface-webgpu/identify";
import { Device, readSafetensors } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { drawIdentities, drawIdentity, runIdentify } from "../support/identify-command.node.js";
import { temporaryFolder } from "../support/repository.node.js";
import { rejectsCode, throwsCode } from "../support/throws.js";

const SIZE = 16;
/** Those that the batches show, and as many that they do not. */
const IDENTITIES = 6;
const CLASSES = 12;

const settings: EmbedderSettings = {
  network: embedderConfig({ size: SIZE, width: 1 / 16, dimension: 8 }),
  ...{ dropout: 0, loss: "arcface", scale: 16, classRate: 1 },
  ...{ identities: IDENTITIES, images: 2, steps: 30, optimizer: "adamw", lr: 5e-3, momentum: 0.9 },
  ...{ weightDecay: 5e-4, schedule: "cosine", warmup: 2, clip: 5, ema: 0.9 },
  augment: FACE_AUGMENT,
  seed: 3,
};

let gpu: Device;
let engine: WasmEngine;
let host: Device;

test.before(async () => {
  gpu = await Device.create();
  engine = await WasmEngine.create({ threads: 2 });
  host = await createHostDevice(engine);
});

test.after(() => {
  gpu.destroy();
  host.destroy();
  engine.dispose();
});

/** The pictures of a step. */
function batchOf(step: number): FaceBatch {
  const labels = Int32Array.from({ length: 2 * IDENTITIES }, (_, i) => Math.floor(i / 2));
  const images = new Float32Array(labels.length * SIZE * SIZE * 3);
  for (const [i, label] of labels.entries()) {
    writePixels(drawIdentity(label, (step * 2 + (i % 2)) % 23, SIZE), images, i * SIZE * SIZE * 3);
  }
  return { images, labels };
}

async function train(trainer: EmbeddingTrainer, to: number): Promise<number[]> {
  const totals: number[] = [];
  const read = async () => {
    for (const { total } of await trainer.losses()) totals.push(total);
  };
  while (trainer.steps < to) {
    await trainer.step(batchOf(trainer.steps));
    if (trainer.mustRead) await read();
  }
  await read();
  return totals;
}

const resnet = embedderConfig({
  architecture: "resnet18",
  size: SIZE,
  width: 1 / 16,
  dimension: 8,
});

const kinds: Record<string, Partial<EmbedderSettings>> = {
  "ArcFace, averaged": {},
  "CosFace, some classes, SGD": {
    loss: "cosface",
    classRate: 0.5,
    optimizer: "sgd",
    lr: 0.01,
    ema: 0,
  },
  "softmax, ResNet-18": { loss: "softmax", network: resnet, ema: 0 },
  "triplets, upper half": {
    ...{ loss: "triplet", scale: undefined, ema: 0 },
    network: { ...settings.network, lower: 0.4 },
  },
};

for (const [name, given] of Object.entries(kinds)) {
  test(`${name}: the first compiled steps are the same on both engines`, async () => {
    const own = { ...settings, ...given };
    const losses: number[][] = [];
    for (const device of [gpu, host]) {
      const trainer = new EmbeddingTrainer(device, own, CLASSES);
      losses.push(await train(trainer, 3));
      trainer.dispose();
    }
    // Statistics of few values amplify rounding from the second step on.
    assertClose(losses[0].slice(0, 1), losses[1].slice(0, 1), { rtol: 1e-4, what: name });
    assertClose(losses[0], losses[1], { rtol: 3e-2, what: name });
  });
}

test("the loss falls", async () => {
  const trainer = new EmbeddingTrainer(host, { ...settings, margin: 0.2 }, CLASSES);
  const totals = await train(trainer, 30);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  assert.ok(mean(totals.slice(-5)) < mean(totals.slice(0, 5)) * 0.5, totals.join(" "));
  trainer.dispose();
});

test("a run that goes on from a state, dropout and average among it, is the run that never stopped", async () => {
  const own: EmbedderSettings = { ...settings, network: resnet, dropout: 0.3 };
  const straight = new EmbeddingTrainer(host, own, CLASSES);
  const all = await train(straight, 8);
  const end = await straight.state();
  straight.dispose();
  const first = new EmbeddingTrainer(host, own, CLASSES);
  await train(first, 5);
  const saved = await first.state();
  first.dispose();
  const second = new EmbeddingTrainer(host, { ...own, seed: own.seed }, CLASSES);
  second.load(saved);
  assert.equal(await train(second, 8), all.slice(5));
  const resumed = await second.state();
  for (const [name, { data }] of end.network) {
    assert.equal(resumed.network.get(name)!.data, data, name);
  }
  assert.equal(resumed.average!.weights, end.average!.weights);
  assert.equal(resumed.optimizer, end.optimizer);
  second.dispose();
});

test("what cannot be trained is refused", async () => {
  const make = (given: Partial<EmbedderSettings>) => () =>
    new EmbeddingTrainer(host, { ...settings, ...given }, CLASSES);
  throwsCode(make({ loss: "triplet", images: 1, scale: undefined }), "OPTION_INVALID", /images/);
  throwsCode(make({ loss: "triplet" }), "OPTION_INVALID", /no scale/);
  throwsCode(make({ dropout: 0.5 }), "OPTION_INVALID", /ResNet/);
  throwsCode(make({ classRate: 0 }), "OPTION_INVALID", /share/);
  throwsCode(make({ lr: 0 }), "OPTION_INVALID", /lr/);
  throwsCode(make({ mirroredIdentities: true }), "OPTION_INVALID", /give mirror 0/);
  const trainer = make({})();
  const { labels } = batchOf(0);
  await rejectsCode(
    trainer.step({ images: new Float32Array(5), labels }),
    "OPTION_INVALID",
    /not 5/,
  );
  trainer.dispose();
});

const small = ["--size", "16", "--width", "0.0625", "--dimension", "8", "--loss-scale", "16"];
const short = ["--identities", "3", "--images", "2", "--optimizer", "adamw", "--threads", "1"];
const mirrored = ["--mirror", "0", "--mirrored-identities"];
const byDay = ["--group", "^day(\\d)", "--query", "last:1", "--hold-out", "1", "--backend", "wasm"];

test("train: a folder of identities by day; stopped and gone on with, the same model", async () => {
  const folder = temporaryFolder("identify");
  try {
    const data = drawIdentities(path.join(folder, "herd"), 5);
    writeFileSync(path.join(data, "id0", "day3-9.png"), "no picture");
    const run = (out: string, ...more: string[]) =>
      runIdentify(
        "train",
        "--data",
        data,
        "--out",
        path.join(folder, out),
        ...small,
        ...short,
        ...mirrored,
        ...byDay,
        ...more,
      );
    const whole = run("whole", "--steps", "6", "--val-every", "3", "--schedule", "constant");
    assert.is(whole.status, 0, whole.stderr);
    assert.match(whole.stderr, /trained on: 16 pictures of 4; asked about: [89] pictures of 4/);
    assert.match(
      whole.stderr,
      /kept back: 4 pictures of 1 to enrol, [23] pictures of 1 to ask about/,
    );
    assert.match(whole.stderr, /day3-9\.png is passed over/);
    const result = JSON.parse(whole.stdout);
    assert.is(result.steps, 6);
    assert.is(result.identities, 4);
    const kept = readSafetensors(readFileSync(path.join(folder, "whole/checkpoint.safetensors")));
    assert.equal(
      kept.tensors.get("network.centres")?.shape,
      [8, 8],
      "four, and their mirrored ones",
    );
    assert.is(result.best.seen.queries, 8);
    assert.is(result.best.unseen.identities, 1);
    const part = run(
      "part",
      "--steps",
      "4",
      "--val-every",
      "3",
      "--schedule",
      "constant",
      "--warmup",
      "1",
    );
    assert.is(part.status, 0, part.stderr);
    const on = run(
      ...[
        "part",
        "--steps",
        "6",
        "--val-every",
        "3",
        "--schedule",
        "constant",
        "--warmup",
        "1",
        "--resume",
      ],
    );
    assert.is(on.status, 0, on.stderr);
    const model = (out: string) => readFileSync(path.join(folder, out, "final.safetensors"));
    assert.ok(model("part").equals(model("whole")), "the models differ");
    const lines = readFileSync(path.join(folder, "part", "metrics.jsonl"), "utf8")
      .trim()
      .split("\n");
    const steps = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "step");
    assert.equal(
      steps.map(({ step }) => step),
      [0, 1, 2, 3, 4, 5],
    );
    assert.ok(existsSync(path.join(folder, "part", "metrics.csv")));
    const begun = run("begun", "--network", "mobilenet", "--start", "default", "--steps", "1");
    assert.match(
      begun.stderr,
      /\[STATE_DICT_MISMATCH\]/,
      "a sixteenth is not the detector's width",
    );
    const alone = run("begun", "--start", "default", "--steps", "1");
    assert.match(alone.stderr, /give --network mobilenet/);
    const before = path.join(folder, "whole", "final.safetensors");
    const further = run("further", "--start", before, "--size", "32", "--steps", "1");
    assert.is(further.status, 0, further.stderr);
    const wider = run("wider", "--start", before, "--width", "0.125", "--steps", "1");
    assert.match(wider.stderr, /mobilefacenet of width 0.0625.*not of/);
    const other = run("part", "--steps", "6", "--lr", "0.5", "--resume");
    assert.is(other.status, 2);
    assert.match(other.stderr, /another (schedule|lr)/);
    const embedder = await Embedder.load(path.join(folder, "part", "final.safetensors"), {
      backend: "wasm",
      threads: 1,
    });
    assert.is(embedder.dimension, 8);
    embedder.dispose();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("train: wrong usage is told, exit code 2", () => {
  const folder = temporaryFolder("identify-usage");
  try {
    mkdirSync(path.join(folder, "empty"));
    const train = (...args: string[]) =>
      runIdentify(
        "train",
        "--out",
        path.join(folder, "run"),
        "--data",
        path.join(folder, "empty"),
        ...args,
      );
    const cases: [RegExp, ...string[]][] = [
      [/folder for each identity/],
      [/give --group/, "--query", "last:1"],
      [/margin/, "--margin", "3"],
    ];
    for (const [message, ...args] of cases) {
      const { status, stderr, stdout } = train(...args);
      assert.is(status, 2, `${args}: ${stderr}`);
      assert.match(stderr, message);
      assert.is(stdout, "");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();

/** The commands `distill` and `compare` on a few drawn images. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Device } from "@retinaface-webgpu/tensor";
import { type Recipe, readTrainingCheckpoint, type StepLosses } from "@retinaface-webgpu/train";
import { DistillRun, listSources, loadPhotoSets } from "@retinaface-webgpu/train/node";
import { RetinaFace } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";
import { tinyWeights } from "../support/tiny-detector.js";
import { trainProgram } from "../support/train-command.node.js";
import { makeSample } from "../support/train-samples.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "distill-"));
const at = (...names: string[]) => path.join(folder, ...names);

const recipe: Recipe = {
  seed: 5,
  network: { width: 0.0625, channels: 16 },
  teacher: "teacher.safetensors",
  sources: [
    { name: "plain", kind: "photos", path: "photos", share: 1, maxSide: 64 },
    { name: "boxes", kind: "voc", path: "voc", share: 1 },
    { name: "points", kind: "landmarks", path: "points/table.tsv", share: 1, paste: 0.5 },
  ],
  holdOut: 0.25,
  steps: 4,
  lr: 1e-3,
  schedule: [
    [0, 0.1],
    [2, 1],
  ],
  weightDecay: 0.01,
  clip: 5,
  ema: 0.9,
  checkpointEvery: 2,
  stages: [
    { from: 0, batches: [{ size: 64, count: 2, share: 1 }] },
    {
      from: 2,
      cover: 0.5,
      shares: { boxes: 2 },
      batches: [
        { size: 64, count: 2, share: 1 },
        { size: 96, count: 1, share: 1 },
      ],
    },
  ],
  loss: { focus: 1, confident: 0.3, weights: { classes: 4, boxes: 1, landmarks: 0.5 } },
};

const NO_CLASSES = { classes: 0, boxes: 1, landmarks: 1, hints: 1 };
const COLUMNS = ["left_eye", "right_eye", "left_mouth", "right_mouth"];

async function writeData(): Promise<void> {
  const random = new Random(31);
  for (const name of ["photos", "voc/annotations", "voc/images", "points/images"]) {
    mkdirSync(at(name), { recursive: true });
  }
  const rows = [["file", ...COLUMNS.flatMap((name) => [`${name}_x`, `${name}_y`])].join("\t")];
  for (let i = 0; i < 4; i++) {
    const side = 72;
    const [a, b, c] = [0, 1, 2].map(() => makeSample(random, side, 1));
    writeFileSync(at("photos", `${i}.png`), encodePng(a.image));
    writeFileSync(at("voc/images", `${i}.png`), encodePng(b.image));
    const box = [...b.boxes].map((v) => Math.round(v * side));
    const corners = ["xmin", "ymin", "xmax", "ymax"].map((n, k) => `<${n}>${box[k]}</${n}>`);
    writeFileSync(
      at("voc/annotations", `${i}.xml`),
      `<annotation><filename>${i}.png</filename><object><name>face</name>` +
        `<bndbox>${corners.join("")}</bndbox></object></annotation>`,
    );
    writeFileSync(at("points/images", `${i}.png`), encodePng(c.image));
    const points = [0, 1, 2, 3, 6, 7, 8, 9].map((k) => (c.landmarks[k] * side).toFixed(1));
    rows.push([`${i}.png`, ...points].join("\t"));
  }
  writeFileSync(at("points/table.tsv"), `${rows.join("\n")}\n`);
  const device = await Device.create();
  writeFileSync(at("teacher.safetensors"), await tinyWeights(device));
  device.destroy();
}

test.before(writeData);
test.after(() => rmSync(folder, { recursive: true }));

const notices: string[] = [];

async function distilled(out: string, steps: number, stages = recipe.stages, workers = 1) {
  const run = new DistillRun({
    recipe: { ...recipe, steps, stages },
    data: folder,
    out: at(out),
    cache: at("cache"),
    workers,
    onLosses: () => {},
    onNotice: (text) => notices.push(text),
  });
  const result = await run.run();
  const bytes = readFileSync(at(out, "checkpoint.safetensors"));
  const lines = readFileSync(at(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const metrics = lines.map((line): StepLosses => JSON.parse(line));
  return { result, checkpoint: readTrainingCheckpoint(bytes), metrics };
}

test("a resumed distillation is the uninterrupted one, to the last bit", async () => {
  const whole = await distilled("whole", 4);
  assert.is(whole.result.steps, 4);
  await distilled("parts", 3);
  const parts = await distilled("parts", 4);
  assert.ok(notices.includes("going on from step 3"), notices.join());
  assert.equal(parts.checkpoint.state, whole.checkpoint.state);
  assert.is(parts.result.images, whole.result.images);
  const metrics = (out: string) => readFileSync(at(out, "metrics.jsonl"), "utf8");
  assert.is(metrics("parts"), metrics("whole"));
  assert.is(metrics("whole").trim().split("\n").length, 4);
});

test("the weights are the same, however many threads make the views", async () => {
  const one = readTrainingCheckpoint(readFileSync(at("whole", "checkpoint.safetensors")));
  const alone = await distilled("alone", 4, recipe.stages, 0);
  const three = await distilled("three", 4, recipe.stages, 3);
  for (const { checkpoint } of [alone, three]) assert.equal(checkpoint.state, one.state);
});

test("photos lie in memory that threads share", async () => {
  const device = await Device.create();
  const teacher = new Uint8Array(readFileSync(at("teacher.safetensors")));
  const sources = listSources(recipe, folder, at("whole"));
  for (const cache of ["cache", "fresh-cache"]) {
    const sets = await loadPhotoSets(device, sources, teacher, at(cache), () => {});
    const levels = sets.flatMap(({ photos }) => photos.flatMap(({ pyramid }) => pyramid));
    assert.ok(levels.length > 9);
    assert.ok(levels.every(({ data }) => data.buffer instanceof SharedArrayBuffer));
  }
  device.destroy();
});

test("a run that is told to stop makes no further step", async () => {
  const run = new DistillRun({
    recipe,
    data: folder,
    out: at("stopped"),
    cache: at("cache"),
    workers: 2,
    onLosses: () => run.stop(),
    onNotice: () => {},
  });
  assert.is((await run.run()).steps, recipe.checkpointEvery);
  run.stop();
  assert.is((await run.run()).steps, recipe.checkpointEvery);
});

test("a stage has its own loss, and batch norm keeps its statistics there", async () => {
  const loss = { weights: NO_CLASSES, hints: ["fpn", "ssh"] };
  const stage = { from: 2, fixedNorm: true, loss };
  const { checkpoint, metrics } = await distilled("fixed", 4, [
    recipe.stages[0],
    { ...recipe.stages[1], ...stage },
  ]);
  const whole = await distilled("whole", 4);
  const before = await distilled("before", 2);
  for (const [name, { data }] of checkpoint.state.network) {
    if (!name.includes("running_")) continue;
    assert.equal(data, before.checkpoint.state.network.get(name)!.data, name);
    assert.not.equal(data, whole.checkpoint.state.network.get(name)!.data, name);
  }
  const own = ({ total, boxes, landmarks, hints }: StepLosses) =>
    Math.abs(total - boxes - landmarks - (hints ?? 0));
  assert.ok(own(metrics[1]) > 0.1);
  assert.ok(own(metrics[2]) < 1e-5 * metrics[2].total, JSON.stringify(metrics[2]));
  assert.equal(
    metrics.map(({ hints }) => hints !== undefined),
    [false, false, true, true],
  );
});

test("the model it leaves loads without being told its shape", async () => {
  const detector = await RetinaFace.load({ weights: at("whole", "model.safetensors") });
  assert.is(detector.network.channels, 16);
  assert.is(detector.network.width, 0.0625);
  detector.dispose();
});

test("a run whose folder is lost goes on from its model: its step, its views, its weights", async () => {
  const lost = await distilled("lost", 2);
  const start = new Uint8Array(readFileSync(at("lost", "model.safetensors")));
  const steps: number[] = [];
  const input = {
    recipe,
    data: folder,
    cache: at("cache"),
    onLosses: (losses: readonly StepLosses[]) => steps.push(...losses.map(({ step }) => step)),
    onNotice: () => {},
  };
  const result = await new DistillRun({ ...input, out: at("found"), start }).run();
  assert.equal(steps, [2, 3]);
  assert.is(result.steps, 4);
  assert.ok(result.images > lost.result.images, `${result.images} views`);
  const none = new Uint8Array(readFileSync(at("teacher.safetensors")));
  await rejectsCode(
    new DistillRun({ ...input, out: at("none"), start: none }).run(),
    "OPTION_INVALID",
    /how many steps/,
  );
});

test("another recipe does not go on with a run", async () => {
  const run = new DistillRun({
    recipe: { ...recipe, lr: 0.5 },
    data: folder,
    out: at("whole"),
    cache: at("cache"),
    onLosses: () => {},
    onNotice: () => {},
  });
  await run.run().then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /another "lr"/),
  );
});

test("what is held out depends on names and seed alone, and is never trained on", () => {
  const sources = listSources(recipe, folder, at("whole"));
  for (const { train, held } of sources) {
    assert.is(train.length, 3);
    assert.is(held.length, 1);
    assert.not(train.some(({ id }) => id === held[0].id));
  }
  assert.equal(listSources(recipe, folder, at("whole")), sources);
});

test("a photo whose corners of the mouth lie on one another is left out, and moves no other", () => {
  const read = (table: string): string[][] => {
    const file = at("points", table);
    const points = { ...recipe.sources[2], path: path.relative(folder, file) };
    const [{ train, held }] = listSources({ ...recipe, sources: [points] }, folder, folder);
    return [train, held].map((files) => files.map(({ id }) => id));
  };
  const [head, ...rows] = readFileSync(at("points", "table.tsv"), "utf8").trim().split("\n");
  const [trained] = read("table.tsv");
  const wrong = rows.map((row) => {
    const cells = row.split("\t");
    return cells[0] === trained[0]
      ? [...cells.slice(0, 7), Number(cells[5]) + 1, cells[6]].join("\t")
      : row;
  });
  writeFileSync(at("points", "wrong.tsv"), [head, ...wrong].join("\n"));
  const [all, flawed] = [read("table.tsv"), read("wrong.tsv")];
  assert.equal(flawed, [all[0].slice(1), all[1]]);
});

function command(...args: string[]) {
  return spawnSync(process.execPath, [trainProgram, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

test("distill: with threads it ends by itself, also when one of them fails", () => {
  const common = ["--data", folder, "--cache", at("cache"), "--workers", "2"];
  writeFileSync(at("recipe.json"), JSON.stringify(recipe));
  const whole = command("distill", "--recipe", at("recipe.json"), "--out", at("cli"), ...common);
  assert.is(whole.status, 0, whole.stderr);
  assert.is(JSON.parse(whole.stdout).steps, 4);
  const { state } = readTrainingCheckpoint(readFileSync(at("cli", "checkpoint.safetensors")));
  const alone = readTrainingCheckpoint(readFileSync(at("alone", "checkpoint.safetensors")));
  assert.equal(state, alone.state);

  const stages = [{ from: 0, batches: [{ size: 1e6, count: 4, share: 1 }] }];
  writeFileSync(at("huge.json"), JSON.stringify({ ...recipe, stages }));
  const failed = command("distill", "--recipe", at("huge.json"), "--out", at("huge"), ...common);
  assert.is(failed.status, 2, failed.stderr);
  assert.match(failed.stderr, /A thread that makes views is gone: Invalid typed array length/);
});

test("compare: both detectors on the photos held out, a JSON line", () => {
  writeFileSync(at("recipe.json"), JSON.stringify(recipe));
  const common = ["--recipe", at("recipe.json"), "--data", folder, "--out", at("whole")];
  const { status, stdout, stderr } = command("compare", ...common);
  assert.is(status, 0, stderr);
  const { heldOut } = JSON.parse(stdout);
  assert.equal(Object.keys(heldOut), ["plain", "boxes", "points"]);
  for (const { student, teacher } of Object.values<never>(heldOut) as Record<string, never>[]) {
    assert.is((student as { photos: number }).photos, 1);
    assert.is((teacher as { falsePositives: number }).falsePositives, 0);
  }
  assert.is(typeof heldOut.boxes.student.ap50, "number");
  const refused = command("distill", ...common);
  assert.is(refused.status, 2);
  assert.match(refused.stderr, /--resume/);
  const lost = command("compare", ...common, "--source", "nowhere");
  assert.is(lost.status, 2);
  assert.match(lost.stderr, /"nowhere"/);
});

test.run();

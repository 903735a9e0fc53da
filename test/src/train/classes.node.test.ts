/** Faces of several classes: the class head, labels against it, AP by class, and shapes of two classes from data to JSON. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { HostTensor } from "@retinaface-webgpu/tensor";
import {
  adaptClasses,
  type Detections,
  evaluateDetections,
  type FaceRecord,
  fusePasses,
  pseudoLabel,
  voteDetections,
} from "@retinaface-webgpu/train";
import { annotate, RETINAFACE_HEADS, readCheckpointConfig } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { repository } from "../support/repository.node.js";
import { runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "classes-"));
const at = (...names: string[]) => path.join(folder, ...names);
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("a class head for other classes: background stays, named classes stay, others begin as the mean", () => {
  const [CLASS, ...others] = RETINAFACE_HEADS;
  const heads = (classes: number) => [{ ...CLASS, width: classes + 1 }, ...others];
  // Two anchors of background, a, b; one input channel.
  const bias: HostTensor = { dtype: "f32", shape: [6], data: Float32Array.of(1, 2, 4, 10, 20, 40) };
  const weight: HostTensor = { ...bias, shape: [6, 1, 1, 1] };
  const name = "ClassHead.0.conv1x1";
  const state = new Map([
    [`${name}.weight`, weight],
    [`${name}.bias`, bias],
    ["ClassHead.0.depthwise.weight", weight],
  ]);
  const before = { heads: heads(2), classes: ["a", "b"] };
  const adapted = adaptClasses(state, before, { heads: heads(3), classes: ["b", "new", "a"] }, 1);
  const wanted = [1, 4, 3, 2, 10, 40, 30, 20];
  assert.equal([...(adapted.get(`${name}.bias`)!.data as Float32Array)], wanted);
  assert.equal(adapted.get(`${name}.weight`)!.shape, [8, 1, 1, 1]);
  assert.is(adapted.get("ClassHead.0.depthwise.weight"), weight);
  assert.is(adaptClasses(state, { heads: heads(2) }, before, 1), state, "names for what has none");
});

const record = (id: string, faces: [number, string, number][]): FaceRecord => ({
  id,
  image: id,
  boxes: Float32Array.from(faces.flatMap(([x]) => [x, 0, x + 10, 10])),
  landmarks: new Float32Array(faces.length * 10).fill(Number.NaN),
  labels: faces.map(([, label]) => label),
  ignored: Uint8Array.from(faces, ([, , ignored]) => ignored),
});
const found = (faces: [number, string, number][]): Detections => ({
  boxes: Float64Array.from(faces.flatMap(([x]) => [x, 0, x + 10, 10])),
  scores: Float64Array.from(faces, ([, , score]) => score),
  classes: faces.map(([, name]) => name),
});

test("AP by class: box and class must be right; what is found as another class is false in that one", () => {
  const images = [
    {
      record: record("1", [
        [0, "a", 0],
        [100, "b", 0],
        [200, "a", 1],
      ]),
      detections: found([
        [0, "a", 0.9],
        [100, "a", 0.8],
        [200, "b", 0.95],
        [300, "b", 0.7],
      ]),
    },
    { record: record("2", [[0, "b", 0]]), detections: found([[0, "b", 0.6]]) },
  ];
  const { ap50, classAp50, byClass } = evaluateDetections(images, { classes: ["a", "b", "c"] });
  // Whatever the class: three of three found, one false face above the last.
  assert.ok(Math.abs(ap50 - (1 / 3 + 1 / 3 + (1 / 3) * (3 / 4))) < 1e-12);
  // a: its one face first. b: of two faces the one at 0.6, behind a false one; the ignored face counts in neither.
  const rows = byClass.map((row) => [row.label, row.faces, row.found, row.told, row.ap50]);
  assert.equal(rows, [
    ["b", 2, 2, 1, 0.25],
    ["a", 1, 1, 1, 1],
  ]);
  assert.is(classAp50, 0.625);
  const plain = evaluateDetections(images);
  assert.is(plain.classAp50, undefined);
  assert.not.ok("ap50" in plain.byClass[0]);
  assert.is(plain.ap50, ap50);
});

test("passes vote on the class by their scores", () => {
  const one = [found([[0, "a", 0.5]]), found([[1, "b", 0.4]]), found([[0, "b", 0.3]])];
  const all: Detections = {
    boxes: Float64Array.from(one.flatMap(({ boxes }) => [...boxes])),
    scores: Float64Array.from(one.flatMap(({ scores }) => [...scores])),
    classes: ["a", "b", "b"],
  };
  assert.equal(voteDetections(all, 0.4).classes, ["b"]);
  const fused = fusePasses(one, 0.4);
  assert.equal(fused.classes, ["b"]);
  const bands = { face: 0.3, ignore: 0.1 };
  assert.is(pseudoLabel("x", { width: 9, height: 9 }, fused, bands).faces[0].label, "b");
  const { classes: _, ...nameless } = one[2];
  assert.is(fusePasses([one[0], nameless], 0.4).classes, undefined);
});

test("a picture has a colour for each class, and its name where there is room", () => {
  const side = 120;
  const image = { data: new Uint8ClampedArray(side * side * 4), width: side, height: side };
  const face = { box: [40, 40, 80, 80] as [number, number, number, number], score: 0.9 };
  const drawn = (more: object) => annotate(image, [Object.assign(Object.create(null), face, more)]);
  const colour = (label: number) =>
    [...drawn({ label }).data.subarray((60 * side + 40) * 4)].slice(0, 3);
  assert.not.equal(colour(1), colour(2));
  const white = ({ data }: { data: ArrayLike<number> }) =>
    Array.from({ length: side * side }, (_, i) => data[i * 4]).filter((red) => red === 255).length;
  assert.ok(white(drawn({ class: "mask" })) > white(drawn({})));
  assert.is(white(drawn({ class: "m".repeat(30) })), white(drawn({})), "no room: the score alone");
});

const SIDE = 80;

/** Photos of light and of dark squares on noise, with labels. */
function drawShapes(name: string, seed: number, count: number): string {
  const random = new Random(seed);
  mkdirSync(at(name));
  const lines = Array.from({ length: count }, (_, n) => {
    const data = new Uint8ClampedArray(SIDE * SIDE * 4);
    for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : random.integer(90, 150);
    const faces = ["light", "dark"].map((label, i) => {
      const side = random.integer(18, 30);
      const [x, y] = [random.integer(0, 8) + i * 40, random.integer(0, SIDE - side)];
      for (let row = y; row < y + side; row++) {
        const from = (row * SIDE + x) * 4;
        for (let k = from; k < from + side * 4; k++) if (k % 4 < 3) data[k] = i === 0 ? 235 : 15;
      }
      return { box: [x, y, x + side, y + side], label };
    });
    writeFileSync(at(name, `${n}.png`), encodePng({ data, width: SIDE, height: SIDE }));
    return JSON.stringify({ image: `${n}.png`, faces });
  });
  writeFileSync(at(name, "labels.jsonl"), lines.map((line) => `${line}\n`).join(""));
  return `jsonl:${at(name, "labels.jsonl")}`;
}

test("shapes of two classes: from the bundled weights to class and score in JSON", async () => {
  const data = drawShapes("train", 1, 24);
  const val = drawShapes("val", 2, 8);
  const common = ["--backend", "wasm", "--threads", "1"];
  const train = (...more: string[]) => runTrain("train", "--data", data, "--val", val, ...more);
  for (const [classes, reason] of [
    ["light", /"dark" \(24\), and the network tells light apart/],
    ["light,dark,grey", /No face of "grey" .* dark \(24\), light \(24\)/],
    ["light,,dark", /none empty/],
  ] as const) {
    const { status, stderr } = await train("--out", at("wrong"), "--classes", classes);
    assert.is(status === 0, false);
    assert.match(stderr, reason);
  }
  const run = await train(
    ...["--out", at("run"), "--classes", "dark,light", "--epochs", "30", "--batch-size", "4"],
    ...["--image-size", String(SIDE), "--freeze", "none", "--optimizer", "adamw", "--lr", "0.002"],
    ...["--crop", "none", "--no-distort", "--val-every", "30", "--workers", "0", ...common],
  );
  assert.is(run.status, 0, run.stderr);
  assert.match(run.stderr, /class head is replaced by one of 3 logits/);
  assert.match(run.stderr, /told apart late: --lr-factors heads=10/);
  const { best, before } = JSON.parse(run.stdout);
  assert.ok(before.classAp50 < 0.3 && best.classAp50 > 0.7, JSON.stringify({ before, best }));
  const model = at("run", "best.safetensors");
  const config = readCheckpointConfig(readFileSync(model));
  assert.equal(config.classes, ["dark", "light"]);
  assert.is(config.heads?.[0].width, 3);
  assert.match(readFileSync(at("run", "config.yaml"), "utf8"), /classes:\n {2}- dark\n {2}- light/);

  const main = path.join(repository, "packages/retinaface/dist/cli/main.js");
  const files = ["0", "1"].map((n) => at("val", `${n}.png`));
  const detected = spawnSync(
    process.execPath,
    [main, "detect", ...files, "--weights", model, ...common],
    { encoding: "utf8" },
  );
  assert.is(detected.status, 0, detected.stderr);
  for (const line of detected.stdout.trim().split("\n")) {
    const names = JSON.parse(line).faces.map(
      (face: { class: string; score: number }) => face.class,
    );
    assert.equal([...new Set(names)].sort(), ["dark", "light"], line);
  }
  writeFileSync(at("val", "found.jsonl"), detected.stdout.replaceAll(at("val", "/"), ""));

  const args = ["--data", val, "--weights", model, ...common];
  const evaluated = await runTrain("evaluate", ...args);
  assert.is(evaluated.status, 0, evaluated.stderr);
  assert.match(evaluated.stderr, /mean AP 0\.5 of the classes (0\.[7-9]|1\.0000)/);
  assert.is(JSON.parse(evaluated.stdout).classAp50, best.classAp50);
  // What was found is labels again, by class.
  const own = await runTrain(
    "evaluate",
    ...args.with(1, `jsonl:${at("val", "found.jsonl")}?face=0&ignore=0`),
  );
  assert.is(JSON.parse(own.stdout).classAp50, 1, own.stdout);
});

test.run();

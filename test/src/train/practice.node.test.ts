/** `train` as practitioners use it: YAML in and out, patience, metrics for other programs. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readCheckpointConfig } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { drawDataset, runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "practice-"));
const at = (...names: string[]) => path.join(folder, ...names);

async function run(...args: string[]) {
  const { status, stdout, stderr } = await runTrain(...args);
  return { status, stderr, json: stdout === "" ? undefined : JSON.parse(stdout) };
}

const data = drawDataset(folder, 31, 5);
const TINY = [
  ...["--width", "0.0625", "--channels", "16", "--image-size", "64"],
  ...["--batch-size", "2", "--workers", "0", "--scale", "64"],
];
const metrics = (out: string) => readFileSync(at(out, "metrics.jsonl"), "utf8");

test("options from YAML are those of the command line, which go before them", async () => {
  const file = at("options.yaml");
  const options = [
    ...["width: 0.0625", "channels: 16", "image-size: 64", "batch-size: 2", "scale: 64"],
    ...["epochs: 9", "distort: false", "crop: none", "freeze: [stem, stage1]"],
    ...["loss-weights:", "  boxes: 3", "lr-factors: backbone=0.5", `data: ${data}`],
  ];
  writeFileSync(file, options.join("\n"));
  const own = ["--workers", "0", "--epochs", "1"];
  const first = await run("train", ...own, "--config", file, "--out", at("a"));
  assert.is(first.status, 0, first.stderr);
  assert.is(first.json.steps, 2);
  const spoken = [
    ...["--data", data, ...TINY, "--epochs", "1", "--no-distort", "--crop", "none"],
    ...["--freeze", "stem,stage1", "--loss-weights", "boxes=3", "--lr-factors", "backbone=0.5"],
  ];
  const second = await run("train", ...spoken, "--out", at("b"));
  assert.is(second.status, 0, second.stderr);
  assert.is(metrics("b"), metrics("a"));
  const again = await run(
    "train",
    "--config",
    at("a", "config.yaml"),
    "--out",
    at("c"),
    "--workers",
    "0",
  );
  assert.is(again.status, 0, again.stderr);
  assert.is(metrics("c"), metrics("a"));
  assert.is(
    readFileSync(at("c", "config.yaml"), "utf8"),
    readFileSync(at("a", "config.yaml"), "utf8"),
  );
  const other = await run(
    "train",
    ...spoken,
    "--out",
    at("b"),
    "--resume",
    "--loss-weights",
    "boxes=4",
  );
  assert.match(other.stderr, /lossWeights is .*4.* instead of .*3/);
  const without = spoken.filter((word) => word !== "--no-distort");
  const lost = await run("train", ...without, "--out", at("b"), "--resume");
  assert.match(lost.stderr, /augmentation is .*crop.* instead of .*distort/);
});

test("what YAML says wrong is told with file and line", async () => {
  const wrong: [text: string, told: RegExp][] = [
    ["epochs: 1\nbatchsize: 2\n", /options\.yaml:2: "batchsize" is no option here; .*batch-size/],
    ["epochs: many", /options\.yaml:1: epochs: many: It must be a whole number/],
    [
      "seed: 1\n\noptimizer: adam",
      /options\.yaml:3: optimizer: adam: Allowed choices are sgd, adamw/,
    ],
    ["distort: 1", /options\.yaml:1: distort must be true or false/],
    ["lr: 1\nlr: 2", /options\.yaml:2 is no YAML: .*unique/],
    ["- a", /options\.yaml:1: write a line for each option/],
    ["resume: true", /"resume" is no option here/],
    ["mirror: 0.3\naugment: false\nweights: random", /--no-augment leaves .* leave out --mirror/],
  ];
  for (const [text, told] of wrong) {
    writeFileSync(at("options.yaml"), text);
    const args = ["--config", at("options.yaml"), "--data", data, "--out", at("wrong")];
    const { status, stderr } = await run("train", ...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, told);
  }
  const absent = await run(
    "train",
    "--config",
    at("none.yaml"),
    "--data",
    data,
    "--out",
    at("wrong"),
  );
  assert.is(absent.status, 2, absent.stderr);
  assert.match(absent.stderr, /none\.yaml/);
  assert.not(existsSync(at("wrong", "metrics.jsonl")));
});

test("a run without a better validation ends early, and goes on with more patience", async () => {
  const still = ["--weights", "default", "--epochs", "4", "--lr", "1e-12", "--workers", "0"];
  const small = ["--image-size", "64", "--batch-size", "2", "--scale", "64"];
  const args = ["train", "--data", data, "--out", at("patient"), ...still, ...small];
  const { status, stderr, json } = await run(...args, "--patience", "1");
  assert.is(status, 0, stderr);
  assert.is(json.steps, 2);
  assert.is(json.stoppedEarly, true);
  assert.match(stderr, /no better AP in 1 validations: the run ends early/);
  const more = await run(...args, "--patience", "2", "--resume");
  assert.is(more.status, 0, more.stderr);
  assert.match(more.stderr, "patience was 1, is 2");
  assert.is(more.json.steps, 4);
  const whole = await run(...args, "--resume");
  assert.is(whole.json.steps, 8);
  assert.is(whole.json.stoppedEarly, false);
});

test("metrics tell losses in validation, and are there as CSV and for TensorBoard", () => {
  const lines = metrics("patient")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const validations = lines.filter(({ kind }) => kind === "validation");
  assert.is(validations.length, 5);
  for (const { losses } of validations)
    assert.ok(losses.total > 0 && losses.classes > 0 && losses.boxes > 0);
  const csv = readFileSync(at("patient", "metrics.csv"), "utf8").trim().split("\r\n");
  assert.is(csv.length, lines.length + 1);
  assert.match(csv[0], /^kind,step,learningRate,total,.*ap50,ap,losses\.total/);
  const events = readdirSync(at("patient")).filter((name) => name.includes("tfevents"));
  assert.is(events.length, 3, "one for each part of the run");
  const bytes = events.map((name) => readFileSync(at("patient", name)).toString("latin1")).join();
  for (const tag of ["loss/total", "training/learningRate", "validation/ap50"])
    assert.ok(bytes.includes(tag), tag);
  assert.ok(bytes.includes("validation_loss/boxes"));
});

test("compare: two weights on the same photos, the photos that changed as a picture", async () => {
  const best = at("patient", "final.safetensors");
  const common = ["compare", "--data", data, "--backend", "wasm", "--resamples", "50"];
  const same = await run(...common, "default", best, "--sheet", at("same.png"));
  assert.is(same.status, 0, same.stderr);
  assert.is(same.json.difference.ap50, 0);
  assert.match(same.stderr, /these photos do not tell.*\n.*no sheet is written/);
  const narrow = at("a", "final.safetensors");
  const other = await run(
    ...common,
    "default",
    narrow,
    "--sheet",
    at("other.png"),
    "--json",
    at("c.json"),
  );
  assert.is(other.status, 0, other.stderr);
  assert.match(other.stderr, /B less A: AP .*95 % interval .* \(bootstrap over 5 photos\)/);
  const { changed } = JSON.parse(readFileSync(at("c.json"), "utf8"));
  assert.is(changed.length, other.json.changed);
  assert.is(existsSync(at("other.png")), changed.length > 0);
  const wrong: [args: string[], told: RegExp][] = [
    [["default"], /needs two weights/],
    [["default", best, "--max-side", "9"], /maxSide is for --recipe/],
    [["default", "--recipe", "r.json"], /with --recipe give --out/],
  ];
  for (const [args, told] of wrong) {
    const { status, stderr } = await run(...common, ...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, told);
  }
});

test("thresholds that tune chose go with the weights it writes", async () => {
  const common = ["--data", data, "--backend", "wasm"];
  const tuned = await run(
    "tune",
    ...common,
    "--weights",
    "default",
    "--out",
    at("tuned.safetensors"),
  );
  assert.is(tuned.status, 0, tuned.stderr);
  const { confidenceThreshold, nmsThreshold, visThreshold } = tuned.json.best;
  const stored = readCheckpointConfig(readFileSync(at("tuned.safetensors"))).thresholds;
  assert.equal(stored, { confidenceThreshold, nmsThreshold, visThreshold });
  const { json } = await run("evaluate", ...common, "--weights", at("tuned.safetensors"));
  assert.is(json.protocol.nmsThreshold, nmsThreshold);
  assert.is(json.protocol.confidenceThreshold, confidenceThreshold);
});

test("lr-find sweeps with the options of a run, its YAML too", async () => {
  const common = ["lr-find", "--data", data, "--workers", "0", "--steps", "24", "--to", "0.1"];
  const { status, stderr, json } = await run(
    ...[...common, "--config", at("a", "config.yaml"), "--optimizer", "adamw"],
    ...[
      "--plot",
      at("lr.svg"),
      "--json",
      at("lr.json"),
      "--lr-factors",
      "heads=2",
      "--from",
      "1e-4",
    ],
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, /the loss falls fastest at .*: try --lr /);
  assert.ok(json.suggestion >= 1e-4 && json.suggestion <= 0.1);
  const { losses } = JSON.parse(readFileSync(at("lr.json"), "utf8"));
  assert.is(losses.length, json.steps);
  assert.is(losses[0].lr, 1e-4);
  assert.match(readFileSync(at("lr.svg"), "utf8"), "falls fastest");
  const wrong = await run(...common, "--from", "1");
  assert.is(wrong.status, 2);
  assert.match(wrong.stderr, "--from 1 must be below --to 0.1");
  assert.match((await run(...common, "--epochs", "3")).stderr, /unknown option '--epochs'/);
});

const IMAGENET = "weights/mobilenetV1X0.25_pretrain.tar";

sharedTest(test, "a run starts from a backbone that knows ImageNet", [IMAGENET], async () => {
  const size = ["--image-size", "64", "--batch-size", "4", "--workers", "0", "--scale", "64"];
  const args = [
    "train",
    "--data",
    data,
    "--weights",
    sharedPath(IMAGENET),
    "--epochs",
    "1",
    ...size,
  ];
  const { status, stderr, json } = await run(...args, "--out", at("imagenet"), "--channels", "16");
  assert.is(status, 0, stderr);
  assert.match(stderr, /starting from the backbone of .*pretrain\.tar, everything else random/);
  assert.not.match(stderr, "no face has landmarks");
  assert.is(json.steps, 1);
  assert.match(readFileSync(at("imagenet", "config.yaml"), "utf8"), /channels: 16/);
  const wrong = await run(...args, "--out", at("wrong"), "--width", "0.5");
  assert.match(wrong.stderr, /--width 0\.5 is for random weights, and .* has 0\.25/);
});

test.after(() => rmSync(folder, { recursive: true }));

test.run();

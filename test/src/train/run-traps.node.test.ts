/** Runs of `train` and `tune` that cannot be what their user meant, on a few drawn images. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  holdOutSpec,
  parseCandidates,
  readTrainingCheckpoint,
  tuneThresholds,
} from "@retinaface-webgpu/train";
import { loadDataset, type RunCheckpoint } from "@retinaface-webgpu/train/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { drawDataset, runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "run-traps-"));
const at = (...names: string[]) => path.join(folder, ...names);

async function run(...args: string[]) {
  const { status, stdout, stderr } = await runTrain(...args);
  return { status, stderr, json: stdout === "" ? undefined : JSON.parse(stdout) };
}

const data = drawDataset(folder, 22, 10);
const SMALL = ["--image-size", "64", "--batch-size", "2", "--workers", "0", "--scale", "64"];
const TINY = ["--width", "0.0625", "--channels", "16", ...SMALL];

const checkpointOf = (out: string): RunCheckpoint =>
  readTrainingCheckpoint(readFileSync(at(out, "checkpoint.safetensors")));

test("without --val and a split a fifth is held out, and said", async () => {
  const { status, stderr, json } = await run(
    ...["train", "--data", data, "--out", at("held"), "--epochs", "1", ...TINY],
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, "a fifth of the images is held out");
  assert.match(stderr, "starting from random weights");
  assert.match(stderr, /validating 2 images/);
  assert.is(json.steps, 4);
  assert.is.not(json.best, null);
  assert.is(json.improved, null);
  const { description } = checkpointOf("held").extra;
  assert.match(description.data, /split=train&fraction=0\.8&seed=1$/);
  assert.match(description.val ?? "", /split=val&fraction=0\.8&seed=1$/);
});

test("what is held out may be grouped, and nothing need be", async () => {
  assert.is(
    holdOutSpec("voc:a+jsonl:b?limit=9", "^(clip\\d+)&"),
    "voc:a?split=train&fraction=0.8&seed=1&group=%5E(clip%5Cd%2B)%26" +
      "+jsonl:b?limit=9&split=train&fraction=0.8&seed=1&group=%5E(clip%5Cd%2B)%26",
  );
  assert.is(holdOutSpec("a?split=val"), null);
  const common = ["train", "--data", data, "--epochs", "1", ...TINY];
  const none = await run(...common, "--out", at("all"), "--val", "none");
  assert.match(none.stderr, /nothing is held out/);
  assert.is(none.json.steps, 5);
  const wrong = await run(...common, "--out", at("wrong"), "--val", "none", "--group", "x");
  assert.is(wrong.status, 2);
  assert.match(wrong.stderr, /--group and --stratify are for the fifth/);
});

test("resuming takes more epochs and another learning rate, and records them", async () => {
  const common = ["train", "--data", data, "--out", at("held"), ...TINY, "--resume"];
  const { status, stderr, json } = await run(...common, "--epochs", "2", "--lr", "0.0005");
  assert.is(status, 0, stderr);
  assert.match(stderr, "lr was 0.001, is 0.0005");
  assert.is(json.steps, 8);
  const { state, extra } = checkpointOf("held");
  assert.equal(extra.description.changes, [
    { step: 4, name: "epochs", was: 1, is: 2 },
    { step: 4, name: "lr", was: 0.001, is: 0.0005 },
  ]);
  assert.is(state.optimizer.groups[0].baseLr, 0.0005);
  assert.match(readFileSync(at("held", "report.html"), "utf8"), "lr 0.001 to 0.0005 at step 4");
  const fewer = await run(...common, "--epochs", "1", "--lr", "0.0005");
  assert.is(fewer.status, 2);
  assert.match(fewer.stderr, /2 epochs are done already/);
});

test("a run that makes nothing better keeps the weights it started from, and says so", async () => {
  const still = ["--epochs", "1", "--lr", "1e-12"];
  const { status, stderr, json } = await run(
    ...["train", "--data", data, "--out", at("worse"), ...SMALL, ...still],
  );
  assert.is(status, 0, stderr);
  assert.match(stderr, /starting from the default weights, .*default\.safetensors/);
  const { validations, description } = checkpointOf("worse").extra;
  assert.is(description.weights, "default");
  assert.equal(
    validations.map(({ step }) => step),
    [0, 4],
  );
  assert.is(json.best.step, 0);
  assert.is(json.improved, false);
  assert.match(stderr, /nothing better than the weights it started from.*Try a lower --lr/);
  const best = JSON.parse(readFileSync(at("worse", "evaluation-best.json"), "utf8"));
  assert.is(best.ap50, json.before.ap50);
});

test("options of random weights contradict weights of another shape", async () => {
  const args = ["train", "--data", data, "--out", at("shape"), "--weights", "default"];
  const { status, stderr } = await run(...args, "--channels", "48");
  assert.is(status, 2);
  assert.match(stderr, /--channels 48 is for random weights.*--weights random/);
  const paper = await run(...args, "--network", "pytorch,cascade");
  assert.is(paper.status, 2);
  assert.match(
    paper.stderr,
    /--network pytorch,cascade is for .* has cascade false.*--weights random/,
  );
  const unknown = await run(...args, "--network", "paper,shared");
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, /pytorch or paper.*deformable, cascade, context/);
});

test("--network paper trains the paper's levels and anchors, less what is left out", async () => {
  const { status, stderr } = await run(
    ...["train", "--data", data, "--out", at("paper"), "--epochs", "1", "--val", "none", ...TINY],
    ...["--network", "paper,no-deformable,no-context", "--batch-norm", "fixed"],
  );
  assert.is(status, 0, stderr);
  const { network, description } = checkpointOf("paper").extra;
  assert.is(network.cascade, true);
  assert.is(network.context, false);
  assert.is(network.deformable, undefined);
  assert.equal(description.settings.config.anchors.steps, [4, 8, 16, 32, 64]);
  assert.match(readFileSync(at("paper", "config.yaml"), "utf8"), /^network: paper,no-def/m);
});

test("a training checkpoint given as weights is told for what it is", async () => {
  const file = at("held", "checkpoint.safetensors");
  for (const args of [
    ["train", "--data", data, "--out", at("again")],
    ["evaluate", "--data", data],
  ]) {
    const { status, stderr } = await run(...args, "--weights", file);
    assert.not.equal(status, 0);
    assert.match(stderr, /what a training run goes on from \(--resume\): give .*best\.safetensors/);
  }
  assert.not(existsSync(at("again", "metrics.jsonl")));
});

test("pictures that train and validate are named, by path and by bytes", async () => {
  cpSync(at("images", "3.png"), at("images", "copy.png"));
  const face = '"faces":[{"box":[1,1,30,30]}]';
  writeFileSync(
    at("val.jsonl"),
    `{"image":"images/copy.png",${face}}\n{"image":"images/4.png",${face}}\n`,
  );
  const args = ["train", "--data", data, "--val", `jsonl:${at("val.jsonl")}`, "--epochs", "1"];
  const { status, stderr, json } = await run(...args, "--out", at("leak"), ...TINY);
  assert.is(status, 0, stderr);
  assert.match(stderr, /copy\.png: validates, and .*3\.png, the same picture, is trained on/);
  assert.match(stderr, /4\.png: validates, and it is trained on too/);
  assert.match(stderr, "2 pictures train and validate");
  assert.is(json.problems, 2);
});

test("tune refuses candidates of other images", async () => {
  const line = (id: string, side: number) =>
    JSON.stringify({ id, boxes: [1, 1, side, side], scores: [0.9] });
  const tune = (...lines: string[]) => {
    writeFileSync(at("c.jsonl"), `${lines.join("\n")}\n`);
    return run("tune", "--data", data, "--candidates", at("c.jsonl"));
  };
  const others = await tune(line("images/0.png", 30), line("elsewhere/0.png", 30));
  assert.is(others.status, 2);
  assert.match(others.stderr, /of 1 that are not in it, such as elsewhere.*give the --data/);
  const some = await tune(line("images/0.png", 30));
  assert.is(some.status, 0, some.stderr);
  assert.match(some.stderr, "9 images have no candidates");
});

test("tune suppresses in the pixels that the network saw, as detection does", () => {
  const [record] = loadDataset(data).records;
  // Sides of 9 and 10 pixels share 0.5 with both end pixels counted, at twice the size less.
  const boxes = Float64Array.from([0, 0, 9, 9, 0, 4, 9, 13]);
  const count = (scale?: readonly [number, number]) => {
    const candidates = { boxes, scores: Float64Array.of(0.9, 0.8), ...(scale && { scale }) };
    const labelled = { ...record, boxes: Float32Array.from([0, 4, 9, 13]), labels: ["face"] };
    const image = { ...labelled, landmarks: new Float32Array(10), ignored: new Uint8Array(1) };
    const { table } = tuneThresholds([{ record: image, candidates }], { nmsThresholds: [0.41] });
    return table[0].curve.length;
  };
  assert.equal([count(), count([4, 4])], [1, 2]);
  const text = '{"id":"a","scale":[2,3],"boxes":[],"scores":[]}\n';
  assert.equal(parseCandidates(text, "f").get("a")?.scale, [2, 3]);
});

const MASKS = "data/face-mask";

sharedTest(
  test,
  "tune and evaluate give one figure when photos are enlarged",
  [MASKS],
  async () => {
    const set = `voc:${sharedPath(MASKS)}?classes=*=face&split=val&limit=3`;
    const common = ["--data", set, "--weights", "default", "--scale", "640/640"];
    const { json } = await run("evaluate", ...common);
    const tuned = await run("tune", ...common);
    assert.match(tuned.stderr, /weights: the default, .*default\.safetensors/);
    const row = tuned.json.table.find(
      ({ nmsThreshold }: { nmsThreshold: number }) => nmsThreshold === 0.4,
    );
    assert.ok(Math.abs(row.ap50 - json.ap50) < 1e-9, `${row.ap50} and ${json.ap50}`);
  },
);

test.after(() => rmSync(folder, { recursive: true }));

test.run();

/** A network with an objectness head through the commands: trained, gone on with, fine-tuned, evaluated, detected with. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Recipe } from "@retinaface-webgpu/train";
import { newStudent } from "@retinaface-webgpu/train/node";
import {
  inferNetwork,
  OBJECTNESS_HEAD,
  RETINAFACE_HEADS,
  readCheckpoint,
  readCheckpointConfig,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { drawDataset, runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "objectness-"));
const at = (...names: string[]) => path.join(folder, ...names);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const HEADS = [...RETINAFACE_HEADS, OBJECTNESS_HEAD];
const ENGINE = ["--backend", "wasm", "--threads", "1"];
const BUDGET = ["--batch-size", "2", "--image-size", "64", "--workers", "0", "--lr", "1e-4"];
const SHAPE = ["--width", "0.0625", "--channels", "8"];
const YUNET = ["--network", "pytorch,separable,objectness", "--assignment", "simota"];

const data = drawDataset(folder, 4, 6);
const train = (out: string, ...more: string[]) =>
  runTrain("train", "--data", data, "--val", data, "--out", at(out), ...BUDGET, ...ENGINE, ...more);

test("train, --resume, --weights with --freeze, evaluate and detect know the heads by the file", async () => {
  const options = [...SHAPE, ...YUNET, "--box-loss", "eiou"];
  const first = await train("run", ...options, "--epochs", "1");
  assert.is(first.status, 0, first.stderr);
  const metrics = readFileSync(at("run", "metrics.jsonl"), "utf8").trim().split("\n");
  const steps = metrics.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "step");
  assert.is(steps.length, 3);
  for (const { classes, objectness, boxes } of steps)
    assert.ok(classes > 0 && objectness > 0 && boxes > 0, metrics.join("\n"));
  const yaml = readFileSync(at("run", "config.yaml"), "utf8");
  assert.match(yaml, /^network: pytorch,separable,objectness$/m);
  assert.match(yaml, /^loss: objectness\nbox-loss: eiou\nassignment: simota$/m);
  const again = await train("again", "--config", at("run", "config.yaml"), "--epochs", "1");
  assert.is(again.status, 0, again.stderr);

  const model = at("run", "final.safetensors");
  const bytes = readFileSync(model);
  assert.equal(readCheckpointConfig(bytes).heads, HEADS);
  const { heads, separable } = inferNetwork(readCheckpoint(bytes));
  assert.equal([heads, separable], [HEADS, true]);

  const resumed = await train("run", ...options, "--epochs", "2", "--resume");
  assert.is(resumed.status, 0, resumed.stderr);
  const tuned = await train("tuned", "--weights", model, "--freeze", "backbone", "--epochs", "1");
  assert.is(tuned.status, 0, tuned.stderr);
  assert.match(readFileSync(at("tuned", "config.yaml"), "utf8"), /^loss: objectness$/m);
  const after = readCheckpoint(readFileSync(at("tuned", "final.safetensors")));
  const before = readCheckpoint(readFileSync(model));
  const changed = [...before].filter(([name, { data: old }]) => {
    const now = after.get(name)!.data as Float32Array;
    return /weight|bias/.test(name) && (old as Float32Array).some((value, i) => value !== now[i]);
  });
  const parts = new Set(changed.map(([name]) => name.split(".")[0]));
  assert.not(parts.has("body"));
  assert.ok(["ObjectnessHead", "ClassHead", "BboxHead", "fpn"].every((part) => parts.has(part)));

  const tunedModel = at("tuned", "final.safetensors");
  const evaluated = await runTrain("evaluate", "--data", data, "--weights", tunedModel, ...ENGINE);
  assert.is(evaluated.status, 0, evaluated.stderr);
  const main = path.join(repository, "packages/retinaface/dist/cli/main.js");
  const asked = ["--weights", tunedModel, "--vis-threshold", "0", "--confidence-threshold", "0"];
  const detected = spawnSync(
    process.execPath,
    [main, "detect", at("images", "0.png"), ...asked, ...ENGINE],
    { encoding: "utf8" },
  );
  assert.is(detected.status, 0, detected.stderr);
  const { faces } = JSON.parse(detected.stdout);
  assert.ok(faces.length > 0);
  // Objectness begins at 0.01, and so few steps hardly move it.
  for (const { score } of faces) assert.ok(score > 0 && score < 0.05, `${score}`);
});

test("drawn faces are learnt with one place a cell, as YuNet has it", async () => {
  const cells = { minSizes: [[8], [16], [32]], steps: [8, 16, 32] };
  writeFileSync(at("cells.json"), JSON.stringify({ anchors: cells, variances: [1, 1] }));
  const run = await runTrain(
    ...["train", "--data", data, "--val", data, "--out", at("learnt"), ...ENGINE],
    ...["--width", "0.25", "--channels", "16", ...YUNET, "--box-loss", "eiou"],
    ...["--anchors", at("cells.json"), "--no-augment", "--image-size", "72", "--batch-size", "6"],
    ...["--epochs", "60", "--val-every", "60", "--workers", "0"],
    ...["--optimizer", "adamw", "--lr", "0.008", "--schedule", "cosine"],
  );
  assert.is(run.status, 0, run.stderr);
  const { before, best } = JSON.parse(run.stdout);
  assert.ok(before.ap50 < 0.2 && best.ap50 > 0.8, JSON.stringify({ before, best }));
});

test("losses that learn background beside it, and weights without it, are refused with the reason", async () => {
  for (const loss of ["focal", "hard-negatives", "varifocal"]) {
    const { status, stderr } = await train("wrong", ...SHAPE, ...YUNET, "--loss", loss);
    assert.is(status, 2, stderr);
    assert.match(stderr, /objectness head tells faces from background.*leave --loss out/);
  }
  const alone = await train("wrong", ...SHAPE, "--loss", "objectness");
  assert.is(alone.status, 2, alone.stderr);
  assert.match(alone.stderr, /--network pytorch,objectness/);
  const others = await train("wrong", "--weights", "default", "--network", "objectness");
  assert.is(others.status, 2, others.stderr);
  assert.match(others.stderr, /is for random weights, and .* has objectness false/);
  const none = await train("wrong", ...SHAPE, "--network", "no-objectness", "--loss", "objectness");
  assert.match(none.stderr, /--network pytorch,objectness/);
  const objects = await train("wrong", "--model", "retinanet", "--network", "objectness");
  assert.is.not(objects.status, 0);
  assert.match(objects.stderr, /leave the objectness head out/);
});

test("a distillation's student has none", () => {
  const recipe = { seed: 1, network: { heads: HEADS } } as unknown as Recipe;
  assert.throws(() => newStudent(undefined as never, recipe), /leave the head out of the recipe/);
});

test.run();

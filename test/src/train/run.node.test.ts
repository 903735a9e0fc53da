/** The command `train` on a few drawn images: files, resuming after a kill, refusals, a loss that is NaN. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  Device,
  readCheckpoint,
  readSafetensors,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { readTrainingCheckpoint, type TrainSettings } from "@retinaface-webgpu/train";
import { loadDataset, RunFiles, TrainRun } from "@retinaface-webgpu/train/node";
import { CONFIG_KEY, DEFAULT_CONFIG, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { drawDataset, runTrain, trainProgram } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "train-run-"));
const at = (...names: string[]) => path.join(folder, ...names);

const data = `${drawDataset(folder, 21, 10)}?split=train&fraction=0.8`;

/** Of a run: eight images in batches of two, three times. */
const STEPS = 12;

function wordsOf(out: string, ...more: string[]): string[] {
  const small = ["--width", "0.0625", "--channels", "16", "--image-size", "64"];
  const size = ["--batch-size", "2", "--epochs", "3", "--checkpoint-every", "3", "--workers", "1"];
  const rule = ["--val-every", "2", "--ema", "0.9", "--lr", "0.01", "--refine-anchors", "0.1"];
  return ["train", "--data", data, "--out", at(out), ...small, ...size, ...rule, ...more];
}

function start(...of: Parameters<typeof wordsOf>): ChildProcess {
  return spawn(process.execPath, [trainProgram, ...wordsOf(...of)]);
}

/** A run that needs no process of its own. */
async function runHere(...of: Parameters<typeof wordsOf>) {
  const { status, stdout, stderr } = await runTrain(...wordsOf(...of));
  return { status, out: stdout, err: stderr };
}

function finish(child: ChildProcess): Promise<{ status: number | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += text;
  });
  child.stderr?.on("data", (text) => {
    err += text;
  });
  return new Promise((resolve) => {
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

/** Losses and validations without what depends on the clock. */
const metrics = (out: string) => readFileSync(at(out, "metrics.jsonl"), "utf8");

test("a run writes its model, metrics, checkpoint and report", async () => {
  const { status, out, err } = await finish(start("whole"));
  assert.is(status, 0, err);
  const result = JSON.parse(out);
  assert.is(result.steps, STEPS);
  assert.is(result.problems, 0);
  const lines = metrics("whole")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const steps = lines.filter(({ kind }) => kind === "step");
  assert.equal(
    steps.map(({ step }) => step),
    [...Array(STEPS).keys()],
  );
  assert.ok(steps.every(({ total, gradientNorm }) => total > 0 && gradientNorm > 0));
  const validations = lines.filter(({ kind }) => kind === "validation");
  assert.equal(
    validations.map(({ step }) => step),
    [0, 8, STEPS],
  );
  assert.is(result.best.ap50, Math.max(...validations.slice(1).map(({ ap50 }) => ap50)));
  const report = readFileSync(at("whole", "report.html"), "utf8");
  for (const text of ["<svg", "Learning rate", "Validation", "width"]) assert.match(report, text);
  const detector = await RetinaFace.load({ weights: at("whole", "best.safetensors") });
  assert.equal(detector.network.width, 1 / 16);
  const { metadata } = readSafetensors(readFileSync(at("whole", "final.safetensors")));
  const { anchors } = JSON.parse(metadata[CONFIG_KEY]);
  assert.equal(anchors.minSizes, result.anchors);
  assert.not.equal(anchors.minSizes, DEFAULT_CONFIG.anchors.minSizes);
  assert.not.equal(detector.config.anchors.minSizes, DEFAULT_CONFIG.anchors.minSizes);
  assert.instance(await detector.detect(at("images", "0.png")), Array);
  detector.dispose();
});

test("killed in the middle and resumed, it gives the same bits", async () => {
  const child = start("killed");
  const ended = finish(child);
  const file = at("killed", "checkpoint.safetensors");
  const stepOf = () => readTrainingCheckpoint(readFileSync(file)).state.step;
  while (child.exitCode === null && !(existsSync(file) && stepOf() >= 3)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGKILL");
  const { status, err } = await ended;
  assert.is(status, null, `killed, not done: ${err}`);
  assert.ok(stepOf() < STEPS);
  const resumed = await finish(start("killed", "--resume"));
  assert.is(resumed.status, 0, resumed.err);
  for (const name of ["final.safetensors", "best.safetensors"]) {
    const [a, b] = ["whole", "killed"].map((run) => readFileSync(at(run, name)));
    assert.ok(a.equals(b), `${name} differs`);
  }
  assert.is(metrics("killed"), metrics("whole"));
});

test("interrupted, it ends at a checkpoint and says how to go on", async () => {
  const child = start("interrupted");
  const ended = finish(child);
  while (child.exitCode === null && !existsSync(at("interrupted", "checkpoint.safetensors"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill("SIGINT");
  const { status, out, err } = await ended;
  assert.is(status, 130, err);
  assert.is(out, "");
  const { state } = readTrainingCheckpoint(
    readFileSync(at("interrupted", "checkpoint.safetensors")),
  );
  assert.match(err, `stopped at step ${state.step}; go on with --resume`);
});

test("a device lost in the middle changes nothing in the result", async () => {
  const { records } = loadDataset(data);
  const settings: TrainSettings = {
    preset: "paper",
    classification: "focal",
    imageSize: 64,
    batchSize: 2,
    accumulate: 2,
    epochs: 3,
    optimizer: "adamw",
    lr: 1e-3,
    momentum: 0.9,
    weightDecay: 0.01,
    schedule: "cosine",
    warmup: 2,
    clip: 5,
    ema: 0,
    freeze: ["stem"],
    fixedNorm: true,
    seed: 4,
    augment: true,
    config: DEFAULT_CONFIG,
  };
  const runOnce = async (name: string, lose: boolean) => {
    const files = new RunFiles(at(name));
    const notices: string[] = [];
    const listener = {
      onLosses: () => {
        if (!lose || notices.length > 0 || run.checkpoint?.state.step !== 3) return;
        devices.at(-1)!.gpuDevice.destroy();
      },
      onValidation: () => {},
      onProblem: () => assert.unreachable(),
      onNotice: (text: string) => notices.push(text),
    };
    const description = { settings, data, val: null, scale: "640", weights: null };
    const run = new TrainRun({
      description: { ...description, valEvery: 99, checkpointEvery: 3 },
      records,
      valRecords: [],
      files,
      workers: 0,
      listener,
      network: { backbone: "mobilenet0.25", width: 1 / 16, channels: 16 },
    });
    await run.run(async () => {});
    return { state: run.checkpoint!.state, notices };
  };
  const devices: Device[] = [];
  const create = Device.create;
  Device.create = async (options) => {
    devices.push(await create.call(Device, options));
    return devices.at(-1)!;
  };
  try {
    const whole = await runOnce("kept", false);
    const lost = await runOnce("lost", true);
    assert.is(lost.notices.length, 1);
    assert.match(lost.notices[0], "Going on from step 3");
    assert.equal(lost.state, whole.state);
    assert.is(metrics("lost"), metrics("kept"));
  } finally {
    Device.create = create;
  }
});

test("a folder with a run is not overwritten, and other settings are not resumed", async () => {
  const again = await runHere("whole");
  assert.is(again.status, 2);
  assert.match(again.err, /holds a run already: give --resume/);
  const other = await runHere("whole", "--resume", "--momentum", "0.8");
  assert.is(other.status, 2);
  assert.match(other.err, /momentum is 0.8 instead of 0.9/);
});

test("fine-tuning more than the heads without landmarks is warned of", async () => {
  const weights = ["--weights", at("whole", "final.safetensors"), "--epochs", "1"];
  const heads = await runHere("heads", ...weights);
  assert.is(heads.status, 0, heads.err);
  assert.not.match(heads.err, "no face has landmarks");
  assert.is(JSON.parse(heads.out).steps, 4);
  const more = await runHere("more", ...weights, "--freeze", "stem");
  assert.is(more.status, 0, more.err);
  assert.match(more.err, "no face has landmarks");
});

test("a loss that is not finite ends the run, its batch saved", async () => {
  const { status, err } = await finish(
    start("nan", "--lr", "1e30", "--clip", "0", "--warmup", "0", "--ema", "0"),
  );
  assert.is(status, 1, err);
  assert.match(err, /The loss of step \d+ is .*LOSS_NOT_FINITE/);
  const saved = JSON.parse(readFileSync(at("nan", "not-finite.json"), "utf8"));
  assert.is(saved.samples.length, 2);
  assert.ok(existsSync(at("nan", "not-finite.png")));
  const kept = readTrainingCheckpoint(readFileSync(at("nan", "checkpoint.safetensors")));
  assert.is(kept.state.step, 0);
});

test("weights that the last step before a validation has spoilt: the remedy is told", async () => {
  const spoilt = ["--lr", "1e30", "--clip", "0", "--warmup", "0", "--ema", "0"];
  const { status, err } = await runHere("late", ...spoilt, "--batch-size", "8", "--val-every", "1");
  assert.is(status, 1, err);
  assert.match(err, /(After|after) step 1 .*with a lower learning rate .*LOSS_NOT_FINITE/);
  const kept = readTrainingCheckpoint(readFileSync(at("late", "checkpoint.safetensors")));
  assert.is(kept.state.step, 0);
});

test("starting weights that are not finite are told for what they are", async () => {
  const state = readCheckpoint(readFileSync(at("whole", "final.safetensors")));
  const [name, tensor] = [...state][0];
  (tensor.data as Float32Array)[0] = Number.NaN;
  writeFileSync(at("nan.safetensors"), writeSafetensors(state));
  const { status, err } = await runHere("spoilt", "--weights", at("nan.safetensors"));
  assert.is(status, 1, err);
  assert.match(err, `${name} that training starts from are not finite: give others by --weights`);
});

test.after(() => rmSync(folder, { recursive: true }));

test.run();

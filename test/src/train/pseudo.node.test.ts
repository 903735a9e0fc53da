/** Labels of photos without labels: fusion against a hand-made case, and the command on drawn faces. */
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Detections, fusePasses, pseudoLabel } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { repository } from "../support/repository.node.js";
import { runTrain, trainProgram } from "../support/train-command.node.js";
import { makeSample } from "../support/train-samples.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "pseudo-"));
const at = (...names: string[]) => path.join(folder, ...names);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const pass = (boxes: number[][], scores: number[], landmarks?: number[][]): Detections => ({
  boxes: Float64Array.from(boxes.flat()),
  scores: Float64Array.from(scores),
  ...(landmarks && { landmarks: Float64Array.from(landmarks.flat()) }),
});

test("a face is the weighted mean of its votes, its score the mean over all passes", () => {
  const points = Array.from({ length: 10 }, (_, i) => i + 10);
  const passes = [
    pass([[10, 10, 30, 30]], [0.9], [points]),
    pass(
      [
        [12, 10, 32, 30],
        [100, 100, 120, 120],
        [11, 10, 31, 30],
      ],
      [0.6, 0.3, 0.2],
    ),
    pass([[10, 10, 30, 30]], [0.3], [points.map((v) => v + 4)]),
    pass([], []),
  ];
  const { boxes, scores, landmarks } = fusePasses(passes, 0.4);
  const close = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < 1e-12);
  assert.is(scores.length, 3);
  // Of the second pass the closer of two boxes votes: the one of 0.2, and the one of 0.6 is a face of its own.
  close(scores[0], (0.9 + 0.2 + 0.3) / 4);
  close(boxes[0], (10 * 0.9 + 11 * 0.2 + 10 * 0.3) / 1.4);
  close(landmarks[0], (10 * 0.9 + 14 * 0.3) / 1.2);
  close(scores[1], 0.6 / 4);
  close(scores[2], 0.3 / 4);
  assert.ok(landmarks.subarray(10).every(Number.isNaN));

  const label = pseudoLabel(
    "a.jpg",
    { width: 200, height: 150 },
    { boxes, scores, landmarks },
    {
      face: 0.35,
      ignore: 0.1,
    },
  );
  assert.equal(
    label.faces.map(({ score, ignored, landmarks }) => [score, ignored, landmarks?.length]),
    [
      [0.35, undefined, 5],
      [0.15, true, undefined],
    ],
  );
});

async function pseudo(...args: string[]) {
  const { status, stdout, stderr } = await runTrain("pseudo", ...args);
  return { status, stderr, json: stdout === "" ? undefined : JSON.parse(stdout) };
}

test("the command labels a folder, and train's reader takes what it writes", async () => {
  mkdirSync(at("photos"));
  cpSync(path.join(repository, "packages/retinaface/assets/sample.png"), at("photos", "a.png"));
  writeFileSync(at("photos", "b.jpg"), "no picture");
  const common = ["--backend", "wasm", "--scale", "320", "--scale", "640"];
  const { status, stderr, json } = await pseudo(
    at("photos"),
    "--out",
    at("labels.jsonl"),
    ...common,
  );
  assert.is(status, 1, stderr);
  assert.match(stderr, /b\.jpg/);
  assert.match(stderr, /1 photos, 4 passes each: 3 faces/);
  assert.equal([json.images, json.faces, json.problems], [1, 3, 1]);
  assert.equal(json.protocol.scales, ["320", "640"]);
  const { records, problems } = loadDataset(at("labels.jsonl"));
  assert.equal(problems, []);
  const [{ id, labels, ignored, boxes, landmarks }] = records;
  assert.is(id, "photos/a.png");
  assert.is(ignored.filter((flag) => flag === 0).length, 3);
  assert.is(labels.length, json.faces + json.ignored);
  assert.ok(landmarks.subarray(0, 30).every(Number.isFinite));
  assert.ok(boxes.length === labels.length * 4);
  const before = readFileSync(at("labels.jsonl"), "utf8");
  const again = await pseudo(at("photos"), "--out", at("labels.jsonl"), ...common);
  assert.is(again.status, 2);
  assert.match(again.stderr, /OUTPUT_EXISTS/);
  assert.is(readFileSync(at("labels.jsonl"), "utf8"), before);
});

/** Runs `pseudo` until it waits for a photo that is a pipe, behind so many that are labelled, and kills it there. */
async function killedAt(pipe: string, part: string, labelled: number, args: readonly string[]) {
  const photo = readFileSync(pipe);
  rmSync(pipe);
  spawnSync("mkfifo", [pipe]);
  const child = spawn(process.execPath, [trainProgram, "pseudo", ...args], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const lines = () => (existsSync(part) ? readFileSync(part, "utf8").split("\n").length - 1 : 0);
  while (lines() < 1 + labelled && child.exitCode === null) await sleep(5);
  child.kill("SIGKILL");
  await ended;
  rmSync(pipe);
  writeFileSync(pipe, photo);
}

test("--resume goes on after kills: nothing is lost or doubled, nothing made in another way is mixed in", async () => {
  const random = new Random(3);
  const photos = Array.from({ length: 4 }, (_, i) => at(`${i}.png`));
  for (const photo of photos) writeFileSync(photo, encodePng(makeSample(random, 64, 2).image));
  const common = [...photos, "--backend", "wasm", "--threads", "1", "--scale", "64"];
  assert.is((await pseudo(...common, "--out", at("whole.jsonl"))).status, 0);
  const args = [...common, "--out", at("killed.jsonl"), "--resume"];
  const part = at("killed.jsonl.part");
  for (const labelled of [1, 3]) {
    await killedAt(photos[labelled], part, labelled, args);
    assert.not.ok(existsSync(at("killed.jsonl")), "nothing looks finished that is not");
    assert.is(readFileSync(part, "utf8").split("\n").length, labelled + 2);
    // As if it had been killed within a line.
    appendFileSync(part, '{"image":"3.p');
  }
  const other = await pseudo(...args, "--no-mirror");
  assert.is(other.status, 2, other.stderr);
  assert.match(other.stderr, /mirror was true and is now false/);
  const last = await pseudo(...args);
  assert.is(last.status, 0, last.stderr);
  assert.match(last.stderr, /going on: 3 photos/);
  assert.is(last.json.images, 4);
  assert.equal(readFileSync(at("killed.jsonl")), readFileSync(at("whole.jsonl")));
  assert.not.ok(existsSync(part));
  const again = await pseudo(...args);
  assert.is(again.status, 0, again.stderr);
  assert.match(again.stderr, /holds the labels of all these photos already/);
  assert.equal(again.json, last.json);
  writeFileSync(part, "notes\n");
  const foreign = await pseudo(...args);
  assert.is(foreign.status, 2);
  assert.match(foreign.stderr, /line 1 of .* none of labels/);
  assert.is(readFileSync(part, "utf8"), "notes\n");
});

test("what cannot be meant is refused before any work", async () => {
  const cases: [string[], RegExp, number][] = [
    [[at("none"), "--out", at("x.jsonl")], /none/, 1],
    [[at("photos"), "--out", at("x.jsonl"), "--ignore", "0.5"], /--ignore 0\.5 is above/, 2],
    [[at("photos")], /--out/, 2],
  ];
  for (const [args, reason, code] of cases) {
    const { status, stderr } = await pseudo(...args, "--backend", "wasm");
    assert.match(stderr, reason);
    assert.is(status, code, stderr);
  }
  assert.not.ok(existsSync(at("x.jsonl")));
});

test.run();

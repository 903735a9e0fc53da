import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import {
  parseCandidates,
  parseCoco,
  parseJsonl,
  readTrainingCheckpoint,
} from "@retinaface-webgpu/train";
import { loadDataset, RunFiles, readWiderDetections } from "@retinaface-webgpu/train/node";
import { readCheckpoint, readCheckpointConfig } from "retinaface-webgpu";
import { readConfigFile } from "retinaface-webgpu/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseRecipe } from "../../../packages/train/dist/distill/recipe.js";
import { parseScored } from "../../../packages/train/dist/distill/scored.js";
import { keptJson } from "../../../packages/train/dist/distill/sources.node.js";
import { throwsCode } from "../support/throws.js";

/* Whatever JSON stands where another kind is meant: a result or an error with a code, for every reader. */

const test = suite("json-kinds");
const folder = mkdtempSync(path.join(tmpdir(), "json-kinds-"));
const at = (name: string) => path.join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));

const VALUES: unknown[] = [null, true, 7, -1, 0.5, "x", "", [], [null], [[]], {}, { a: null }];

/** Values of all kinds in each place of a valid one, two deep. */
function* variants(valid: unknown, depth = 3): Generator<unknown> {
  yield* VALUES;
  if (depth === 0 || typeof valid !== "object" || valid === null) return;
  for (const key of Object.keys(valid)) {
    const copy = () => structuredClone(valid) as Record<string, unknown>;
    for (const value of variants((valid as Record<string, unknown>)[key], depth - 1)) {
      yield Object.assign(copy(), { [key]: value });
    }
    const without = copy();
    delete without[key];
    yield without;
  }
}

const face = {
  box: [1, 2, 3, 4],
  landmarks: [
    [1, 2],
    [1, 2],
    [1, 2],
    [1, 2],
    [1, 2],
  ],
  label: "a",
};
const scored = { box: [1, 2, 9, 9], landmarks: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], score: 0.9 };
const turn = { share: 0.5, yaw: 75, pitch: 40 };
const recipe = {
  seed: 5,
  network: { width: 0.1, channels: 16 },
  teacher: "t",
  sources: [{ name: "a", kind: "scored", path: "p", share: 1, holdOut: "^x", turn }],
  holdOut: 0.25,
  steps: 4,
  lr: 1,
  schedule: [[0, 0.1]],
  clip: 5,
  ema: 0.9,
  stages: [{ from: 0, batches: [{ size: 64, count: 2, share: 1 }] }],
  loss: { focus: 1 },
};
const coco = {
  images: [{ id: 1, file_name: "a", width: 9, height: 9 }],
  annotations: [
    { image_id: 1, category_id: 1, bbox: [1, 1, 4, 4], keypoints: [1, 2, 2], iscrowd: 0 },
  ],
  categories: [{ id: 1, name: "face" }],
};
const config = { anchors: { minSizes: [[1]], steps: [8], ratios: [1] }, variances: [0.1, 0.2] };
const weights: StateDict = new Map([
  ["w", { dtype: "f32", shape: [1], data: new Float32Array(1) }],
]);
const stored = (key: string, text: string) => writeSafetensors(weights, { [key]: text });
const run = { step: 1, groups: [], averageUpdates: null, extra: { description: {} } };

const resolve = (name: string) => name;
const files = new RunFiles(at("run"));
type Reader = [name: string, valid: unknown, read: (text: string) => unknown];
const READERS: Reader[] = [
  ["recipe", recipe, (text) => parseRecipe(text, "r.json")],
  ["scored photos", { image: "a", faces: [scored] }, (text) => parseScored(text, "s.jsonl")],
  ["JSONL", { image: "a", faces: [face] }, (text) => parseJsonl(text, "l.jsonl", resolve)],
  ["COCO", coco, (text) => parseCoco(text, "c.json", resolve)],
  [
    "candidates",
    { id: "a", boxes: [1, 2, 3, 4], scores: [1] },
    (text) => parseCandidates(text, "c.jsonl"),
  ],
  [
    "metrics",
    { kind: "step", step: 1, total: 1 },
    (text) => {
      writeFileSync(files.path("metrics.jsonl"), `${text}\n`);
      return files.readMetrics();
    },
  ],
  ["run of a checkpoint", run, (text) => readTrainingCheckpoint(stored("retinaface-train", text))],
  ["anchors of a checkpoint", config, (text) => readCheckpointConfig(stored("retinaface", text))],
  [
    "a safetensors header",
    { w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } },
    (text) => {
      const header = Buffer.from(text);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      return readCheckpoint(Buffer.concat([length, header, Buffer.alloc(4)]));
    },
  ],
  [
    "a configuration",
    config,
    (text) => {
      writeFileSync(at("c.json"), text);
      return readConfigFile(at("c.json"));
    },
  ],
];

for (const [name, valid, read] of READERS) {
  test(`${name}: other kinds of JSON`, async () => {
    let read_ = 0;
    const texts = [...variants(valid)].map((value) => JSON.stringify(value));
    for (const text of [...texts, "", "{", "nul", "[1,", '"\\ud800"', "\u0000"]) {
      try {
        await read(text);
        read_++;
      } catch (error) {
        const { code, message } = error as Error & { code?: unknown };
        assert.type(code, "string", `${text}: ${(error as Error).stack}`);
        assert.ok(message.length < 2000);
      }
    }
    await read(JSON.stringify(valid));
    console.log(`# ${name}: ${texts.length} texts, ${read_} read`);
  });
}

test("what a cache keeps is made again where it is damaged", () => {
  assert.is(keptJson(at("absent.json")), undefined);
  writeFileSync(at("kept.json"), "{");
  assert.is(keptJson(at("kept.json")), undefined);
  writeFileSync(at("kept.json"), "[1]");
  assert.equal(keptJson(at("kept.json")), [1]);
});

test("an evaluation or a label file that cannot be read is named", () => {
  writeFileSync(files.path("evaluation-best.json"), "{");
  throwsCode(() => files.readEvaluation("best"), "DATA", /evaluation-best\.json is damaged/);
  throwsCode(() => readWiderDetections(at("absent")), "DATA", /no submission/);
  writeFileSync(at("label.txt"), "");
  throwsCode(() => loadDataset(`wider:${at("label.txt")}/x`), "DATA");
  if (process.platform === "linux") {
    throwsCode(() => loadDataset("jsonl:/dev/zero"), "DATA", /not a file/);
  }
});

test("a recipe turns heads that have landmarks, by angles that there are", () => {
  const parse = (part: object) => {
    const source = { ...recipe.sources[0], ...part };
    return parseRecipe(JSON.stringify({ ...recipe, sources: [source] }), "r.json").sources[0].turn;
  };
  assert.equal(parse({ kind: "landmarks" }), turn);
  for (const part of [{ kind: "voc" }, { turn: { ...turn, yaw: 100 } }, { turn: { share: 1 } }]) {
    throwsCode(() => parse(part), "DATA", /"turn" has share.*yaw/);
  }
});

test.run();

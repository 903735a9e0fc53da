import {
  type HostTensor,
  readSafetensors,
  type StateDict,
  toFloat32,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import {
  CONFIG_KEY,
  checkpointFormat,
  convertCheckpoint,
  matchStateDict,
  readCheckpoint,
  readCheckpointConfig,
  StateDictMismatchError,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { legacyFile, storage, tensorOf, zipFile } from "../../support/checkpoint-writer.js";
import type { Py } from "../../support/pickle-writer.js";

const weight = storage("0", "FloatStorage", Float32Array.of(0.1, -65504, 2 ** -24, 3e-9));
const wide = storage("1", "FloatStorage", Float32Array.of(1, 98_221));
const infinite = storage("2", "DoubleStorage", Float64Array.of(Number.POSITIVE_INFINITY, 0.1));
const count = storage("3", "LongStorage", BigInt64Array.of(12_345n));
const storages = [weight, wide, infinite, count];
const root: Py = {
  dict: [
    ["module.conv.weight", tensorOf({ storage: weight, shape: [2, 2] })],
    ["module.bn.running_var", tensorOf({ storage: weight, shape: [4] })],
    ["module.scale", tensorOf({ storage: wide, shape: [2] })],
    ["module.bias", tensorOf({ storage: infinite, shape: [2] })],
    ["module.bn.num_batches_tracked", tensorOf({ storage: count, shape: [] })],
  ],
};

test("converts both .pth formats to the same safetensors, bit for bit", async () => {
  const files = [legacyFile(root, storages), zipFile(root, storages)];
  assert.equal(files.map(checkpointFormat), ["pth-legacy", "pth-zip"]);
  for (const file of files) {
    const converted = await convertCheckpoint(file);
    assert.is(checkpointFormat(converted), "safetensors");
    const expected = [...readCheckpoint(file)];
    assert.equal([...readCheckpoint(converted)], expected);
    assert.equal([...expected.map(([name]) => name)].slice(0, 2), [
      "conv.weight",
      "bn.running_var",
    ]);
    const { metadata } = readSafetensors(converted);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file.slice()));
    assert.is(metadata.source_format, checkpointFormat(file));
    assert.is(
      metadata.source_sha256,
      [...digest].map((b) => b.toString(16).padStart(2, "0")).join(""),
    );
  }
});

test("converting safetensors keeps their metadata: a detector's anchors", async () => {
  const state: StateDict = new Map([["a", { dtype: "f32", shape: [1], data: Float32Array.of(3) }]]);
  const anchors = JSON.stringify({ variances: [0.3, 0.4] });
  const bytes = writeSafetensors(state, { [CONFIG_KEY]: anchors, source_format: "old" });
  const half = await convertCheckpoint(bytes, { half: true });
  assert.equal(readCheckpointConfig(half), { variances: [0.3, 0.4] });
  assert.is(readSafetensors(half).metadata.source_format, "safetensors");
});

test("half keeps integers, statistics, and tensors that f16 can not hold", async () => {
  const tensors = readCheckpoint(await convertCheckpoint(zipFile(root, storages), { half: true }));
  const types = [...tensors].map(([name, { dtype }]) => [name, dtype]);
  assert.equal(types, [
    ["conv.weight", "f16"],
    ["bn.running_var", "f32"],
    ["scale", "f32"],
    ["bias", "f16"],
    ["bn.num_batches_tracked", "i64"],
  ]);
  assert.equal(tensors.get("conv.weight")!.data, Uint16Array.of(0x2e66, 0xfbff, 1, 0));
  assert.equal([...toFloat32(tensors.get("bias")!)], [Number.POSITIVE_INFINITY, 0.0999755859375]);
});

test("safetensors are converted too, and module. is taken off", async () => {
  const tensor: HostTensor = { dtype: "f32", shape: [1], data: Float32Array.of(2) };
  const tensors = readCheckpoint(
    await convertCheckpoint(writeSafetensors(new Map([["module.a", tensor]]))),
  );
  assert.equal([...tensors], [["a", tensor]]);
});

function dict(shapes: Record<string, number[]>): StateDict {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { dtype: "f32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  );
}

const EXPECTED = new Map([
  ["body.conv.weight", [8, 3, 3, 3]],
  ["body.bn.num_batches_tracked", []],
  ["head.bias", [4]],
]);

test("a checkpoint that fits is returned in the model's order", () => {
  const given = dict({
    "head.bias": [4],
    "body.fc.weight": [1000, 4],
    "fc.bias": [1000],
    "other.num_batches_tracked": [],
    "body.conv.weight": [8, 3, 3, 3],
  });
  const matched = matchStateDict(EXPECTED, given);
  assert.equal([...matched.keys()], ["body.conv.weight", "head.bias"]);
  given.set("extra.gamma", given.get("fc.bias")!);
  for (let repeat = 0; repeat < 2; repeat++) {
    assert.is(matchStateDict(EXPECTED, given, { allowUnexpected: [/^extra\./g] }).size, 2);
  }
});

test("a mismatch lists missing and unexpected names and shapes", () => {
  const given = dict({
    "body.conv.weight": [8, 3, 1, 1],
    "tail.fc.weight": [4],
    "head.bias2": [4],
  });
  try {
    matchStateDict(EXPECTED, given);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, StateDictMismatchError);
    const { missing, unexpected, shapes, message, code } = error as StateDictMismatchError;
    assert.is(code, "STATE_DICT_MISMATCH");
    assert.equal(missing, ["head.bias"]);
    assert.equal(unexpected, ["tail.fc.weight", "head.bias2"]);
    assert.equal(shapes, [
      { name: "body.conv.weight", expected: [8, 3, 3, 3], given: [8, 3, 1, 1] },
    ]);
    assert.match(message, /1 missing:\n {2}"head.bias"/);
    assert.match(message, /2 unexpected:\n {2}"tail.fc.weight"\n {2}"head.bias2"/);
    assert.match(message, '"body.conv.weight": [8, 3, 1, 1], the model has [8, 3, 3, 3]');
  }
});

test("the report stays short whatever the checkpoint", () => {
  const names = Array.from({ length: 5000 }, (_, i) => [`${"x".repeat(500)}${i}`, [1]]);
  const given = dict(Object.fromEntries(names));
  try {
    matchStateDict(EXPECTED, given);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, "and 4990 more");
    assert.ok((error as Error).message.length < 3000);
    assert.is((error as StateDictMismatchError).unexpected.length, 5000);
  }
});

test.run();

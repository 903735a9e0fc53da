/** Tools that make weights of weights: a mean, and a wider network that computes the same. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  type HostTensor,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import { RetinaFace, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { bundledWeights, samplePhoto } from "../support/shared-weights.node.js";

const lightWeights = path.join(path.dirname(bundledWeights), "light.safetensors");
const folder = mkdtempSync(path.join(os.tmpdir(), "weights-"));
test.after(() => rmSync(folder, { recursive: true }));

const inFolder = (name: string) => path.join(folder, name);

function runTool(name: string, ...args: string[]) {
  const file = path.join(repository, `tools/${name}.mjs`);
  return spawnSync(process.execPath, [file, ...args], { encoding: "utf8" });
}

function writeTensors(name: string, tensors: Readonly<Record<string, HostTensor>>): string {
  const file = writeSafetensors(new Map(Object.entries(tensors)), { made: name });
  writeFileSync(inFolder(name), file);
  return inFolder(name);
}

const half: HostTensor = { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c00, 0x4000) };
const single: HostTensor = { dtype: "f32", shape: [2], data: Float32Array.of(3, 6) };
const count = (n: bigint): HostTensor => ({ dtype: "i64", shape: [], data: BigInt64Array.of(n) });

test("the mean of weights by their shares, of f16 and f32; counters are the first file's", () => {
  const a = writeTensors("a", { w: half, n: count(7n) });
  const b = writeTensors("b", { w: single, n: count(9n) });
  const { status, stderr } = runTool("average-weights", inFolder("mean"), `${a}:0.25`, `${b}:0.75`);
  assert.is(status, 0, stderr);
  const { tensors, metadata } = readSafetensors(readFileSync(inFolder("mean")));
  assert.equal([...toFloat32(tensors.get("w")!)], [2.5, 5]);
  assert.equal(tensors.get("n")!.data, BigInt64Array.of(7n));
  assert.equal(metadata, { made: "a" });
});

test("no mean of other networks, nor of shares that are no whole", () => {
  const a = writeTensors("a", { w: half });
  const b = writeTensors("b", { w: { ...single, shape: [2, 1] } });
  const c = writeTensors("c", { w: single, v: single });
  for (const [args, message] of [
    [[`${a}:0.5`, `${b}:0.5`], /another network/],
    [[`${a}:0.5`, `${c}:0.5`], /another network/],
    [[`${a}:0.5`, `${a}:0.4`], /sum up to 0\.9/],
  ] as const) {
    const { status, stderr } = runTool("average-weights", inFolder("none"), ...args);
    assert.is(status, 2);
    assert.match(stderr, message);
  }
});

async function facesBy(weights: string) {
  const { tensors, metadata } = readSafetensors(readFileSync(weights));
  const detector = await RetinaFace.load({ weights, backend: "wasm" });
  const faces = await detector.detect(await toRawImage(samplePhoto), { visThreshold: 0.3 });
  detector.dispose();
  return { tensors, metadata, faces };
}

test("twice the channels find the same faces, and both of a pair have weights of their own", async () => {
  const wide = inFolder("wide.safetensors");
  const { status, stderr } = runTool("widen-network", lightWeights, wide);
  assert.is(status, 0, stderr);
  const [was, is] = [await facesBy(lightWeights), await facesBy(wide)];
  const channelsOf = ({ tensors }: typeof is) => tensors.get("fpn.output1.0.weight")!.shape[0];
  assert.is(channelsOf(is), 2 * channelsOf(was));
  assert.ok(was.faces.length >= 3);
  assert.is(is.faces.length, was.faces.length);
  for (const [i, face] of is.faces.entries()) {
    assert.ok(Math.abs(face.score - was.faces[i].score) < 1e-4);
    for (const [k, x] of face.box.entries()) assert.ok(Math.abs(x - was.faces[i].box[k]) < 0.05);
  }
  const head = toFloat32(is.tensors.get("ClassHead.0.conv1x1.weight")!);
  const alike = head.filter((w, i) => i % 2 === 0 && w === head[i + 1]).length;
  assert.ok(alike < head.length / 100, `${alike} pairs alike`);
  assert.is(is.metadata["retinaface-trained"], was.metadata["retinaface-trained"]);
});

test("what has no pyramid is not widened, nor what would compute something else", () => {
  const backbone = writeTensors("backbone", { "body.stage1.0.0.weight": single });
  const { status, stderr } = runTool("widen-network", backbone, inFolder("none"));
  assert.is(status, 2);
  assert.match(stderr, /has no pyramid/);
  assert.match(
    runTool("widen-network", bundledWeights, inFolder("none")).stderr,
    /64 channels: 128 would/,
  );
  assert.match(runTool("widen-network", backbone).stderr, /usage/);
});

test.run();

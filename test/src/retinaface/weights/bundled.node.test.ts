/** The weights that ship with the package: what a fresh clone detects with. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { landmarksOf } from "@retinaface-webgpu/mesh";
import { readSafetensors } from "@retinaface-webgpu/tensor";
import { LANDMARK_NAMES, RetinaFace, readBytes } from "retinaface-webgpu";
import { readNamedWeights } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sharedTest } from "../../support/shared.js";
import { sharedPath } from "../../support/shared-files.node.js";
import { bundledWeights, samplePhoto } from "../../support/shared-weights.node.js";

const MAIN = fileURLToPath(new URL("./program/main.js", import.meta.resolve("retinaface-webgpu")));
const lightWeights = path.join(path.dirname(bundledWeights), "light.safetensors");
const empty = mkdtempSync(path.join(os.tmpdir(), "retinaface-fresh-"));
test.after(() => rmSync(empty, { recursive: true }));

/** `retinaface detect` as on a machine that has no weights but the package's. */
function detect(...args: string[]) {
  const env = { ...process.env, RETINAFACE_WEIGHTS: "", XDG_CACHE_HOME: empty };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "detect", ...args], {
    cwd: empty,
    env,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("they are smaller than a megabyte and say what they are", async () => {
  assert.ok(statSync(bundledWeights).size < 1_000_000);
  const { tensors, metadata } = readSafetensors(await readBytes(bundledWeights));
  const types = new Set([...tensors.values()].map(({ dtype }) => dtype));
  assert.ok(types.has("f16"));
  assert.equal(JSON.parse(metadata.retinaface).variances, [0.1, 0.2]);
  assert.ok(existsSync(path.join(path.dirname(bundledWeights), "MODEL_CARD.md")));
});

test("without a word about weights, detect finds the three faces of its own sample", () => {
  const [{ width, height, faces }] = detect();
  assert.equal([width, height], [640, 400]);
  assert.is(faces.length, 3);
  const centres = faces.map(({ box }: { box: number[] }) => (box[0] + box[2]) / 2);
  const expected = [150, 345, 520];
  for (const [i, x] of centres.sort((a: number, b: number) => a - b).entries()) {
    assert.ok(Math.abs(x - expected[i]) < 20, `face ${i} at ${x}`);
  }
});

sharedTest(test, "detect finds the face on every portrait", ["images/portraits"], () => {
  const folder = sharedPath("images/portraits");
  const photos = readdirSync(folder).sort();
  const lines = detect(...photos.map((name) => path.join(folder, name)));
  assert.is(lines.length, photos.length);
  const missed = lines.filter(({ faces }) => faces.length === 0).map(({ file }) => file);
  assert.ok(missed.length <= 1, `no face on ${missed.join(", ")}`);
});

test("load() needs no options and no flag for the network's shape", async () => {
  const before = process.env.RETINAFACE_WEIGHTS;
  delete process.env.RETINAFACE_WEIGHTS;
  const detector = await RetinaFace.load();
  if (before !== undefined) process.env.RETINAFACE_WEIGHTS = before;
  try {
    const faces = await detector.detect(samplePhoto);
    assert.is(faces.length, 3);
    for (const { box, landmarks } of faces) {
      const { leftEye, rightEye, leftMouth, rightMouth } = landmarks;
      assert.ok(box[0] < leftEye[0] && leftEye[0] < rightEye[0] && rightEye[0] < box[2]);
      assert.ok(leftEye[1] < leftMouth[1] && rightEye[1] < rightMouth[1]);
    }
  } finally {
    detector.dispose();
  }
});

test("those with the branch for meshes are the same detector, and their meshes lie on the sample's faces", async () => {
  const file = path.join(path.dirname(bundledWeights), "mesh.safetensors");
  const [own, other] = await Promise.all(
    [bundledWeights, file].map(async (each) => readSafetensors(await readBytes(each))),
  );
  for (const [name, tensor] of own.tensors) assert.equal(other.tensors.get(name), tensor, name);
  const thresholds = ({ metadata }: typeof own) => JSON.parse(metadata.retinaface).thresholds;
  assert.equal(thresholds(other), thresholds(own));
  const detector = await RetinaFace.load({ weights: file, backend: "wasm" });
  const faces = await detector.detect(samplePhoto, { mesh: true });
  detector.dispose();
  assert.is(faces.length, 3);
  for (const { landmarks, mesh } of faces) {
    const known = LANDMARK_NAMES.map((name) => landmarks[name]);
    const apart = (a: readonly number[], b: readonly number[]) =>
      Math.hypot(a[0] - b[0], a[1] - b[1]);
    const eyes = apart(known[0], known[1]);
    for (const [i, at] of landmarksOf(mesh!.vertices).entries()) {
      const off = apart(at, known[i]) / eyes;
      assert.ok(off < 0.25, `${LANDMARK_NAMES[i]} is off by ${off} of the eyes' distance`);
    }
    assert.ok(Math.abs(mesh!.pose.yaw) < 15, `turned by ${mesh!.pose.yaw}`);
  }
});

test("the light ones come by their name, whole and smaller still", async () => {
  const bytes = await readBytes(lightWeights);
  assert.ok(bytes.length <= 150_000, `${bytes.length} bytes`);
  assert.equal([...(await readNamedWeights("light"))], [...bytes]);
  assert.is(fileURLToPath(import.meta.resolve("retinaface-webgpu/weights/light")), lightWeights);
  const detector = await RetinaFace.load({ weights: "light", backend: "wasm" });
  try {
    assert.is(detector.network.backbone, "light");
    assert.is((await detector.detect(samplePhoto)).length, 3);
  } finally {
    detector.dispose();
  }
});

test.run();

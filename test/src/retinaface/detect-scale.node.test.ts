/** `detect --scale` and `--labels`, and commands that are linked before anything is built. */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseJsonl } from "@retinaface-webgpu/train";
import { type Face, RetinaFace, resizeBilinear, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rejectsCode } from "../support/throws.js";

const packages = fileURLToPath(new URL("../../../packages/", import.meta.url));
const program = path.join(packages, "retinaface/bin/retinaface.mjs");
const sample = path.join(packages, "retinaface/assets/sample.png");

function detect(...args: string[]) {
  return spawnSync(process.execPath, [program, "detect", ...args], { encoding: "utf8" });
}

test("minSide enlarges as a photo that was enlarged before, within maxSide", async () => {
  const whole = await toRawImage(sample);
  const small = resizeBilinear(whole, whole.width >> 1, whole.height >> 1);
  const long = Math.max(small.width, small.height) * 2;
  const twice = resizeBilinear(small, small.width * 2, small.height * 2);
  const detector = await RetinaFace.load({ backend: "wasm", visThreshold: 0.3 });
  try {
    const expected = await detector.detect(twice);
    const found = await detector.detect(small, { minSide: long, maxSide: long });
    assert.ok(expected.length > 0);
    assert.is(found.length, expected.length);
    for (const [i, { box, score }] of found.entries()) {
      assert.ok(Math.abs(score - expected[i].score) < 0.02);
      assert.ok(box.every((value, k) => Math.abs(value * 2 - expected[i].box[k]) < 1));
    }
    await rejectsCode(detector.detect(small, { minSide: 0.5 }), "OPTION_INVALID", /minSide/);
  } finally {
    detector.dispose();
  }
});

test("detect --labels prints doubtful faces as ignored, and reads as labels", () => {
  const args = [sample, "--backend", "wasm", "--scale", "320/320"];
  const scores = JSON.parse(detect(...args).stdout).faces.map(({ score }: Face) => score);
  const threshold = (Math.min(...scores) + Math.max(...scores)) / 2;
  const shown = [...args, "--vis-threshold", String(threshold)];
  const plain = JSON.parse(detect(...shown).stdout);
  const { stdout, stderr } = detect(...shown, "--labels");
  const labels = JSON.parse(stdout);
  assert.ok(labels.faces.length > plain.faces.length, stderr);
  for (const { score, ignored } of labels.faces) {
    assert.ok(score >= 0.08);
    assert.is(ignored ?? false, score < threshold);
  }
  const { records, problems } = parseJsonl(stdout, "labels", (name) => name);
  assert.equal(problems, []);
  const faces = [...records[0].ignored].filter((flag) => flag === 0).length;
  assert.is(faces, plain.faces.length);
});

test("a scale that is none, and two sizes at once, are refused", () => {
  for (const args of [
    ["--scale", "huge"],
    ["--scale", "640/320"],
    ["--scale", "640", "--max-side", "320"],
  ]) {
    const { status, stderr } = detect(sample, ...args);
    assert.is(status, 2, stderr);
    assert.match(stderr, /--scale/);
  }
});

test("commands are linked in a fresh clone, and say what to run before they are built", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "bin-"));
  try {
    for (const name of ["retinaface", "train"]) {
      const manifest = JSON.parse(readFileSync(path.join(packages, name, "package.json"), "utf8"));
      for (const [command, file] of Object.entries<string>(manifest.bin)) {
        const script = path.join(packages, name, file);
        assert.not.match(file, /dist/);
        accessSync(script, constants.X_OK);
        mkdirSync(path.join(folder, "bin"), { recursive: true });
        const copy = path.join(folder, file);
        cpSync(script, copy);
        const { status, stderr } = spawnSync(process.execPath, [copy], { encoding: "utf8" });
        assert.is(status, 2);
        assert.match(stderr, `${command} is not built yet: run \`npm run setup\``);
        const built = spawnSync(process.execPath, [script, "--help"], { encoding: "utf8" });
        assert.match(built.stdout, "Usage: ");
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();

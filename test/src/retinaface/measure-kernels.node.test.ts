/** `load({ tune: measureKernels() })`, and the file in which it remembers. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { measureKernels, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelStore } from "../../../packages/retinaface/dist/tune/store.node.js";
import { useDevice } from "../support/gpu.js";
import { temporaryFolder } from "../support/repository.node.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);

let folder = "";

test.before(() => {
  folder = temporaryFolder("kernel-store");
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("kernels.json in a cache folder that is made, replaced whole", async () => {
  const below = path.join(folder, "made/by/write");
  const store = kernelStore(below);
  for (const text of ["{}", '{"a":1}']) {
    await store.write(text);
    assert.is(await store.read(), text);
    assert.equal(readdirSync(below), ["kernels.json"], "no temporary file is left");
  }
  assert.is(readFileSync(path.join(below, "kernels.json"), "utf8"), '{"a":1}');
});

test("a detector measures once, finds the same faces, and another one remembers", async () => {
  const image = noiseImage(24, 16);
  const weights = await tinyWeights(device());
  const plain = await RetinaFace.load({ weights, device: device() });
  const expected = await plain.detect(image, LENIENT);
  plain.dispose();
  const measured: number[] = [];
  const tune = inCacheFolder(() =>
    measureKernels({ onMeasure: (convolutions) => measured.push(convolutions) }),
  );
  for (let i = 0; i < 2; i++) {
    const detector = await RetinaFace.load({ weights, device: device(), tune });
    const faces = await detector.detect(image, LENIENT);
    assert.ok(faces.length > 0 && faces.length === expected.length);
    for (const [k, { box, score }] of faces.entries()) {
      assert.ok(Math.abs(score - expected[k].score) < 1e-5);
      assert.ok(box.every((v, side) => Math.abs(v - expected[k].box[side]) < 1e-3));
    }
    assert.ok((await detector.detect(noiseImage(16, 24), LENIENT)).length > 0);
    detector.dispose();
  }
  assert.is(measured.length, 1, `measured ${measured.join()}`);
  assert.ok(measured[0] > 20);
  assert.equal(readdirSync(path.join(folder, "retinaface-webgpu")), ["kernels.json"]);
});

/** Runs with a cache folder of the test's own. */
function inCacheFolder<T>(run: () => T): T {
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = folder;
  try {
    return run();
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
}

test("a folder that cannot be used fails with a reason", async () => {
  const file = path.join(folder, "file");
  writeFileSync(file, "");
  const rejected = await kernelStore(path.join(file, "below"))
    .write("{}")
    .then(() => "", String);
  assert.match(rejected, /ENOTDIR|EEXIST|not a directory/);
});

test.run();

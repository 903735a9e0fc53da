/** What `bench:files` rests on: drawn folders, whole processes, warm passes, its table. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { drawFolder } from "../../../bench/dist/files/folder.js";
import { runWarm, runWhole } from "../../../bench/dist/files/measure.js";
import { parseFilesOptions } from "../../../bench/dist/files/options.js";
import { programsFor, REFERENCE } from "../../../bench/dist/files/programs.js";
import { aimsOf, formatFiles } from "../../../bench/dist/files/report.js";
import { summarize } from "../../../bench/dist/statistics.js";
import { repository } from "../support/repository.node.js";

const folder = mkdtempSync(path.join(tmpdir(), "bench-files-"));
test.after(() => rmSync(folder, { recursive: true }));

test("the command's options", () => {
  assert.equal(parseFilesOptions([]).rounds, 5);
  assert.is(parseFilesOptions(["--photos", "p", "--max-side", "320"]).maxSide, 320);
  for (const wrong of [["--rounds", "0"], ["--max-side", "x"], ["photo.jpg"], ["--filter", "("]]) {
    assert.throws(() => parseFilesOptions(wrong), /usage: /);
  }
});

test("a drawn folder: a few photos of 12 megapixels, the others links; processes and warm passes find the faces", async () => {
  const spec = { count: 5, sizes: [[4000, 3000] as const, [400, 600] as const], distinct: 2 };
  const photos = await drawFolder(path.join(folder, "photos"), spec);
  assert.is(photos.length, 5);
  assert.is(statSync(photos[0]).ino, statSync(photos[4]).ino);
  assert.is.not(statSync(photos[0]).ino, statSync(photos[1]).ino);
  const { width, height } = await toRawImage(photos[1]);
  assert.equal([width, height], [400, 600]);
  let refused = "";
  await drawFolder(path.join(folder, "photos"), spec).catch(({ code }) => {
    refused = code;
  });
  assert.is(refused, "USAGE");
  const weights = path.join(repository, "packages/retinaface/weights/default.safetensors");
  const [own] = programsFor({ weights, onnx: undefined, maxSide: 320 }, ["wasm"]);
  const whole = await runWhole(own, photos);
  assert.ok(whole.faces >= 10, `${whole.faces} faces`);
  assert.ok(whole.peak > 2 ** 25 && whole.peak < 2 ** 30, `${whole.peak} bytes`);
  assert.is((await runWarm(own, photos, 1)).length, 1);
});

test("the table tells ratios and what is aimed at", () => {
  const row = (name: string, group: string, seconds: number) => ({
    name,
    group,
    whole: summarize([seconds * 1000]),
    warm: summarize([500]),
    peak: 2 ** 28,
    faces: 7,
  });
  const result = {
    environment: {
      date: "2026-11-29T00:00:00Z",
      node: "20",
      webgpu: "0",
      commit: "abc",
      cpu: "a processor",
      cores: 2,
      loadAverage: 0,
    },
    weights: "w.pth",
    photos: "drawn photos",
    count: 10,
    maxSide: 640,
    rows: [row("wasm, decoder own", "retinaface-webgpu", 3), row(REFERENCE, "onnxruntime", 2)],
    network: undefined,
    firstFaces: 900,
    loadAverageAfter: 0,
  };
  assert.equal(
    aimsOf(result).map(({ value, aim }) => [value, aim]),
    [
      [1.5, 2],
      [900, 800],
    ],
  );
  const text = formatFiles(result);
  assert.match(text, /retinaface-webgpu wasm, decoder own +3 +1\.5 +3\.33 +20 +256 MiB +7/);
  assert.match(text, /first faces +900 ms +800 ms +no/);
});

test.run();

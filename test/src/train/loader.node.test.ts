import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  createSampler,
  type FaceRecord,
  type LoadedSample,
  loadSamples,
  type Sampler,
  sampleJobs,
  trainingAugment,
} from "@retinaface-webgpu/train";
import { createWorkerSampler } from "@retinaface-webgpu/train/node";
import { PNG } from "pngjs";
import { test } from "uvu";
import * as assert from "uvu/assert";

const folder = mkdtempSync(path.join(os.tmpdir(), "loader-"));

const records = Array.from({ length: 6 }, (_, i): FaceRecord => {
  const png = new PNG({ width: 40 + i * 7, height: 30 + i * 3 });
  for (let at = 0; at < png.data.length; at++) png.data[at] = (at * (i + 3)) % 251;
  const image = path.join(folder, `${i}.png`);
  writeFileSync(image, i === 4 ? "no image" : PNG.sync.write(png));
  return {
    id: `${i}.png`,
    image,
    boxes: Float32Array.from([3, 4, 20, 22]),
    landmarks: Float32Array.from({ length: 10 }, (_, n) => 5 + n),
    labels: ["face"],
    ignored: new Uint8Array(1),
  };
});

const options = { records, augment: trainingAugment(48), seed: 5 };

function describe(loaded: LoadedSample): string {
  if ("problem" in loaded) return `${loaded.job.epoch}/${loaded.job.index}: problem`;
  const { image, boxes, landmarks } = loaded.sample;
  const hash = createHash("sha256").update(image.data);
  for (const { buffer } of [boxes, landmarks]) hash.update(new Uint8Array(buffer));
  return `${loaded.job.epoch}/${loaded.job.index}: ${hash.digest("hex")}`;
}

async function firstSamples(sampler: Sampler, count: number): Promise<string[]> {
  const jobs = sampleJobs(records.length, options.seed);
  const found: string[] = [];
  for await (const loaded of loadSamples(jobs, sampler)) {
    found.push(describe(loaded));
    if (found.length === count) break;
  }
  await sampler.close();
  return found;
}

test("worker threads give the samples of one thread, in order, whatever their number", async () => {
  const expected = await firstSamples(createSampler(options), 12);
  assert.is(new Set(expected).size, 12);
  assert.is(expected.filter((text) => text.endsWith("problem")).length, 2);
  for (const workers of [0, 1, 3]) {
    assert.equal(await firstSamples(createWorkerSampler(options, workers), 12), expected);
  }
});

test("a closed sampler refuses; functions cannot go to threads", async () => {
  const sampler = createWorkerSampler(options, 1);
  const outcome = (loading: Promise<LoadedSample>) =>
    loading.then(
      () => "loaded",
      (error: Error) => error.message,
    );
  const pending = outcome(sampler.load({ epoch: 0, index: 0 }));
  await sampler.close();
  assert.match(await pending, /pool was closed/);
  assert.match(await outcome(sampler.load({ epoch: 0, index: 1 })), /pool was closed/);
  const inMemory = { ...options, records: [{ ...records[0], image: async () => ({}) as never }] };
  assert.throws(() => createWorkerSampler(inMemory, 1), /workers: 0/);
});

test.after(() => rmSync(folder, { recursive: true }));

test.run();

/** WIDER FACE's protocol against a program of its own in Python, which reads the same files with scipy. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  type Detections,
  evaluateWider,
  seededRandom,
  WIDER_SETTINGS,
  type WiderImage,
} from "@retinaface-webgpu/train";
import {
  readWiderDetections,
  readWiderValidation,
  writeWiderDetections,
} from "@retinaface-webgpu/train/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type MatInput, writeMat } from "../support/mat-writer.js";
import { repository } from "../support/repository.node.js";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { skip } from "../support/skip.js";

const OFFICIAL = "data/wider-face-val-ground-truth";
const program = path.join(repository, "test/src/reference/wider_ap.py");
const folder = mkdtempSync(path.join(os.tmpdir(), "wider-python-"));
const random = seededRandom(17);

const hasPython = spawnSync("python3", ["-c", "import numpy, scipy.io"]).status === 0;

interface Recomputed {
  readonly ap: number;
  readonly faces: number;
  readonly curve: readonly (readonly [recall: number, precision: number])[];
}

function recompute(truth: string, submission: string): Record<string, Recomputed> {
  const { status, stdout, stderr } = spawnSync("python3", [program, truth, submission], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

/** Faces found badly, twice or not at all, and false ones; scores that are often equal. */
function makeDetections({ boxes }: Pick<WiderImage, "boxes">): Detections {
  const rows: number[][] = [];
  for (let f = 0; f < boxes.length; f += 4) {
    const box = [...boxes.subarray(f, f + 4)];
    const spread = (Math.min(Math.abs(box[2] - box[0]), Math.abs(box[3] - box[1])) + 1) / 4;
    while (random.uniform() < 0.6) rows.push(box.map((v) => v + random.uniform(-spread, spread)));
  }
  while (random.uniform() < 0.5) rows.push([5, 5, 30, 40].map((v) => v + random.integer(200)));
  const scores = rows.map(() => 0.1 + Math.round(random.uniform() * 500) / 700);
  return {
    boxes: Float64Array.from(rows.flat()),
    scores: Float64Array.from(scores.sort((a, b) => b - a)),
  };
}

/** Compares both programs on a folder of ground truth and submissions made for it. */
function compare(truth: string): void {
  const submission = mkdtempSync(path.join(folder, "submission-"));
  const images = readWiderValidation(truth);
  for (const image of images) {
    if (random.uniform() < 0.05) continue;
    writeWiderDetections(submission, image, makeDetections(image));
  }
  const found = evaluateWider(images, readWiderDetections(submission));
  const expected = recompute(truth, submission);
  for (const setting of WIDER_SETTINGS) {
    const { ap, faces, curve } = found[setting];
    assert.is(faces, expected[setting].faces);
    assert.ok(ap > 0.1 && ap < 0.9, `AP ${ap} tells nothing`);
    assert.ok(
      Math.abs(ap - expected[setting].ap) < 1e-9,
      `${setting}: ${ap} and ${expected[setting].ap}`,
    );
    for (const [t, { recall, precision }] of curve.entries()) {
      const [r, p] = expected[setting].curve[t];
      assert.ok(Math.abs(recall - r) + Math.abs(precision - p) < 1e-9, `${setting}, level ${t}`);
    }
  }
}

const column = (data: number[]): MatInput => ({ dims: [data.length, 1], data });

/** Two events of 30 images with up to 7 faces. */
function writeTruth(): string {
  const truth = path.join(folder, "truth");
  mkdirSync(truth);
  const names = [0, 1].map((e) => Array.from({ length: 30 }, (_, i) => `image ${e}-${i}`));
  const counts = names.map((list) => list.map(() => random.integer(8)));
  const boxes = counts.map((list) =>
    list.map((count): MatInput => {
      const draw = (from: number, range: number) =>
        Array.from({ length: count }, () => from + random.integer(range));
      const columns = [draw(0, 300), draw(0, 200), draw(3, 60), draw(3, 60)];
      return { dims: [count, 4], data: columns.flat() };
    }),
  );
  const write = (name: string, variables: Record<string, MatInput>) =>
    writeFileSync(path.join(truth, `wider_${name}_val.mat`), writeMat(variables));
  write("face", { event_list: ["0--A", "1--B"], file_list: names, face_bbx_list: boxes });
  for (const [s, setting] of WIDER_SETTINGS.entries()) {
    const chosen = (count: number) =>
      Array.from({ length: count }, (_, f) => f + 1).filter(() => random.uniform() < 0.4 + 0.3 * s);
    write(setting, { gt_list: counts.map((list) => list.map((n) => column(chosen(n)))) });
  }
  return truth;
}

if (hasPython) {
  test("random sets: AP, counts and curves are those of the Python program", () =>
    compare(writeTruth()));
  sharedTest(test, "the official ground truth, with made-up detections", [OFFICIAL], () =>
    compare(sharedPath(OFFICIAL)),
  );
} else {
  skip(test, "WIDER FACE's protocol recomputed", "needs python3 with numpy and scipy");
}

test.after(() => rmSync(folder, { recursive: true }));

test.run();

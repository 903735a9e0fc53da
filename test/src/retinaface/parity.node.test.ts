/** Node and Chromium find the same faces in the same files. */
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Face, LANDMARK_NAMES, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { sharedTest } from "../support/shared.js";
import { listShared, sharedExists, sharedPath } from "../support/shared-files.node.js";
import { skip } from "../support/skip.js";
import { findChromium, launchChromium, serveFolder, watchPage } from "../support/tools.node.js";

const WEIGHTS = "weights/mobilenet0.25_Final.pth";

/** Small, as Chromium computes on a CPU here. */
const MAX_SIDE = 256;

const crowds = [
  "18f__assets__img__speaking__ron-speaking-color-corrected.jpg",
  "18f__assets__blog__lego-workshop__sba-execs-legos.jpg",
  "18f__assets__blog__gds__2015-visit.jpg",
  "18f__assets__blog__moveforward__roth-selfie.jpg",
];
const PORTRAITS = 10;

async function photos(): Promise<string[]> {
  const portraits = (await listShared("images/portraits")).filter((name) =>
    /\.(jpg|png)$/.test(name),
  );
  return [
    ...portraits.slice(0, PORTRAITS).map((name) => `images/portraits/${name}`),
    ...crowds.map((name) => `images/crowds/${name}`).filter(sharedExists),
  ];
}

async function inNode(files: readonly string[]): Promise<Face[][]> {
  const detector = await RetinaFace.load({
    weights: sharedPath(WEIGHTS),
    maxSide: MAX_SIDE,
    backend: "webgpu",
  });
  const found: Face[][] = [];
  for (const file of files) found.push(await detector.detect(sharedPath(file)));
  detector.dispose();
  return found;
}

async function inChromium(files: readonly string[]): Promise<Face[][]> {
  const folder = mkdtempSync(path.join(tmpdir(), "retinaface-parity-"));
  cpSync(path.join(repository, "packages/retinaface/dist/browser"), folder, { recursive: true });
  copyFileSync(sharedPath(WEIGHTS), path.join(folder, "weights"));
  writeFileSync(path.join(folder, "index.html"), "<!doctype html><title>Parity</title>");
  for (const [i, file] of files.entries())
    copyFileSync(sharedPath(file), path.join(folder, `${i}`));
  const server = await serveFolder(folder);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const { errors } = watchPage(page);
    await page.goto(server.origin);
    const found = await page.evaluate(
      async ({ count, maxSide }) => {
        const script = new URL("retinaface.js", location.href).href;
        const library: typeof import("retinaface-webgpu") = await import(script);
        const detector = await library.RetinaFace.load({
          weights: "weights",
          maxSide,
          backend: "webgpu",
        });
        const faces: Face[][] = [];
        for (let i = 0; i < count; i++) faces.push(await detector.detect(`${i}`));
        detector.dispose();
        return faces;
      },
      { count: files.length, maxSide: MAX_SIDE },
    );
    assert.equal(errors, []);
    return found;
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);

const points = ({ landmarks }: Face) => LANDMARK_NAMES.flatMap((name) => landmarks[name]);

const NAME = "Chromium finds the faces that Node finds";
if (findChromium() === undefined) skip(test, NAME, "no Chromium on this machine");
else {
  sharedTest(test, NAME, [WEIGHTS, "images/portraits"], async () => {
    const files = await photos();
    assert.ok(files.length >= 10);
    const [node, chromium] = [await inNode(files), await inChromium(files)];
    let faces = 0;
    const worst = { score: 0, box: 0, landmark: 0 };
    for (const [i, file] of files.entries()) {
      assert.is(chromium[i].length, node[i].length, `${file}: as many faces`);
      for (const [k, expected] of node[i].entries()) {
        const actual = chromium[i][k];
        const difference = {
          score: Math.abs(actual.score - expected.score),
          box: largest(actual.box.map((v, n) => v - expected.box[n])),
          landmark: largest(points(actual).map((v, n) => v - points(expected)[n])),
        };
        faces++;
        for (const name of ["score", "box", "landmark"] as const) {
          worst[name] = Math.max(worst[name], difference[name]);
        }
      }
    }
    console.log(
      `${faces} faces in ${files.length} photos; largest difference: score ${worst.score.toExponential(1)}, ` +
        `box ${worst.box.toExponential(1)} px, landmark ${worst.landmark.toExponential(1)} px`,
    );
    assert.ok(faces >= files.length - 1);
    assert.ok(worst.score <= 1e-3, `scores differ by ${worst.score}`);
    assert.ok(worst.box <= 0.5, `boxes differ by ${worst.box} px`);
    assert.ok(worst.landmark <= 0.5, `landmarks differ by ${worst.landmark} px`);
  });
}

test.run();

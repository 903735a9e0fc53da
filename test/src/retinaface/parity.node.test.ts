/** Node and Chromium find the same faces in the same files. */
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Backend, type Face, LANDMARK_NAMES, RetinaFace } from "retinaface-webgpu";
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

async function inNode(files: readonly string[], backend: Backend): Promise<Face[][]> {
  const detector = await RetinaFace.load({
    weights: sharedPath(WEIGHTS),
    maxSide: MAX_SIDE,
    decode: "full",
    backend,
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
          decode: "full",
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

/** @throws where faces lack, or differ by more than `score` or `pixels` */
function assertSame(
  files: readonly string[],
  actual: readonly Face[][],
  expected: readonly Face[][],
  limits: { readonly score: number; readonly pixels: number },
): void {
  let faces = 0;
  const worst = { score: 0, box: 0, landmark: 0 };
  for (const [i, file] of files.entries()) {
    assert.is(actual[i].length, expected[i].length, `${file}: as many faces`);
    for (const [k, wanted] of expected[i].entries()) {
      const found = actual[i][k];
      const difference = {
        score: Math.abs(found.score - wanted.score),
        box: largest(found.box.map((v, n) => v - wanted.box[n])),
        landmark: largest(points(found).map((v, n) => v - points(wanted)[n])),
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
  assert.ok(worst.score <= limits.score, `scores differ by ${worst.score}`);
  assert.ok(worst.box <= limits.pixels, `boxes differ by ${worst.box} px`);
  assert.ok(worst.landmark <= limits.pixels, `landmarks differ by ${worst.landmark} px`);
}

let onGpu: Promise<Face[][]> | undefined;

sharedTest(
  test,
  "WebAssembly finds the faces that WebGPU finds",
  [WEIGHTS, "images/portraits"],
  async () => {
    const files = await photos();
    onGpu ??= inNode(files, "webgpu");
    const faces = await inNode(files, "wasm");
    assertSame(files, faces, await onGpu, { score: 1e-4, pixels: 0.05 });
  },
);

const NAME = "Chromium finds the faces that Node finds";
if (findChromium() === undefined) skip(test, NAME, "no Chromium on this machine");
else {
  sharedTest(test, NAME, [WEIGHTS, "images/portraits"], async () => {
    const files = await photos();
    assert.ok(files.length >= 10);
    onGpu ??= inNode(files, "webgpu");
    const [node, chromium] = [await onGpu, await inChromium(files)];
    assertSame(files, chromium, node, { score: 1e-3, pixels: 0.5 });
  });
}

test.run();

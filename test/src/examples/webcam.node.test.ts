/** examples/webcam in Chromium, whose fake camera shows a picture. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { barriers } from "../support/accessibility.node.js";
import { canvasesOf, countCanvases } from "../support/canvases.node.js";
import { smallPhoto } from "../support/photos.node.js";
import { type FaceData, faceData, noFaceData } from "../support/shared-weights.node.js";
import { skip } from "../support/skip.js";
import {
  buildSite,
  findChromium,
  launchChromiumForVideo,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";
import { toY4m } from "../support/video.node.js";

/** Small, as Chromium computes on a CPU here. */
const SIDE = 160;
const WAIT_MS = 120_000;

const folder = mkdtempSync(path.join(tmpdir(), "retinaface-webcam-"));
let server: Awaited<ReturnType<typeof serveFolder>>;
let browser: Browser;
let expected = 0;

async function prepare({ weights, photo }: FaceData): Promise<void> {
  const picture = await smallPhoto(photo, SIDE);
  const detector = await RetinaFace.load({ weights });
  expected = (await detector.detect(picture)).length;
  detector.dispose();
  const video = path.join(folder, "camera.y4m");
  writeFileSync(video, toY4m(picture));
  await buildSite(path.join(folder, "site"), weights);
  server = await serveFolder(path.join(folder, "site"));
  browser = await launchChromiumForVideo([
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
  ]);
}

test.before(async () => {
  if (faceData && findChromium()) await prepare(faceData);
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

function webcamTest(name: string, run: () => Promise<void>): void {
  if (faceData === undefined) skip(test, name, noFaceData);
  else if (findChromium() === undefined) skip(test, name, "no Chromium on this machine");
  else test(name, run);
}

/** Counts the frames held at a time. */
function watchFrames(): void {
  const seen = { open: 0, most: 0 };
  Object.assign(globalThis, { seen });
  const Native = VideoFrame;
  const { close } = Native.prototype;
  globalThis.VideoFrame = class extends Native {
    constructor(...args: ConstructorParameters<typeof Native>) {
      super(...args);
      seen.open++;
      seen.most = Math.max(seen.most, seen.open);
    }
    override close(): void {
      seen.open--;
      close.call(this);
    }
  } as typeof Native;
}

const number = async (page: Page, id: string) => Number(await page.textContent(`#${id}`));
const status = (page: Page, hasText: string | RegExp) =>
  page.locator("#status", { hasText }).waitFor({ timeout: WAIT_MS });

webcamTest("the camera's faces are found; frames are lent, and dropped when busy", async () => {
  const page = await browser.newPage();
  const { errors, requests } = watchPage(page);
  await page.addInitScript(watchFrames);
  await page.addInitScript(countCanvases);
  await page.goto(`${server.origin}/webcam/?backend=webgpu`);
  await status(page, "Ready");
  await page.selectOption("#max-side", "320");
  await page.click("#toggle");
  const found = `${expected} ${expected === 1 ? "face" : "faces"} in the camera's picture`;
  await status(page, found);
  await page.waitForFunction(
    () => Number(document.querySelector("#looked")?.textContent) >= 4,
    undefined,
    { timeout: WAIT_MS },
  );
  const [shown, looked, dropped] = await Promise.all(
    ["shown", "looked", "dropped"].map((id) => number(page, id)),
  );
  assert.ok(shown >= looked + dropped && shown <= looked + dropped + 3, `${shown}, ${dropped}`);
  await page.selectOption("#max-side", "640");
  await status(page, found);
  assert.equal(await barriers(page), []);
  await page.click("#toggle");
  await status(page, "The camera is off");
  assert.is(await page.textContent("#toggle"), "Start the camera");
  const seen = await page.evaluate(
    () => (globalThis as unknown as { seen: Record<string, number> }).seen,
  );
  assert.ok(seen.most >= 1 && seen.most <= 4, `${seen.most} frames were held at a time`);
  assert.is(await canvasesOf(page), 0, "a frame went through a canvas");
  assert.equal(errors, []);
  const strangers = requests.filter((url) => !url.startsWith(`${server.origin}/`));
  assert.equal(strangers, []);
  await page.close();
});

test.run();

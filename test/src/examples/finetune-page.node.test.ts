/** The fine-tuning page: boxes drawn by hand, heads trained in Chromium, weights downloaded. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readSafetensors, type StateDict } from "@retinaface-webgpu/tensor";
import { parseJsonl, type Sample } from "@retinaface-webgpu/train";
import type { Browser, Locator, Page } from "playwright-core";
import { RetinaFace } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { barriers } from "../support/accessibility.node.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { skip } from "../support/skip.js";
import { tinyWeights } from "../support/tiny-detector.js";
import {
  buildSite,
  findChromium,
  launchChromium,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";
import { makeSample } from "../support/train-samples.js";

const device = useDevice(test);

/** Of photos and of samples alike: a browser without a GPU is slow to compile the kernels of each size. */
const SIZE = 64;
const WAIT_MS = 200_000;

const folder = mkdtempSync(path.join(tmpdir(), "finetune-page-"));
const weightsFile = path.join(folder, "tiny.safetensors");
let server: Awaited<ReturnType<typeof serveFolder>>;
let browser: Browser;

test.before(async () => {
  if (findChromium() === undefined) return;
  writeFileSync(weightsFile, await tinyWeights(device()));
  await buildSite(path.join(folder, "site"), weightsFile);
  server = await serveFolder(path.join(folder, "site"));
  browser = await launchChromium();
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

const status = (page: Page, hasText: string | RegExp) =>
  page.locator("#status", { hasText }).waitFor({ timeout: WAIT_MS });

/** Drags from one place to another, both as fractions of the board. */
async function drag(page: Page, board: Locator, [x1, y1, x2, y2]: ArrayLike<number> & number[]) {
  const { x, y, width, height } = (await board.boundingBox())!;
  await page.mouse.move(x + x1 * width, y + y1 * height);
  await page.mouse.down();
  await page.mouse.move(x + ((x1 + x2) / 2) * width, y + ((y1 + y2) / 2) * height);
  await page.mouse.move(x + x2 * width, y + y2 * height);
  await page.mouse.up();
}

function compareWeights(
  before: StateDict,
  after: StateDict,
): { changed: string[]; same: string[] } {
  const names = [...before.keys()];
  const isSame = (name: string) => `${before.get(name)!.data}` === `${after.get(name)!.data}`;
  return { changed: names.filter((name) => !isSame(name)), same: names.filter(isSame) };
}

async function useThePage(): Promise<void> {
  const page = await browser.newPage({ acceptDownloads: true });
  const { errors, requests } = watchPage(page);
  await page.goto(`${server.origin}/finetune/`);
  await status(page, "Ready");
  assert.ok(await page.isDisabled("#train"), "no boxes, yet it would train");

  const samples = [0, 1, 2].map((seed) => makeSample(new Random(seed + 5), SIZE, 2));
  const pictures = samples.map(({ image }, i) => ({
    name: `${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(encodePng(image)),
  }));
  const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
  await page.setInputFiles("#files", [...pictures, notes]);
  await status(page, "not a picture: notes.txt");
  const board = page.locator("#board");
  const buttons = page.locator("#photos button");
  for (const [i, { boxes }] of samples.slice(0, 2).entries()) {
    await buttons.nth(i).click();
    for (const f of [0, 1]) await drag(page, board, [...boxes.subarray(f * 4, f * 4 + 4)]);
    assert.is(await buttons.nth(i).textContent(), `${i}.png (2)`);
  }
  await page.click("#remove");
  assert.is(await buttons.nth(1).textContent(), "1.png (1)");
  const [x1, y1, x2, y2] = samples[1].boxes;
  const middle = [(x1 + x2) / 2, (y1 + y2) / 2];
  await drag(page, board, [...middle, ...middle]);
  await board.press("Delete");
  assert.is(await buttons.nth(1).textContent(), "1.png (left out)");
  await drag(page, board, [...samples[1].boxes.subarray(0, 4)]);
  await boxByKeys(page, board);
  assert.equal(await barriers(page), []);

  await page.fill("#size", "70");
  await page.click("#train");
  await status(page, "Size of a sample");
  await page.fill("#size", String(SIZE));
  await page.fill("#steps", "6");
  await page.fill("#batch", "1");
  await page.fill("#rate", "0.01");
  await page.click("#train");
  await status(page, "trained for 6 steps on 2 photos, 1 without a box left out");
  assert.is(await page.locator("#plot svg").count(), 1);
  assert.is(await page.locator("#progress").evaluate((bar: HTMLProgressElement) => bar.value), 6);

  const waiting = page.waitForEvent("download");
  await page.click("#save");
  const download = await waiting;
  assert.is(download.suggestedFilename(), "fine-tuned.safetensors");
  await checkDownload(readFileSync(await download.path()));
  await page.click("#propose");
  await status(page, "faces found in 1.png");

  await page.fill("#steps", "5000");
  await page.click("#train");
  await status(page, /step \d+ of 5000/);
  await page.click("#stop");
  await status(page, /trained for \d+ steps/);

  await comeBack(page, samples);
  assert.equal(errors, []);
  const isOwn = (url: string) => url.startsWith(server.origin) || url.startsWith("blob:");
  assert.equal(
    requests.filter((url) => !isOwn(url)),
    [],
  );
  await page.close();
}

/** Photos, boxes and weights are there again; a photo is said to have no face; boxes are downloaded; all is forgotten. */
async function comeBack(page: Page, samples: readonly Sample[]): Promise<void> {
  await page.reload();
  await status(page, "Ready, with weights trained here. Your photos are here again.");
  const texts = () => page.locator("#photos button").allTextContents();
  assert.match(
    (await texts()).join(),
    /^0\.png \(2\),1\.png \((\d+|left out)\),2\.png \(left out\)$/,
  );
  await page.locator("#photos button").nth(2).click();
  await page.click("#empty");
  assert.is((await texts())[2], "2.png (no face)");
  const waiting = page.waitForEvent("download");
  await page.click("#labels");
  const download = await waiting;
  assert.is(download.suggestedFilename(), "labels.jsonl");
  const text = readFileSync(await download.path(), "utf8");
  const { records, problems } = parseJsonl(text, "labels.jsonl", (name) => name);
  assert.equal(problems, []);
  const [first, last] = [records[0], records[records.length - 1]];
  assert.equal([first.id, first.width, first.height, last.labels], ["0.png", SIZE, SIZE, []]);
  const drawn = samples[0].boxes.map((value) => value * SIZE);
  assertClose(first.boxes, drawn, { atol: 1.5 });
  await page.click("#forget");
  await status(page, "Ready, with the page’s weights. Add photos to begin.");
  await page.reload();
  await status(page, "Add photos to begin.");
  assert.equal(await texts(), []);
}

/** On a photo with one box: another one is added, sized, moved against the edges of the photo, and removed. */
async function boxByKeys(page: Page, board: Locator): Promise<void> {
  const chosen = async () => (await page.textContent("#chosen"))?.replace(/ pixels\.$/, "");
  await board.focus();
  await page.keyboard.press("Enter");
  assert.is(await chosen(), "Box 2 of 2: left 24, top 24, 16 × 16");
  for (const key of ["Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowUp", "ArrowDown"]) {
    await page.keyboard.press(key);
  }
  assert.is(await chosen(), "Box 2 of 2: left 24, top 25, 18 × 15");
  for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowLeft");
  for (let i = 0; i < 20; i++) await page.keyboard.press("Shift+ArrowLeft");
  assert.is(await chosen(), "Box 2 of 2: left 0, top 25, 4 × 15");
  await page.keyboard.press("Space");
  assert.match((await chosen()) ?? "", /^Box 1 of 2/);
  await page.keyboard.press("Space");
  await page.keyboard.press("Delete");
  assert.is(await page.locator("#photos button").nth(1).textContent(), "1.png (1)");
  assert.is(await chosen(), "");
}

/** The heads have learnt, nothing else has changed, and the file is a detector. */
async function checkDownload(bytes: Uint8Array): Promise<void> {
  const read = (file: Uint8Array) => readSafetensors(file).tensors;
  const { changed, same } = compareWeights(read(readFileSync(weightsFile)), read(bytes));
  assert.ok(same.length > 100 && !same.some((name) => /ClassHead|BboxHead/.test(name)));
  assert.ok(
    changed.every((name) => /^(Class|Bbox|Landmark)Head\./.test(name)),
    `${changed}`,
  );
  const detector = await RetinaFace.load({ weights: new Uint8Array(bytes), device: device() });
  detector.dispose();
}

const NAME = "two photos are boxed, the heads train, their weights are downloaded";
if (findChromium() === undefined) skip(test, NAME, "no Chromium on this machine");
else test(NAME, useThePage);

test.run();

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { unzipSync } from "fflate";
import type { Browser, Page } from "playwright-core";
import { PNG } from "pngjs";
import { RetinaFace, resizeBilinear, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { barriers, tabStops } from "../support/accessibility.node.js";
import { canvasesOf, countCanvases } from "../support/canvases.node.js";
import { checkMeshFile, withBranch } from "../support/mesh-file.node.js";
import { repository } from "../support/repository.node.js";
import { sharedPath } from "../support/shared-files.node.js";
import {
  type FaceData,
  faceData,
  noFaceData,
  samplePhoto,
} from "../support/shared-weights.node.js";
import { skip } from "../support/skip.js";
import {
  buildSite,
  findChromium,
  launchChromiumForVideo,
  launchChromiumWithoutWebGpu,
  run,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";
import { toY4m } from "../support/video.node.js";

/** The page's smallest input: browsers without a GPU are slow. */
const MAX_SIDE = 320;
const PASS_MS = 120_000;

const crowd = sharedPath(
  "images/crowds/18f__assets__img__speaking__ron-speaking-color-corrected.jpg",
);

/** Where the Tab key stops, but for the faces. */
const STOPS = [
  "Skip to the results",
  "files",
  "sample",
  "camera",
  "score",
  "nms",
  "show-landmarks",
  "show-scores",
  "max-side",
  "Remember faces",
  "save-json",
  "save-crops",
  "List of faces",
  "list-box",
  "Timing",
  "Weights",
  "Teach it your photos",
  "Only the camera",
];

const folder = mkdtempSync(path.join(tmpdir(), "retinaface-demo-"));
let server: Awaited<ReturnType<typeof serveFolder>>;
let browser: Browser;
/** The page of all tests that look at pictures: on a CPU its kernels take seconds to compile. */
let page: Page;
let seen: ReturnType<typeof watchPage>;

test.before(async () => {
  if (faceData === undefined || findChromium() === undefined) return;
  await buildSite(path.join(folder, "site"), faceData.weights);
  server = await serveFolder(path.join(folder, "site"));
  const video = path.join(folder, "camera.y4m");
  writeFileSync(video, toY4m(resizeBilinear(await toRawImage(samplePhoto), 320, 200)));
  browser = await launchChromiumForVideo([
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${video}`,
  ]);
  page = await browser.newPage({ acceptDownloads: true });
  seen = watchPage(page);
  await page.goto(`${server.origin}/?backend=webgpu`);
  await status("Ready");
  await page.selectOption("#max-side", String(MAX_SIDE));
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

function demoTest(name: string, run: (data: FaceData) => Promise<void>): void {
  if (faceData === undefined) skip(test, name, noFaceData);
  else if (findChromium() === undefined) skip(test, name, "no Chromium on this machine");
  else test(name, () => run(faceData!));
}

/** Nothing has left the page's origin, and nothing went wrong. */
function assertQuiet(): void {
  const isOwn = (url: string) => url.startsWith(`${server.origin}/`) || url.startsWith("blob:");
  assert.equal(
    seen.requests.filter((url) => !isOwn(url)),
    [],
  );
  assert.equal(seen.errors, []);
}

const status = (hasText: string | RegExp) =>
  page.locator("#status", { hasText }).waitFor({ timeout: PASS_MS });
const count = async () => Number(await page.textContent("#count"));
const passes = async () => Number(await page.textContent("#passes"));
const morePasses = (least: number) =>
  page.waitForFunction(
    (wanted) => Number(document.querySelector("#passes")?.textContent) >= wanted,
    least,
    { timeout: PASS_MS },
  );

async function save(button: string, on = page): Promise<{ name: string; bytes: Buffer }> {
  const waiting = on.waitForEvent("download");
  await on.click(button);
  const download = await waiting;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

interface Line {
  file: string;
  width: number;
  height: number;
  faces: { box: number[]; score: number; landmarks: number[][] }[];
}

/** What the command line says of a photo. */
async function commandLine(photo: string, weights: string): Promise<Line> {
  const cli = path.join(repository, "packages/retinaface/dist/program/main.js");
  const size = ["--max-side", String(MAX_SIDE), "--decode", "full"];
  const args = [cli, "detect", photo, "--weights", weights, ...size];
  const { code, stdout, output } = await run(process.execPath, args);
  assert.is(code, 0, output);
  return JSON.parse(stdout);
}

/** How many faces there are with a low threshold of scores, and with hardly any suppression. */
async function countOthers(photo: string, weights: string): Promise<[number, number]> {
  const detector = await RetinaFace.load({ weights, maxSide: MAX_SIDE });
  const image = await toRawImage(photo);
  const loose = await detector.detect(image, { visThreshold: 0.02 });
  const doubled = await detector.detect(image, { nmsThreshold: 0.99 });
  detector.dispose();
  return [loose.length, doubled.length];
}

demoTest(
  "a chosen photo shows the command line's faces, and sliders need no pass",
  async (data) => {
    const photo = [crowd, samplePhoto].find(existsSync)!;
    const expected = await commandLine(photo, data.weights);
    const [loose, doubled] = await countOthers(photo, data.weights);
    if (photo === crowd) assert.ok(loose > expected.faces.length, "no weak candidates");
    assert.ok(doubled > expected.faces.length, "no overlapping candidates");
    const threshold = await page.inputValue("#score");
    await page.setInputFiles("#files", photo);
    const shown = expected.faces.length === 1 ? "1 face" : `${expected.faces.length} faces`;
    await status(`${shown} in ${path.basename(photo)}`);
    assert.is(await count(), expected.faces.length);
    assert.is(await passes(), 1);

    const { name, bytes } = await save("#save-json");
    assert.is(name, `${path.parse(photo).name}.json`);
    const saved: Line = JSON.parse(bytes.toString());
    assert.equal([saved.width, saved.height], [expected.width, expected.height]);
    for (const [i, face] of saved.faces.entries()) {
      const { box, score } = expected.faces[i];
      assert.ok(Math.abs(face.score - score) < 1e-3, `score ${face.score}, not ${score}`);
      assert.ok(face.box.every((v, k) => Math.abs(v - box[k]) < 0.5));
      assert.is(face.landmarks.length, 5);
    }

    await page.locator("#score").fill("0.02");
    assert.is(await count(), loose);
    await page.locator("#score").fill(threshold);
    await page.locator("#nms").fill("0.99");
    assert.is(await count(), doubled);
    await page.locator("#nms").fill("0.4");
    await page.locator("#score").focus();
    await page.keyboard.press("End");
    assert.is(await page.textContent("#score-value"), "1.00");
    assert.is(await count(), 0);
    await page.keyboard.press("Home");
    assert.is(await count(), loose);
    await status(`${loose} faces in ${path.basename(photo)}`);
    await page.locator("#score").fill(threshold);
    assert.is(await passes(), 1);

    await page
      .locator("#crops button")
      .nth(expected.faces.length - 1)
      .waitFor();
    const zip = await save("#save-crops");
    const crops = Object.entries(unzipSync(zip.bytes));
    assert.is(crops.length, expected.faces.length);
    for (const [, png] of crops) {
      const { width, height } = PNG.sync.read(Buffer.from(png));
      assert.equal([width, height], [112, 112]);
    }
    await checkAccess(expected);
    assertQuiet();
  },
);

/** The page with a photo on it, by keys and by what a screen reader is told. */
async function checkAccess({ faces, width }: Line): Promise<void> {
  await page.locator("#list summary").focus();
  await page.keyboard.press("Enter");
  const rows = page.locator("#list-rows tr");
  await rows.nth(faces.length - 1).waitFor();
  assert.is(await rows.count(), faces.length);
  const [x1, , x2] = faces[0].box;
  const place = ["left", "centre", "right"][Math.floor(((x1 + x2) / 2 / width) * 3)];
  assert.match(
    await rows.first().ariaSnapshot(),
    new RegExp(`row "1 ${Math.floor(faces[0].score * 100)}% .* ${place} \\d+ × \\d+"`),
  );
  const name = await page.getByRole("img").getAttribute("aria-label");
  assert.match(name ?? "", new RegExp(`: ${faces.length} faces?$`));

  const tooMany = page.locator("#crops li").nth(faces.length);
  await tooMany.waitFor({ state: "detached" });
  const stops = await tabStops(page);
  const crops = stops.filter((stop) => stop.startsWith("Save face "));
  assert.is(crops.length, faces.length);
  assert.equal(
    stops.filter((stop) => !crops.includes(stop)),
    STOPS,
  );
  assert.equal(await barriers(page), []);
  await page.evaluate(() => {
    document.querySelector("label[for=score]")?.remove();
    document.querySelector<HTMLElement>("#status")!.style.color = "#888888";
  });
  const made = await barriers(page);
  for (const rule of [/^light: label at #score/, /^light: color-contrast at #status/]) {
    assert.ok(
      made.some((barrier) => rule.test(barrier)),
      `${rule} was not noticed: ${made}`,
    );
  }
}

demoTest("the fake camera's frames are lent to the GPU, live", async () => {
  const before = await passes();
  await page.workers()[0].evaluate(countCanvases);
  await page.click("#camera");
  await status("3 faces in the camera's picture");
  assert.is(await page.textContent("#camera"), "Stop the camera");
  await morePasses(before + 2);
  const named = () => page.locator("#list-rows th").allTextContents();
  await page.locator("#list").evaluate((list) => {
    (list as HTMLDetailsElement).open = true;
  });
  await morePasses((await passes()) + 1);
  assert.equal((await named()).sort(), ["#1", "#2", "#3"]);
  await morePasses(before + 4);
  assert.equal((await named()).sort(), ["#1", "#2", "#3"], "faces keep their names");
  const tracks = JSON.parse((await save("#save-json")).bytes.toString()).faces.map(
    ({ track }: { track: number }) => track,
  );
  assert.equal(tracks.sort(), [1, 2, 3]);
  assert.is(await canvasesOf(page.workers()[0]), 0, "a frame went through a canvas");
  await page.click("#keep");
  await status("3 faces in camera-1.png");
  assert.ok((await canvasesOf(page.workers()[0])) > 0, "canvases are not counted");
  assert.is(await page.textContent("#camera"), "Camera");
  assertQuiet();
});

/** Gives the page's own sample to it as a person does by pasting or dropping. */
const hand = (kind: "paste" | "drop") =>
  page.evaluate(async (event) => {
    const response = await fetch("sample.png");
    const data = new DataTransfer();
    data.items.add(new File([await response.blob()], `${event}.png`, { type: "image/png" }));
    const given = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(
      event === "paste"
        ? new ClipboardEvent(event, { ...given, clipboardData: data })
        : new DragEvent(event, { ...given, dataTransfer: data }),
    );
  }, kind);

demoTest("files that are no pictures, and more photos, are told apart", async () => {
  await page.setInputFiles("#files", [
    { name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no picture") },
    { name: "sample.png", mimeType: "image/png", buffer: readFileSync(samplePhoto) },
  ]);
  await status("3 faces in 1 picture; 1 could not be read");
  const labels = await page
    .locator("#album button")
    .evaluateAll((buttons) => buttons.map((button) => button.getAttribute("aria-label")));
  assert.equal(labels.slice(-2), ["notes.jpg: could not be read", "sample.png: 3 faces"]);
  for (const way of ["paste", "drop"] as const) {
    await hand(way);
    await status(`3 faces in ${way}.png`);
    const shown = page.locator("#album button[aria-current=true]");
    assert.is(await shown.getAttribute("aria-label"), `${way}.png: 3 faces`);
  }
  assertQuiet();
});

demoTest("a crashed GPU process is survived: the photo is looked at again", async () => {
  await page.click("#sample");
  await status("3 faces in sample.png");
  const before = await passes();
  const protocol = await browser.newBrowserCDPSession();
  await protocol.send("Browser.crashGpuProcess");
  await morePasses(before + 1);
  await status("3 faces in sample.png");
});

/** A page of a Chromium that gives no adapter, to workers neither. */
async function withoutWebGpu(): Promise<{ page: Page; close(): Promise<void> }> {
  const lonely = await launchChromiumWithoutWebGpu();
  return { page: await lonely.newPage(), close: () => lonely.close() };
}

demoTest("without WebGPU the page looks for faces on the processor, and meshes", async (data) => {
  const { page, close } = await withoutWebGpu();
  const { errors } = watchPage(page);
  await page.goto(server.origin);
  await page.locator("#status", { hasText: "Ready" }).waitFor();
  assert.match((await page.textContent("#adapter")) ?? "", /processor, \d+ thread/);
  await page.click("#sample");
  await page.locator("#status", { hasText: "3 faces in sample.png" }).waitFor();
  assert.not(await page.isVisible("#show-meshes"));
  const own = path.join(folder, "site/weights/mesh.safetensors");
  writeFileSync(own, await withBranch(data.weights));
  await page.goto(`${server.origin}/?weights=weights/mesh.safetensors`);
  await page.locator("#status", { hasText: "Ready" }).waitFor();
  await page.check("#show-meshes");
  assert.ok(await page.isDisabled("#save-meshes"));
  await page.click("#sample");
  await page.locator("#save-meshes:enabled").waitFor();
  const { name, bytes } = await save("#save-meshes", page);
  assert.is(name, "sample.glb");
  await checkMeshFile(bytes, 3);
  assert.equal(errors, []);
  await close();
});

demoTest("where WebGPU is asked for and not there, the page says so plainly", async () => {
  const { page, close } = await withoutWebGpu();
  await page.goto(`${server.origin}/?backend=webgpu`);
  await page.locator("#status", { hasText: "WebGPU is not available" }).waitFor();
  assert.match(
    (await page.textContent("#notice")) ?? "",
    /Chrome and Edge have it from version 113/,
  );
  assert.ok(await page.isDisabled("#files"));
  assert.equal(await barriers(page), []);
  await close();
});

demoTest("its policy lets no script or request of another origin in", async () => {
  const page = await browser.newPage();
  await page.goto(server.origin);
  assert.equal(await barriers(page), []);
  const blocked = await page.evaluate(async () => {
    const violated: string[] = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      // The server's policy is violated as well: what counts is the page's own, which goes with it everywhere.
      if (event.originalPolicy.startsWith("default-src 'none'")) {
        violated.push(event.effectiveDirective);
      }
    });
    await fetch("http://127.0.0.1:9/").catch(() => undefined);
    const script = Object.assign(document.createElement("script"), { textContent: "window.x = 1" });
    document.head.append(script);
    document.head.append(
      Object.assign(document.createElement("script"), { src: "http://127.0.0.1:9/x.js" }),
    );
    await new Promise((done) => setTimeout(done, 200));
    return { violated, ran: "x" in window };
  });
  assert.not(blocked.ran);
  assert.equal(blocked.violated.sort(), ["connect-src", "script-src-elem", "script-src-elem"]);
  await page.close();
});

test.run();

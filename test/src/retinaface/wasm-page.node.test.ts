/** Pages of a Chromium that gives no WebGPU adapter: the bundle detects through WebAssembly by itself. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { type Face, RetinaFace } from "retinaface-webgpu";
import sharp from "sharp";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodePng, smallPhoto } from "../support/photos.node.js";
import { repository } from "../support/repository.node.js";
import {
  type FaceData,
  faceData,
  noFaceData,
  samplePhoto,
} from "../support/shared-weights.node.js";
import { skip } from "../support/skip.js";
import {
  findChromium,
  launchChromium,
  launchChromiumWithoutWebGpu,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";

const folder = mkdtempSync(path.join(tmpdir(), "retinaface-wasm-page-"));
let browser: Browser | undefined;
let expected: Face[] = [];

/** At this long side a JPEG of 1600 is looked at, which Chromium scales while it decodes. */
const SCALED_SIDE = 320;
/** What our own decoder and filter lead to. */
let expectedScaled: Face[] = [];

async function prepare({ weights, photo }: FaceData): Promise<void> {
  const picture = await smallPhoto(photo, 320);
  const detector = await RetinaFace.load({ weights, backend: "wasm" });
  expected = await detector.detect(picture);
  const jpeg = await sharp(samplePhoto).resize(1600).jpeg({ quality: 90 }).toBuffer();
  expectedScaled = await detector.detect(jpeg, { maxSide: SCALED_SIDE, decoder: "own" });
  detector.dispose();
  writeFileSync(path.join(folder, "photo.jpg"), jpeg);
  cpSync(path.join(repository, "packages/retinaface/dist/browser"), folder, { recursive: true });
  cpSync(weights, path.join(folder, "weights"));
  writeFileSync(path.join(folder, "photo.png"), encodePng(picture));
  writeFileSync(path.join(folder, "index.html"), "<!doctype html><title>Page</title>");
  browser = await launchChromiumWithoutWebGpu();
}

test.before(async () => {
  if (faceData && findChromium()) await prepare(faceData);
});

test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

function pageTest(name: string, run: () => Promise<void>): void {
  if (faceData === undefined) skip(test, name, noFaceData);
  else if (findChromium() === undefined) skip(test, name, "no Chromium on this machine");
  else test(name, run);
}

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".html": "text/html" };

/** The folder from a server that isolates no page. */
async function servePlainly(): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const name = request.url === "/" ? "index.html" : path.basename(request.url ?? "");
    const bytes = await readFile(path.join(folder, name)).catch(() => undefined);
    const type = TYPES[path.extname(name)] ?? "application/octet-stream";
    response.writeHead(bytes ? 200 : 404, { "content-type": type }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What a page that imports the bundle finds, how, and how long it ever kept the page from painting. */
async function detectAt(origin: string) {
  const page = await browser!.newPage();
  const { errors, requests } = watchPage(page);
  await page.goto(origin);
  const found = await page.evaluate(async (maxSide) => {
    const script = new URL("retinaface.js", location.href).href;
    const library: typeof import("retinaface-webgpu") = await import(script);
    const adapter = await navigator.gpu?.requestAdapter();
    const detector = await library.RetinaFace.load({ weights: "weights" });
    const { backend, threads } = detector;
    const faces = await detector.detect("photo.png");
    const decode = window.createImageBitmap;
    let resized: number | undefined;
    window.createImageBitmap = ((source: Blob, options: ImageBitmapOptions) => {
      resized = options.resizeWidth;
      return decode(source, options);
    }) as typeof decode;
    const scaled = await detector.detect("photo.jpg", { maxSide });
    window.createImageBitmap = decode;
    let longest = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    for (let i = 0; i < 5; i++) await detector.detect("photo.png");
    clearInterval(ticking);
    detector.dispose();
    return { adapter: Boolean(adapter), backend, threads, faces, scaled, resized, longest };
  }, SCALED_SIDE);
  await page.close();
  assert.equal(errors, []);
  return { ...found, requests };
}

function assertSame(
  faces: readonly Face[],
  others: readonly Face[],
  most: { readonly pixels: number; readonly score: number },
): void {
  assert.is(faces.length, others.length);
  for (const [i, { box, score }] of faces.entries()) {
    const off = Math.abs(score - others[i].score);
    assert.ok(off < most.score, `the score of face ${i} is off by ${off}`);
    for (const [k, v] of box.entries()) {
      const distance = Math.abs(v - others[i].box[k]);
      assert.ok(distance < most.pixels, `the box of face ${i} is off by ${distance}`);
    }
  }
}

function assertFound(faces: readonly Face[]): void {
  assert.ok(expected.length > 0);
  assertSame(faces, expected, { pixels: 0.05, score: 1e-4 });
}

/** Chromium filters otherwise: boxes were 0.93 of 1600 pixels off, scores 0.00016 (Chromium 156, 2026-11-30). */
function assertScaled(faces: readonly Face[]): void {
  assert.is(expectedScaled.length, 3);
  assertSame(faces, expectedScaled, { pixels: 3, score: 2e-3 });
}

pageTest("an isolated page detects on several threads", async () => {
  const server = await serveFolder(folder);
  try {
    const { adapter, backend, threads, faces, longest, requests } = await detectAt(server.origin);
    assert.not(adapter);
    assert.is(backend, "wasm");
    assert.is(threads, Math.min(8, availableParallelism()));
    assertFound(faces);
    console.log(`# ${threads} threads; the page waited ${longest.toFixed(0)} ms at most`);
    assert.ok(
      requests.some((url) => /runtime-\w+\.js$/.test(url)),
      "the engine is a file of its own",
    );
  } finally {
    await server.close();
  }
});

pageTest("any other page detects on one", async () => {
  const server = await servePlainly();
  try {
    const { adapter, backend, threads, faces, scaled, resized } = await detectAt(server.origin);
    assert.not(adapter);
    assert.equal([backend, threads], ["wasm", 1]);
    assertFound(faces);
    assert.is(resized, SCALED_SIDE);
    assertScaled(scaled);
  } finally {
    await server.close();
  }
});

pageTest("a GPU that is lost and does not come back is replaced, with a warning", async () => {
  const server = await serveFolder(folder);
  const withGpu = await launchChromium();
  const page = await withGpu.newPage();
  const warnings: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "warning") warnings.push(message.text());
  });
  try {
    await page.goto(server.origin);
    const result = await page.evaluate(async () => {
      const script = new URL("retinaface.js", location.href).href;
      const library: typeof import("retinaface-webgpu") = await import(script);
      const adapter = await navigator.gpu.requestAdapter();
      if (!adapter) throw new Error("no adapter");
      const card = new Proxy(adapter, {
        get: (target, name) => {
          if (name === "info") return { vendor: "a card", architecture: "", device: "" };
          const value = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      let adapters: GPUAdapter[] = [card, card];
      navigator.gpu.requestAdapter = async () => adapters.pop() ?? null;
      const detector = await library.RetinaFace.load({ weights: "weights" });
      const before = detector.backend;
      await detector.device.sync();
      adapters = [];
      detector.device.gpuDevice.destroy();
      await detector.device.lost;
      const faces = await detector.detect("photo.png");
      const after = detector.backend;
      detector.dispose();
      const refused = await library.RetinaFace.load({ weights: "weights", backend: "webgpu" }).then(
        () => "",
        (error) => String(error.code),
      );
      return { before, after, faces, refused };
    });
    assert.equal([result.before, result.after], ["webgpu", "wasm"]);
    assertFound(result.faces);
    assert.is(result.refused, "WEBGPU_UNAVAILABLE");
    assert.is(warnings.filter((text) => /no GPU after the loss.*wasm/.test(text)).length, 1);
  } finally {
    await withGpu.close();
    await server.close();
  }
});

test.run();

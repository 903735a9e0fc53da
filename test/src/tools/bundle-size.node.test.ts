import { readdirSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";

/**
 * What a page may cost before its weights, in bytes after gzip: all that detection on WebGPU with the bundled weights loads.
 * Other backbones, deformable convolutions, RetinaNet and the engine for processors are chunks of their own, which such a page
 * does not load. It was 59.0 KB until heads and levels became lists, plans followed their weights, wrong use became typed errors,
 * reads got limits, and classes, cascades and foreign names came in: 67.8 (2026-11-29). The texts of kernels that are several
 * convolutions in one dispatch, and their self-test, are 5 more.
 */
const BUDGET = 74 * 1024;

/** A page's scripts, minified; a Node built-in among their modules is an error. */
function bundle(contents: string, options: BuildOptions) {
  return build({
    stdin: { contents, resolveDir: path.join(repository, "test") },
    bundle: true,
    metafile: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "silent",
    ...options,
  });
}

/** Leaves out what is imported only when it is needed. */
const atOnce: Plugin = {
  name: "at once",
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind, path: name }) =>
      kind === "dynamic-import" ? { path: name, external: true } : undefined,
    ),
};

/** The script that a page loads at once. */
async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await bundle(contents, { plugins: [atOnce] });
  return outputFiles![0].text;
}

const compressed = (text: string): number => gzipSync(text, { level: 9 }).length;

/** Its bytes, minified and compressed. */
async function bundledSize(contents: string): Promise<number> {
  return compressed(await bundled(contents));
}

/** What a page loads beyond that when it needs it. */
async function bundledLater(contents: string): Promise<string> {
  const outdir = path.join(repository, "test/dist");
  const { outputFiles, metafile } = await bundle(contents, { splitting: true, outdir });
  const { outputs } = metafile!;
  const needed = new Set(Object.keys(outputs).filter((name) => /stdin\.js$/.test(name)));
  for (const name of needed) {
    for (const { path: other, kind } of outputs[name].imports) {
      if (kind === "import-statement") needed.add(other);
    }
  }
  const isLater = ({ path: file }: { path: string }) =>
    ![...needed].some((name) => path.basename(name) === path.basename(file));
  return outputFiles!
    .filter(isLater)
    .map(({ text }) => text)
    .join("\n");
}

test("the detector's bundle fits the budget", async () => {
  const bytes = await bundledSize('export { RetinaFace } from "retinaface-webgpu";');
  console.log(`detector without weights: ${(bytes / 1024).toFixed(1)} KB gzipped`);
  assert.ok(bytes <= BUDGET, `${bytes} bytes, more than ${BUDGET}`);
});

/** What compiles the kernels for processors. */
const WASM = /WebAssembly\.compile\(/;

/** What the engine for processors may cost a page that needs it. */
const WASM_BUDGET = 60 * 1024;

test("the WebAssembly engine comes when it is needed, and is small", async () => {
  const detector = 'export { RetinaFace } from "retinaface-webgpu";';
  assert.not.match(await bundled(detector), WASM);
  const later = await bundledLater(detector);
  assert.match(later, WASM);
  const bytes = compressed(later);
  console.log(`WebAssembly engine: ${(bytes / 1024).toFixed(1)} KB gzipped`);
  assert.ok(bytes <= WASM_BUDGET, `${bytes} bytes, more than ${WASM_BUDGET}`);
});

test("what a page does not use is left out", async () => {
  const nms = await bundledSize('export { nms } from "retinaface-webgpu";');
  assert.ok(nms < 2000, `nms alone takes ${nms} bytes`);
  const kernel = await bundledSize('export { softmax } from "@retinaface-webgpu/kernels-wgsl";');
  assert.ok(kernel < 3000, `one kernel takes ${kernel} bytes`);
});

test("the tuner and its store come with measureKernels, and not without", async () => {
  const withoutTuner = await bundled('export { RetinaFace } from "retinaface-webgpu";');
  assert.not.match(withoutTuner, /indexedDB/);
  const both = 'export { measureKernels, RetinaFace } from "retinaface-webgpu";';
  assert.match(await bundled(both), /indexedDB/);
  console.log(`detector with tuner: ${((await bundledSize(both)) / 1024).toFixed(1)} KB gzipped`);
});

/** The compiled modules of gradients. */
function gradientModules(): string[] {
  const sources = path.join(repository, "packages/tensor/src/ops");
  return readdirSync(sources, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith("gradient.ts"))
    .map((file) => `/dist/ops/${file.split(path.sep).join("/").replace(/ts$/, "js")}`)
    .sort();
}

test("what trains carries all gradients, the detector none of them", async () => {
  const gradients = gradientModules();
  assert.ok(gradients.length >= 5);
  const carried = async (contents: string) => {
    const { metafile } = await build({
      stdin: { contents, resolveDir: path.join(repository, "test") },
      bundle: true,
      format: "esm",
      platform: "browser",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
    return gradients.filter((gradient) => files.some((file) => file.endsWith(gradient)));
  };
  assert.equal(await carried('export { Trainer } from "@retinaface-webgpu/train";'), gradients);
  assert.equal(await carried('export { nn } from "@retinaface-webgpu/tensor";'), gradients);
  assert.equal(await carried('export { RetinaFace } from "retinaface-webgpu";'), []);
});

test("a Node built-in cannot slip into the bundle", async () => {
  try {
    await bundledSize('export * from "node:fs";');
  } catch (error) {
    assert.match((error as Error).message, /Could not resolve "node:fs"/);
    return;
  }
  assert.unreachable("esbuild took node:fs for a browser");
});

test.run();

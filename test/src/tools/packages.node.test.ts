import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import type { Browser } from "playwright-core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { convertCheckpoint, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodePng, smallPhoto } from "../support/photos.node.js";
import { repository } from "../support/repository.node.js";
import {
  bundledWeights,
  type FaceData,
  faceData,
  noFaceData,
} from "../support/shared-weights.node.js";
import { skip } from "../support/skip.js";
import {
  findChromium,
  installTarballs,
  launchChromium,
  packPackages,
  run,
  serveFolder,
  watchPage,
} from "../support/tools.node.js";

const bundlers = ["vite", "webpack", "esbuild"];

/** The packages as a stranger gets them: outside the repository, from tarballs. */
const project = mkdtempSync(path.join(tmpdir(), "retinaface-packages-"));
const packages = await packPackages(project);
const installed = await install();
let browser: Browser | undefined;

async function install(): Promise<boolean> {
  const devDependencies = { "@types/node": "20.19.43", "typescript-5.4": "npm:typescript@5.4.5" };
  const manifest = { private: true, type: "module", workspaces: bundlers, devDependencies };
  writeFileSync(path.join(project, "package.json"), JSON.stringify(manifest));
  for (const name of bundlers) copyExample(name);
  const { offline } = await installTarballs(
    project,
    packages.map(({ tarball }) => tarball),
  );
  return !offline;
}

function copyExample(name: string): void {
  cpSync(path.join(repository, "examples/bundlers", name), path.join(project, name), {
    recursive: true,
    filter: (file) => !/[\\/](node_modules|dist)$/.test(file),
  });
}

test.after(async () => {
  await browser?.close();
  rmSync(project, { recursive: true });
});

function installedTest(name: string, run: () => Promise<void>): void {
  if (installed) test(name, run);
  else skip(test, name, "no package registry can be reached");
}

function installedFaceTest(name: string, run: (data: FaceData) => Promise<void>): void {
  if (faceData === undefined) skip(test, name, noFaceData);
  else installedTest(name, () => run(faceData!));
}

for (const { name, tarball } of packages) {
  test(`${name}: publint has nothing to say`, async () => {
    const bytes = readFileSync(tarball);
    const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const { messages, pkg } = await publint({
      pack: { tarball: data as ArrayBuffer },
      strict: true,
    });
    const known = existsSync(bundledWeights) ? [] : ["EXPORTS_GLOB_NO_MATCHED_FILES"];
    const found = messages.filter(({ code }) => !known.includes(code));
    assert.equal(
      found.map((message) => formatMessage(message, pkg)),
      [],
    );
  });

  test(`${name}: types resolve, for ES modules`, async () => {
    const excludeEntrypoints = ["./weights/light"];
    const packed = createPackageFromTarballData(readFileSync(tarball));
    const analysis = await checkPackage(packed, { excludeEntrypoints });
    if (analysis.types === false) throw new Error("the package has no types");
    assert.is(analysis.types.kind, "included");
    const problems: { kind: string; resolutionKind?: string }[] = analysis.problems;
    assert.equal(
      problems.filter(
        ({ kind, resolutionKind }) =>
          kind !== "CJSResolvesToESM" && !(kind === "NoResolution" && resolutionKind === "node10"),
      ),
      [],
    );
  });
}

/** Runs a module of the scratch project and gives what it prints. */
async function runModule(name: string, text: string, env = {}): Promise<string> {
  writeFileSync(path.join(project, name), text);
  const options = { cwd: project, env: { ...process.env, ...env }, timeoutMs: 120_000 };
  const { code, stdout, output } = await run(process.execPath, [name], options);
  assert.is(code, 0, output);
  return stdout;
}

function firstExample(name: string): string {
  const readme = readFileSync(path.join(project, "node_modules", name, "README.md"), "utf8");
  return /```js\n([\s\S]*?)```/.exec(readme)![1];
}

installedTest("the examples of the lower packages' READMEs run", async () => {
  const kernels = await runModule("k.js", firstExample("@retinaface-webgpu/kernels-wgsl"));
  assert.match(kernels, /@compute/);
  const wasm = await runModule("w.js", firstExample("@retinaface-webgpu/kernels-wasm"));
  assert.match(wasm, /\[ 0.5, 0.5 \]/);
  const tensor = await runModule("t.js", firstExample("@retinaface-webgpu/tensor"));
  assert.match(tensor, /\[ 2, 4, 6 \]/);
});

installedFaceTest("the README's example finds the face in Node", async (data) => {
  const { png, count } = await expected(data);
  writeFileSync(path.join(project, "photo.jpg"), png);
  const text = firstExample("retinaface-webgpu");
  const printed = await runModule("r.js", text, { RETINAFACE_WEIGHTS: data.weights });
  const lines = printed.split("\n").filter((line) => /^[01]\.\d+ \[/.test(line));
  assert.is(lines.length, count, printed);
});

installedTest("a consumer compiles under strict TypeScript, libraries checked too", async () => {
  const text = `import { alignFace, type Face, RetinaFace } from "retinaface-webgpu";
import { RetinaFace as Bundled } from "retinaface-webgpu/browser";
import { Device, nn } from "@retinaface-webgpu/tensor";
import { type Kernel } from "@retinaface-webgpu/kernels-wgsl";
import * as train from "@retinaface-webgpu/train";
export const detector: Promise<RetinaFace> = RetinaFace.load({ nmsThreshold: 0.3 });
export const faces: Face[] = await (await Bundled.load()).detect(new Blob());
export const nose: [number, number] = faces[0].landmarks.nose;
// @ts-expect-error: a misspelt option is an error
void RetinaFace.load({ nmsTreshold: 0.3 });
export type { Kernel };
export { alignFace, Device, nn, train };
`;
  writeFileSync(path.join(project, "consumer.ts"), text);
  const tsc = path.join(repository, "node_modules/typescript/bin/tsc");
  for (const resolution of ["nodenext", "bundler"]) {
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const options = `--noEmit --strict --target es2023 --module ${module} --moduleResolution ${resolution}`;
    const args = [tsc, ...options.split(" "), "consumer.ts"];
    const { code, output } = await run(process.execPath, args, { cwd: project });
    assert.is(code, 0, `${resolution}: ${output}`);
  }
});

/** What programs in Node and in pages say; `console` is the only thing that they need libraries for. */
const PROGRAM = `import { alignFace, type DetectOptions, type Face, RetinaFace, toRawImage } from "retinaface-webgpu";
import { Device, tensor, writeSafetensors } from "@retinaface-webgpu/tensor";
import * as train from "@retinaface-webgpu/train";
export async function main(maxSide?: number) {
  const detector = await RetinaFace.load({ weights: undefined, precision: undefined, clip: undefined });
  const image = await toRawImage("photo.jpg", { maxPixels: undefined, signal: undefined });
  const options: DetectOptions = { maxSide, nmsThreshold: undefined };
  const faces: Face[] = await detector.detect(image, { ...options, signal: undefined });
  for (const face of faces) alignFace(image, face);
  const device = await Device.create({ powerPreference: undefined });
  tensor(device, [1], [1], { requiresGrad: undefined }).dispose();
  const bytes: Uint8Array = writeSafetensors(new Map());
  device.destroy();
  detector.dispose();
  return bytes.length;
}
// @ts-expect-error: what is no image is an error, whatever the libraries
export const wrong = async () => (await RetinaFace.load()).detect(42);
export { train };
`;

installedTest(
  "programs compile with old and new TypeScript, with and without a page's types",
  async () => {
    const old = "typescript-5.4";
    const current = path.join(repository, "node_modules/typescript");
    writeFileSync(path.join(project, "program.ts"), PROGRAM);
    writeFileSync(
      path.join(project, "node-only.ts"),
      `import { RetinaFace } from "retinaface-webgpu";
export const load = () => RetinaFace.load();
`,
    );
    const strict = { noEmit: true, strict: true, exactOptionalPropertyTypes: true };
    const cases = [
      { compiler: old, lib: ["es2022", "dom"], types: [] },
      { compiler: old, lib: ["es2022"], types: [] },
      { compiler: current, lib: ["es2022"], types: ["node"] },
    ];
    for (const { compiler, ...libraries } of cases) {
      const tsc = path.resolve(project, "node_modules", compiler, "bin/tsc");
      const target = { target: "es2022", module: "nodenext" };
      const config = {
        compilerOptions: { ...strict, ...target, ...libraries },
        files: ["program.ts", "node-only.ts"],
      };
      writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(config));
      const { code, output } = await run(process.execPath, [tsc], { cwd: project });
      assert.is(code, 0, `${compiler} ${JSON.stringify(libraries)}: ${output}`);
    }
    rmSync(path.join(project, "tsconfig.json"));
  },
);

let looked: Promise<{ png: Buffer; count: number }> | undefined;

/** The photo as a small file, and how many faces are in it. */
function expected(data: FaceData): Promise<{ png: Buffer; count: number }> {
  looked ??= look(data);
  return looked;
}

async function look({ weights, photo }: FaceData): Promise<{ png: Buffer; count: number }> {
  const image = await smallPhoto(photo, 160);
  const detector = await RetinaFace.load({ weights });
  const faces = await detector.detect(image);
  detector.dispose();
  return { png: encodePng(image), count: faces.length };
}

/** Where the package ships no weights, others take their place in the scratch project. */
async function provideWeights(weights: string): Promise<void> {
  const file = path.join(project, "node_modules/retinaface-webgpu/weights/default.safetensors");
  if (existsSync(file)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, await convertCheckpoint(readFileSync(weights), { half: true }));
}

for (const name of bundlers) {
  const title = `${name} builds the example, and Chromium finds the face`;
  if (findChromium() === undefined) skip(test, title, "no Chromium on this machine");
  else {
    installedFaceTest(title, async (data) => {
      await provideWeights(data.weights);
      const build = await run("npm", ["run", "build", "--workspace", name], { cwd: project });
      assert.is(build.code, 0, build.output);
      const page = name === "vite" ? `${name}/dist` : name;
      await checkExample(path.join(project, page), data);
    });
  }
}

const withoutBundler = "a page without a bundler finds the face in Chromium";
if (findChromium() === undefined) skip(test, withoutBundler, "no Chromium on this machine");
else {
  installedFaceTest(withoutBundler, async (data) => {
    await provideWeights(data.weights);
    const page = path.join(repository, "examples/script-module/index.html");
    cpSync(page, path.join(project, "index.html"));
    await checkExample(project, data, true);
  });
}

/** Gives a small photo to the page's file input: the page must say how many faces there are. */
async function checkExample(folder: string, data: FaceData, inlineScripts = false): Promise<void> {
  const { png, count } = await expected(data);
  const server = await serveFolder(folder, 0, { inlineScripts });
  browser ??= await launchChromium();
  const page = await browser.newPage();
  const { errors } = watchPage(page);
  try {
    await page.goto(server.origin);
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: png });
    const output = page.locator("output", { hasText: "faces" });
    await output.waitFor({ timeout: 120_000 }).catch((error) => {
      throw new Error(`${error.message}\n${errors.join("\n")}`);
    });
    assert.equal(errors, []);
    assert.is(await output.textContent(), `faces: ${count}`);
  } finally {
    await page.close();
    await server.close();
  }
}

test.run();

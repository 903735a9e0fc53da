import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type LocateOptions,
  locateWeights,
} from "../../../../packages/retinaface/dist/weights/node.js";
import { rejectsCode } from "../../support/throws.js";

const published = Uint8Array.of(1, 2, 3, 4);
const registry = [
  {
    name: "mobilenet0.25",
    url: "https://example.invalid/x.pth",
    bytes: published.length,
    sha256: createHash("sha256").update(published).digest("hex"),
    licence: "MIT",
  },
];

async function withFolder(check: (folder: string, options: LocateOptions) => Promise<void>) {
  const folder = await mkdtemp(path.join(tmpdir(), "locate é-"));
  try {
    const bundled = path.join(folder, "default.safetensors");
    await check(folder, { cacheDir: folder, env: {}, bundled, registry });
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("each place before the next", () =>
  withFolder(async (folder, options) => {
    const file = (name: string) => path.join(folder, name);
    const find = async (explicit?: string, env = {}) => {
      const { bytes, origin } = await locateWeights(explicit, { ...options, env });
      return [[...bytes], origin.kind, path.basename(origin.path)];
    };
    await rejectsCode(find(), "WEIGHTS_NOT_FOUND", /retinaface pull mobilenet0\.25/);
    await writeFile(file("mobilenet0.25.pth"), published);
    assert.equal(await find(), [[1, 2, 3, 4], "cache", "mobilenet0.25.pth"]);
    await writeFile(file("default.safetensors"), "b");
    assert.equal(await find(), [[98], "bundled", "default.safetensors"]);
    await writeFile(file("e"), "e");
    const env = { RETINAFACE_WEIGHTS: file("e") };
    assert.equal(await find(undefined, env), [[101], "environment", "e"]);
    await writeFile(file("x"), "x");
    assert.equal(await find(file("x"), env), [[120], "explicit", "x"]);
    assert.equal(await find(pathToFileURL(file("x")).href, env), [[120], "explicit", "x"]);
    assert.equal(await find(path.relative(process.cwd(), file("x"))), [[120], "explicit", "x"]);
    const light = async (explicit?: string, env = {}) =>
      (await locateWeights(explicit, { ...options, env })).origin;
    const { path: at } = await light("light");
    assert.is(path.basename(at), "light.safetensors");
    assert.is((await light(undefined, { RETINAFACE_WEIGHTS: "light" })).path, at);
  }));

test("what is named but absent is an error, not a reason to look further", () =>
  withFolder(async (folder, options) => {
    await writeFile(path.join(folder, "default.safetensors"), "b");
    const absent = path.join(folder, "absent.pth");
    await rejectsCode(locateWeights(absent, options), "WEIGHTS_NOT_FOUND", /absent\.pth/);
    await rejectsCode(locateWeights("", options), "WEIGHTS_NOT_FOUND");
    const env = { RETINAFACE_WEIGHTS: absent };
    const named = locateWeights(undefined, { ...options, env });
    await rejectsCode(named, "WEIGHTS_NOT_FOUND", /from RETINAFACE_WEIGHTS/);
  }));

test("the network is not used, and folders are no files", () =>
  withFolder(async (folder, options) => {
    const url = "HTTPS://example.invalid/w.pth";
    await rejectsCode(locateWeights(url, options), "WEIGHTS_URL_REFUSED", /retinaface pull/);
    const env = { RETINAFACE_WEIGHTS: "http://example.invalid/w.pth" };
    await rejectsCode(locateWeights(undefined, { ...options, env }), "WEIGHTS_URL_REFUSED");
    await rejectsCode(locateWeights(folder, options), "WEIGHTS_UNREADABLE", /EISDIR/);
    await rejectsCode(locateWeights("file:///a%2fb", options), "WEIGHTS_NOT_FOUND");
  }));

test("a damaged file in the cache is not used", () =>
  withFolder(async (folder, options) => {
    await writeFile(path.join(folder, "mobilenet0.25.pth"), Uint8Array.of(1, 2, 3, 5));
    await rejectsCode(locateWeights(undefined, options), "WEIGHTS_DAMAGED", /retinaface pull/);
  }));

test.run();

/**
 * The WGSL and the launch geometry of every kernel, compared with files in `test/snapshots` without a GPU.
 * After an intended change: `UPDATE_SNAPSHOTS=1 node test/dist/kernels-wgsl/snapshots.node.test.js`, then read
 * the difference.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { snapshotCases } from "./snapshot-cases.js";

const folder = path.join(repository, "test/snapshots");
const geometryFile = path.join(folder, "geometry.json");
const REMEDY =
  "after an intended change run UPDATE_SNAPSHOTS=1 node test/dist/kernels-wgsl/snapshots.node.test.js";

interface Snapshot {
  /** File name to WGSL. */
  readonly files: ReadonlyMap<string, string>;
  /** Case title to everything else about the kernel. */
  readonly geometry: Readonly<Record<string, unknown>>;
}

function geometryOf(kernel: Kernel, text: string) {
  const { constants, bindings, params, workgroups, features, flops, bytes } = kernel;
  const words = params && [...new Uint32Array(params)].join(" ");
  return {
    wgsl: text,
    constants,
    bindings: bindings.join(" "),
    params: words,
    workgroups: workgroups.join(" "),
    features,
    flops,
    bytes,
  };
}

/**
 * Texts of one family (the first word of a kernel's name) share a file, each below a line with its name;
 * several texts of one name are `name`, `name-2`, …
 */
function takeSnapshot(): Snapshot {
  const texts = new Map<string, string>();
  const geometry: Record<string, unknown> = {};
  for (const [title, kernel] of snapshotCases()) {
    let key = kernel.name;
    for (let k = 2; texts.has(key) && texts.get(key) !== kernel.wgsl; k++) {
      key = `${kernel.name}-${k}`;
    }
    texts.set(key, kernel.wgsl);
    geometry[title] = geometryOf(kernel, key);
  }
  const files = new Map<string, string>();
  for (const [key, text] of texts) {
    const file = `${key.split(/[-/]/)[0]}.wgsl`;
    files.set(file, `${files.get(file) ?? ""}//// ${key}\n${text.trim()}\n\n`);
  }
  return { files, geometry: JSON.parse(JSON.stringify(geometry)) };
}

const snapshot = takeSnapshot();

if (process.env.UPDATE_SNAPSHOTS) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, "wgsl"), { recursive: true });
  for (const [file, text] of snapshot.files) writeFileSync(path.join(folder, "wgsl", file), text);
  const lines = Object.entries(snapshot.geometry).map(
    ([title, entry]) => `  ${JSON.stringify(title)}: ${JSON.stringify(entry)}`,
  );
  writeFileSync(geometryFile, `{\n${lines.join(",\n")}\n}\n`);
}

test("the WGSL of every kernel is as recorded", () => {
  const folderOfTexts = path.join(folder, "wgsl");
  const recorded = existsSync(folderOfTexts) ? readdirSync(folderOfTexts).sort() : [];
  assert.equal([...snapshot.files.keys()].sort(), recorded, REMEDY);
  for (const [file, text] of snapshot.files) {
    const before = readFileSync(path.join(folderOfTexts, file), "utf8");
    assert.fixture(text, before, `${file} changed: ${REMEDY}`);
  }
});

test("bindings, parameters and workgroups of every kernel are as recorded", () => {
  const before = JSON.parse(readFileSync(geometryFile, "utf8")) as Record<string, unknown>;
  assert.equal(Object.keys(snapshot.geometry), Object.keys(before), REMEDY);
  for (const [title, entry] of Object.entries(snapshot.geometry)) {
    assert.equal(entry, before[title], `${title}: ${REMEDY}`);
  }
});

test.run();

/** The guide to fine-tuning: all of its commands, in their order, shortened and on a few drawn pictures; its program too. */
import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { readCheckpointConfig } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { repository } from "../support/repository.node.js";
import { makeSample } from "../support/train-samples.js";

const SIDE = 72;
/** Of which two to three are held out by each way of the guide. */
const PICTURES = 12;
const run = promisify(execFile);
const folder = mkdtempSync(path.join(os.tmpdir(), "guide-"));
const work = path.join(folder, "work");
/** Stands for the folder of data beside a checkout: what the guide takes from there is drawn here too. */
const SHARED = path.join(folder, "shared");
const at = (...names: string[]) => path.join(work, ...names);
const guide = readFileSync(path.join(repository, "docs/fine-tuning.md"), "utf8");
const weights = path.join(repository, "packages/retinaface/weights/default.safetensors");

/** What makes a command short; of an option given twice the last one counts. */
const SHORTER: Readonly<Record<string, string>> = {
  train: "--epochs 1 --image-size 64 --batch-size 4 --workers 0 --scale 64",
  "lr-find": "--image-size 64 --batch-size 2 --steps 24 --workers 0",
  "contact-sheet": "--size 64 --count 4 --workers 0",
  evaluate: "--backend wasm",
  compare: "--backend wasm --scale 64 --resamples 20",
  tune: "--backend wasm --scale 64 --goal f1",
  detect: "--backend wasm --scale 64",
};

function boxXml(box: readonly number[], name: string): string {
  const [xmin, ymin, xmax, ymax] = box;
  const corners = Object.entries({ xmin, ymin, xmax, ymax }).map(
    ([tag, v]) => `<${tag}>${v}</${tag}>`,
  );
  return `<object><name>${name}</name><bndbox>${corners.join("")}</bndbox></object>`;
}

/** A set in Pascal VOC form, its pictures' names ending in numbers. */
function writeVoc(place: string): void {
  const random = new Random(44);
  for (const name of ["annotations", "images"])
    mkdirSync(path.join(place, name), { recursive: true });
  for (let i = 0; i < PICTURES; i++) {
    const { image, boxes } = makeSample(random, SIDE, 2);
    const corners = [0, 1].map((f) =>
      [...boxes.subarray(f * 4, f * 4 + 4)].map((value) => Math.round(value * SIDE)),
    );
    const faces = corners.map((box, f) => boxXml(box, f === 0 ? "masked" : "bare"));
    const size = `<size><width>${SIDE}</width><height>${SIDE}</height></size>`;
    const xml = `<annotation><filename>p${i}.png</filename>${size}${faces.join("")}</annotation>`;
    writeFileSync(path.join(place, "annotations", `p${i}.xml`), xml);
    writeFileSync(path.join(place, "images", `p${i}.png`), encodePng(image));
  }
}

/** Blocks of commands: those without a language. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)];
  return blocks.filter(([, language]) => language === "").map(([, , block]) => block.trim());
}

test.before(() => {
  mkdirSync(work);
  writeVoc(at("faces"));
  writeVoc(path.join(SHARED, "data", "face-mask"));
  mkdirSync(path.join(SHARED, "weights"));
  for (const place of [work, path.join(SHARED, "weights")])
    copyFileSync(weights, path.join(place, "mobilenet0.25_Final.pth"));
  symlinkSync(path.join(repository, "packages"), at("packages"));
});

test.after(() => rmSync(folder, { recursive: true }));

test("every command of the guide does what it is there for", async () => {
  const blocks = commandsOf(guide);
  assert.ok(blocks.length >= 9, `${blocks.length} blocks`);
  const shorter = Object.entries(SHORTER).map(
    ([name, options]) => `${name}) set -- "$@" ${options};;`,
  );
  const script = [
    "set -e",
    `train=${repository}/packages/train/dist/program/main.js`,
    `detector=${repository}/packages/retinaface/dist/program/main.js`,
    'npm() { name=$3; shift 4; case "$name" in',
    ...shorter,
    'esac; echo "# $name" >&2; if [ "$name" = detect ]; then program=$detector; else program=$train; fi',
    'node "$program" "$name" "$@"; }',
    ...blocks,
  ].join("\n");
  const { stderr } = await run("bash", ["-c", script], {
    cwd: work,
    timeout: 900_000,
    maxBuffer: 1 << 26,
  });
  const named = [...guide.matchAll(/^ *npm run -s ([\w-]+) -- /gm)].map(([, name]) => name);
  const done = [...stderr.matchAll(/^# ([\w-]+)$/gm)].map(([, name]) => name);
  assert.equal(done, named);
  for (const file of ["found.jsonl", "sheet.png", "tune.svg", "lr.svg", "anchors.json"])
    assert.ok(existsSync(at(file)), file);
  const table = /^\| `([^|]*)` *\| /gm;
  const files = ["best.safetensors", "final.safetensors", "report.html", "config.yaml"];
  for (const file of files) {
    assert.ok(
      [...guide.matchAll(table)].some(([row]) => row.includes(file)),
      `${file} is not told of`,
    );
    assert.ok(existsSync(at("run", file)), file);
  }
  const { thresholds } = readCheckpointConfig(readFileSync(at("tuned.safetensors")));
  assert.ok(thresholds?.visThreshold !== undefined);
});

test("the guide's program is the example, and trains", async () => {
  const example = path.join(repository, "examples/fine-tune.mjs");
  assert.ok(guide.includes(`\`\`\`js\n${readFileSync(example, "utf8")}\`\`\``));
  const out = at("program.safetensors");
  const args = [example, `voc:${at("faces")}?classes=*=face`, weights, out, "2"];
  const { stdout } = await run(process.execPath, args, { timeout: 240_000 });
  const [first, ...losses] = stdout.trim().split("\n");
  assert.is(first, `${PICTURES} photos, 0 problems`);
  assert.is(losses.length, 2);
  assert.ok(losses.every((line, i) => line.startsWith(`${i} `) && Number(line.split(" ")[1]) > 0));
  assert.ok(existsSync(out));
});

test.run();

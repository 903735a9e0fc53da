/** Every command that writes, small: what it is given, how it is started, and what it is asked for. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { readTrainingCheckpoint } from "@retinaface-webgpu/train";
import { writeMat } from "../support/mat-writer.js";
import { encodePng } from "../support/png-encoder.node.js";
import { repository } from "../support/repository.node.js";

export interface Command {
  readonly name: string;
  /** Arguments of node. */
  readonly args: readonly string[];
  /** Asks that what is there be replaced; absent where that is always so. */
  readonly overwrite?: string;
  /** Whether a file below the folder is one that was asked for. */
  isOutput(file: string): boolean;
  /** Whether an output has another name or other bytes at each run. */
  varies?(file: string): boolean;
  /** In the suite every so many calls are struck. */
  readonly every: number;
  /** Whether an unfinished file is left on purpose where the command fails. */
  keeps?(file: string): boolean;
  /** Whether bytes are whole that are not those of an undisturbed run. */
  isWhole?(file: string, bytes: Uint8Array): boolean;
}

const at = (name: string) => fileURLToPath(new URL(name, pathToFileURL(`${repository}/`)));
const url = (name: string) => JSON.stringify(pathToFileURL(at(name)).href);
const DETECT = at("packages/retinaface/dist/program/main.js");
const TRAIN = at("packages/train/dist/program/main.js");

/** What `pull` fetches. */
export const PULLED = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i) >> 7);

let inputs: Map<string, Uint8Array | string> | undefined;

/** Puts what the commands read into a folder, with a link and files that nobody asks them to touch. */
export function putInputs(home: string): void {
  inputs ??= makeInputs();
  for (const [name, contents] of inputs) {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), contents);
  }
}

function makeInputs(): Map<string, Uint8Array | string> {
  const made = new Map<string, Uint8Array | string>();
  const photo = (shade: number) =>
    encodePng({ width: 40, height: 30, depth: 8, colourType: 2, sample: (x) => x * 2 + shade });
  for (const [i, name] of ["a", "b"].entries()) made.set(`photos/${name}.png`, photo(i * 60));
  const state: StateDict = new Map([
    ["weight", { dtype: "f32", shape: [4096], data: new Float32Array(4096).fill(0.5) }],
  ]);
  made.set("in.safetensors", writeSafetensors(state));
  const face = '"faces":[{"box":[4,4,20,24]},{"box":[8,2,30,28]},{"box":[1,1,9,11]}]';
  const line = (name: string) => `{"image":"photos/${name}.png",${face}}\n`;
  made.set("labels.jsonl", line("a") + line("b"));
  made.set("kept.jsonl", '{"id":"photos/a.png","boxes":[4,4,20,24],"scores":[0.9]}\n');
  made.set("a.txt", "somebody's notes");
  made.set("out/notes.txt", "somebody's notes");
  const column = (...values: number[]) => ({ dims: [values.length, 1], data: values });
  const boxes = { dims: [1, 4], data: [10, 10, 20, 24] };
  const all = { event_list: ["0--P"], file_list: [["a"]], face_bbx_list: [[boxes]] };
  made.set("gt/wider_face_val.mat", writeMat(all));
  for (const setting of ["easy", "medium", "hard"]) {
    made.set(`gt/wider_${setting}_val.mat`, writeMat({ gt_list: [[column(1)]] }));
  }
  made.set("given/0--P/a.txt", "a\n1\n10 10 20 24 0.9\n");
  return made;
}

const FINISH = `.catch((error) => {
  console.error(\`\${error.message} [\${error.code}]\`);
  process.exitCode = 1;
});`;

/** What a training writes, without the training: checkpoints, metrics, models, its report. */
const RUN = `
import { RunFiles } from ${url("packages/train/dist/index.node.js")};
import { checkFolder } from ${url("packages/train/dist/cli/run-command.js")};
const work = async () => {
  const files = new RunFiles("run");
  const resume = process.argv.includes("--resume");
  await checkFolder(files, ["best.safetensors", "report.html"], { resume });
  const from = files.hasCheckpoint ? (await files.readCheckpoint()).state.step : 0;
  await files.rewindMetrics(from);
  for (let step = from + 1; step <= 2; step++) {
    const data = new Float32Array(256).fill(step);
    const network = new Map([["weight", { dtype: "f32", shape: [256], data }]]);
    files.appendMetrics([{ kind: "step", step: step - 1, total: 1 }]);
    await files.writeCheckpoint({ state: { step, network, optimizer: { groups: [], tensors: new Map() } }, extra: {} });
  }
  await files.write("best.safetensors", new Uint8Array(500).fill(7));
  await files.write("report.html", "<!doctype html>report");
};
await work()${FINISH}`;

const PULL = (server: string) => `
import { pullWeights } from ${url("packages/retinaface/dist/weights/node.js")};
const registry = [{ name: "tiny", url: ${JSON.stringify(server)}, bytes: ${PULLED.length},
  sha256: "${createHash("sha256").update(PULLED).digest("hex")}", licence: "MIT" }];
await pullWeights("tiny", { cacheDir: "cache", registry, retryDelay: 1 })${FINISH}`;

const SITE = `
import fs from "node:fs";
import { replaceSite } from ${url("tools/lib/site-folder.mjs")};
for (const round of [1, 2]) {
  await replaceSite("site", [], async (fresh) => {
    fs.writeFileSync(fresh + "/index.html", "page");
    if (round === 1) fs.writeFileSync(fresh + "/old.js", "old");
  })${FINISH}
}`;

const KERNELS = `
import { kernelStore } from ${url("packages/retinaface/dist/tune/store.node.js")};
await kernelStore("cache").write('{"kernels":{}}')${FINISH}`;

const script = (text: string) => ["--input-type=module", "-e", text, "--"];

/** Whether TensorBoard's records follow one another, but for what a kill cut off from the last. */
function hasWholeRecords(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 12 <= bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    if (length === 0 || length > 1000) return false;
    at += 16 + length;
  }
  return true;
}

function isRunWhole(file: string, bytes: Uint8Array): boolean {
  if (file.endsWith("metrics.jsonl")) {
    const lines = Buffer.from(bytes).toString().split("\n").slice(0, -1);
    return lines.every((line) => JSON.parse(line).kind === "step");
  }
  if (file.includes(".tfevents.")) return hasWholeRecords(bytes);
  if (!file.endsWith("checkpoint.safetensors")) return false;
  const { state } = readTrainingCheckpoint(bytes);
  const data = state.network.get("weight")?.data as Float32Array;
  return data.length === 256 && data.every((value) => value === state.step);
}

/** @param server where {@link PULLED} is served */
export function commandsOf(server: string): Command[] {
  const data = ["--data", "labels.jsonl"];
  const is =
    (...names: string[]) =>
    (file: string) =>
      names.includes(file);
  const below = (folder: string) => (file: string) =>
    file === folder || file.startsWith(folder + path.sep);
  const sheet = ["--count", "2", "--tile", "16", "--size", "32", "--workers", "0"];
  return [
    {
      name: "convert",
      every: 1,
      args: [DETECT, "convert", "in.safetensors", "out/w.safetensors"],
      overwrite: "--overwrite",
      isOutput: is("out/w.safetensors"),
    },
    {
      name: "export",
      every: 8,
      args: [DETECT, "export", "--pth", "out/w.pth"],
      overwrite: "--overwrite",
      isOutput: is("out/w.pth"),
    },
    {
      name: "pseudo",
      every: 8,
      args: [
        ...[TRAIN, "pseudo", "photos", "--out", "out/p.jsonl", "--backend", "wasm"],
        ...["--scale", "64", "--no-mirror"],
      ],
      overwrite: "--overwrite",
      isOutput: is("out/p.jsonl"),
    },
    {
      name: "detect",
      every: 9,
      args: [DETECT, "detect", "photos", "--out", "out/faces"],
      overwrite: "--overwrite",
      isOutput: below("out/faces"),
    },
    {
      name: "pull",
      every: 1,
      args: script(PULL(server)),
      isOutput: below("cache"),
      keeps: (file) => file.endsWith(".part"),
    },
    { name: "kernels", every: 6, args: script(KERNELS), isOutput: below("cache") },
    {
      name: "site",
      every: 8,
      args: script(SITE),
      isOutput: below("site"),
      isWhole: (file) => /old\.js$|json$/.test(file),
    },
    {
      name: "anchors",
      every: 8,
      args: [
        TRAIN,
        "anchors",
        ...data,
        "-k",
        "3",
        "--max-k",
        "3",
        "--out",
        "out/a.json",
        "--plot",
        "out/a.svg",
      ],
      overwrite: "--overwrite",
      isOutput: is("out/a.json", "out/a.svg"),
    },
    {
      name: "contact-sheet",
      every: 6,
      args: [TRAIN, "contact-sheet", ...data, ...sheet, "--out", "out/sheet.png"],
      overwrite: "--overwrite",
      isOutput: is("out/sheet.png"),
    },
    {
      name: "tune",
      every: 8,
      args: [
        TRAIN,
        "tune",
        ...data,
        "--candidates",
        "kept.jsonl",
        "--save-candidates",
        "out/c.jsonl",
        "--plot",
        "out/t.svg",
      ],
      overwrite: "--overwrite",
      isOutput: is("out/c.jsonl", "out/t.svg"),
    },
    {
      name: "evaluate",
      every: 9,
      args: [
        TRAIN,
        "evaluate",
        "--wider",
        "gt",
        "--predictions",
        "given",
        "--submission",
        "sub",
        "--json",
        "out/w.json",
        "--plot",
        "out/w.svg",
      ],
      overwrite: "--overwrite",
      isOutput: (file) => below("sub")(file) || is("out/w.json", "out/w.svg")(file),
    },
    {
      name: "train",
      every: 9,
      args: script(RUN),
      overwrite: "--resume",
      isOutput: below("run"),
      varies: (file) => file.includes(".tfevents."),
      isWhole: isRunWhole,
    },
  ];
}

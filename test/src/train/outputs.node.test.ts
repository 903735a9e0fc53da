import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { RunFiles } from "@retinaface-webgpu/train/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anchorsCommand } from "../../../packages/train/dist/cli/anchors.js";
import { compareCommand } from "../../../packages/train/dist/cli/compare.js";
import { contactSheetCommand } from "../../../packages/train/dist/cli/contact-sheet.js";
import { distillCommand } from "../../../packages/train/dist/cli/distill.js";
import { evaluateCommand } from "../../../packages/train/dist/cli/evaluate.js";
import { checkFolder } from "../../../packages/train/dist/cli/run-command.js";
import { trainCommand } from "../../../packages/train/dist/cli/train.js";
import { tuneCommand } from "../../../packages/train/dist/cli/tune.js";
import { writeMat } from "../support/mat-writer.js";
import { encodePng } from "../support/png-encoder.node.js";
import { rejectsCode, throwsCode } from "../support/throws.js";

/* The commands of training replace no file, and say so before they work. */

const test = suite("train-outputs");
const folder = mkdtempSync(path.join(tmpdir(), "train-outputs-"));
const at = (name: string) => path.join(folder, name);
const OLD = "what was there before";
test.after(() => rmSync(folder, { recursive: true, force: true }));

const photo = encodePng({ width: 40, height: 30, depth: 8, colourType: 2, sample: (x) => x * 6 });
mkdirSync(at("photos"));
for (const name of ["a.png", "b.png"]) writeFileSync(at(`photos/${name}`), photo);
const face = '"faces":[{"box":[4,4,20,24]},{"box":[8,2,30,28]},{"box":[1,1,9,11]}]';
const lines = ["a.png", "b.png"].map((name) => `{"image":"photos/${name}",${face}}\n`);
writeFileSync(at("labels.jsonl"), lines.join(""));
const candidates = '{"id":"photos/a.png","boxes":[4,4,20,24],"scores":[0.9]}\n';
writeFileSync(at("candidates.jsonl"), candidates);
const recipe = {
  seed: 1,
  network: { width: 0.0625, channels: 16 },
  teacher: "teacher.safetensors",
  sources: [{ name: "p", kind: "photos", path: "photos", share: 1 }],
  holdOut: 0.5,
  steps: 1,
  lr: 1e-3,
  schedule: [[0, 1]],
  weightDecay: 0,
  clip: 5,
  ema: 0,
  checkpointEvery: 1,
  stages: [{ from: 0, batches: [{ size: 64, count: 1, share: 1 }] }],
  loss: { focus: 1, confident: 0.3, weights: { classes: 4, boxes: 1, landmarks: 0.5 } },
};
writeFileSync(at("recipe.json"), JSON.stringify(recipe));

/** What a command says instead of JSON and tables. */
function quietly<T>(run: () => Promise<T>): Promise<T> {
  const { write: out } = process.stdout;
  const { write: err } = process.stderr;
  process.stdout.write = (() => true) as typeof out;
  process.stderr.write = (() => true) as typeof err;
  return run().finally(() => {
    process.stdout.write = out;
    process.stderr.write = err;
  });
}

const data = ["--data", at("labels.jsonl")];
const sheet = ["--count", "2", "--tile", "16", "--size", "32", "--workers", "0"];

type Case = readonly [name: string, make: typeof anchorsCommand, args: string[], outputs: string[]];
const CASES: readonly Case[] = [
  ["anchors", anchorsCommand, [...data, "-k", "3", "--max-k", "3"], ["--out", "--plot"]],
  ["contact-sheet", contactSheetCommand, [...data, ...sheet], ["--out"]],
  [
    "tune",
    tuneCommand,
    [...data, "--candidates", at("candidates.jsonl")],
    ["--save-candidates", "--plot"],
  ],
  ["evaluate", evaluateCommand, data, ["--json", "--plot"]],
];

for (const [name, make, args, outputs] of CASES) {
  test(`${name}: a file that is there stays, and nothing else is written`, async () => {
    for (const output of outputs) {
      const file = at(`${name}${output}`);
      writeFileSync(file, OLD);
      const before = readdirSync(folder).sort();
      await rejectsCode(
        quietly(() => make().parseAsync([...args, output, file], { from: "user" })),
        "OUTPUT_EXISTS",
        /--overwrite/,
      );
      assert.is(readFileSync(file, "utf8"), OLD);
      assert.equal(readdirSync(folder).sort(), before);
    }
  });

  test(`${name}: what it reads stays, with --overwrite too`, async () => {
    symlinkSync(at("photos/a.png"), at(`${name}-link.png`));
    for (const file of [at("labels.jsonl"), at("photos/a.png"), at(`${name}-link.png`)]) {
      await rejectsCode(
        quietly(() =>
          make().parseAsync([...args, outputs[0], file, "--overwrite"], { from: "user" }),
        ),
        "OPTION_INVALID",
        /what the command reads/,
      );
    }
    assert.equal(readFileSync(at("photos/a.png")), photo);
    assert.is(readFileSync(at("labels.jsonl"), "utf8"), lines.join(""));
  });
}

for (const [name, make, args, outputs] of CASES.slice(0, 3)) {
  test(`${name}: --overwrite replaces`, async () => {
    for (const output of outputs) {
      const file = at(`${name}${output}`);
      await quietly(() =>
        make().parseAsync([...args, output, file, "--overwrite"], { from: "user" }),
      );
      assert.is.not(readFileSync(file, "utf8"), OLD);
    }
  });
}

test("one name for two results", () =>
  rejectsCode(
    quietly(() =>
      anchorsCommand().parseAsync([...data, "-k", "3", "--out", at("same"), "--plot", at("same")], {
        from: "user",
      }),
    ),
    "OPTION_INVALID",
    /two results/,
  ));

test("compare: a result that is there stays", async () => {
  writeFileSync(at("compare.json"), OLD);
  await rejectsCode(
    quietly(() =>
      compareCommand().parseAsync(
        ["--recipe", at("recipe.json"), "--data", folder, "--out", at("run"), "--json"].concat(
          at("compare.json"),
        ),
        { from: "user" },
      ),
    ),
    "OUTPUT_EXISTS",
  );
});

test("train and distill begin in no folder that holds a file of theirs", async () => {
  const commands = [
    ["train", trainCommand, data, "report.html"],
    ["distill", distillCommand, ["--recipe", at("recipe.json"), "--data", folder], "metrics.jsonl"],
  ] as const;
  for (const [name, make, args, file] of commands) {
    const out = at(`${name}-run`);
    mkdirSync(out);
    writeFileSync(path.join(out, file), OLD);
    await rejectsCode(
      quietly(() => make().parseAsync([...args, "--out", out], { from: "user" })),
      "OUTPUT_EXISTS",
      new RegExp(file.replace(".", "\\.")),
    );
    assert.is(readFileSync(path.join(out, file), "utf8"), OLD);
    assert.equal(readdirSync(out), [file]);
  }
});

test("--resume goes on with a run that was killed before its first checkpoint, and with no other", async () => {
  const files = new RunFiles(at("killed"));
  writeFileSync(files.path("metrics.jsonl"), "");
  await rejectsCode(checkFolder(files, [], {}), "OUTPUT_EXISTS");
  await checkFolder(files, [], { resume: true });
  for (const line of ["null", "7", '"text"', "[1]", "{}", '{"step":"1"}', "{"]) {
    writeFileSync(files.path("metrics.jsonl"), `${line}\n`);
    throwsCode(() => files.readMetrics(), "DATA", /metrics\.jsonl:1 is no metric/);
    await rejectsCode(checkFolder(files, [], { resume: true }), "DATA");
  }
  writeFileSync(files.path("checkpoint.safetensors"), OLD);
  await rejectsCode(checkFolder(files, [], { overwrite: true }), "OPTION_INVALID", /--resume/);
});

test("evaluate: a submission replaces nothing and leads nowhere else", async () => {
  const column = (...values: number[]) => ({ dims: [values.length, 1], data: values });
  const write = (event: string, image: string) => {
    mkdirSync(at("gt"), { recursive: true });
    const boxes = { dims: [1, 4], data: [10, 10, 20, 24] };
    const all = { event_list: [event], file_list: [[image]], face_bbx_list: [[boxes]] };
    writeFileSync(at("gt/wider_face_val.mat"), writeMat(all));
    for (const setting of ["easy", "medium", "hard"]) {
      writeFileSync(at(`gt/wider_${setting}_val.mat`), writeMat({ gt_list: [[column(1)]] }));
    }
  };
  mkdirSync(at("given/0--P"), { recursive: true });
  writeFileSync(at("given/0--P/a.txt"), "a\n1\n10 10 20 24 0.9\n");
  const evaluate = (...more: string[]) =>
    quietly(() =>
      evaluateCommand().parseAsync(
        ["--wider", at("gt"), "--predictions", at("given"), "--submission", at("sub"), ...more],
        { from: "user" },
      ),
    );
  write("0--P", "a");
  mkdirSync(at("sub/0--P"), { recursive: true });
  writeFileSync(at("sub/0--P/a.txt"), OLD);
  await rejectsCode(evaluate(), "OUTPUT_EXISTS");
  assert.is(readFileSync(at("sub/0--P/a.txt"), "utf8"), OLD);
  await evaluate("--overwrite");
  assert.match(readFileSync(at("sub/0--P/a.txt"), "utf8"), "0.9");
  for (const [event, image] of [
    ["..", "a"],
    ["0--P", "../../escaped"],
    ["0--P", "b\\c"],
    ["", "a"],
  ]) {
    write(event, image);
    await rejectsCode(evaluate("--overwrite"), "FORMAT", /no name of an event or image/);
  }
  assert.not(existsSync(at("escaped.txt")));
});

test.run();

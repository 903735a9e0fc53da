/** The ablation: what is told of differences, what a stop leaves, and one row through the commands. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_CONFIG } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAblationOptions } from "../../../bench/dist/ablation/options.js";
import { formatClaims, formatTable } from "../../../bench/dist/ablation/report.js";
import { appendResult, type RunResult, readResults } from "../../../bench/dist/ablation/results.js";
import { anchorsPerLevel, CLAIMS, ROWS } from "../../../bench/dist/ablation/rows.js";
import { epochsFor, limited } from "../../../bench/dist/ablation/timed.js";
import { judge } from "../../../bench/dist/ablation/verdict.js";
import { drawDataset } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "ablation-test-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const result = (row: string, seed: number, ap50: number): RunResult => ({
  row,
  seed,
  ...{ budget: "b", steps: 4, seconds: 1, backend: "wasm", frozen: [], date: "" },
  validations: { faces: { ap50, ap: ap50 / 2 } },
});

test("a difference counts beyond Student's t of its spread over the seeds", () => {
  // Mean 2, deviation 1, three seeds: 4.303 / √3 = 2.484 deviations are needed.
  assert.is(judge([1, 2, 3]), "cannot be told");
  assert.is(judge([2, 2.5, 3]), "holds");
  assert.is(judge([-2, -2.5, -3]), "does not hold");
  assert.is(judge([5]), "cannot be told");
  assert.is(judge([0, 0, 0]), "cannot be told");
});

test("every claim is of two rows, and rows are found by their names", () => {
  const names = ROWS.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const { better, than } of CLAIMS) assert.ok(names.includes(better) && names.includes(than));
  assert.equal(anchorsPerLevel(2).minSizes, DEFAULT_CONFIG.anchors.minSizes);
  assert.equal(anchorsPerLevel(3).minSizes[0], [16, 25, 40]);
});

test("table and sentences compare equal seeds", () => {
  const rows = ROWS.filter(({ name }) => name === "base" || name === "focal");
  const results = [result("base", 1, 0.5), result("base", 2, 0.6), result("focal", 1, 0.4)];
  const table = formatTable(results, rows, ["faces"]);
  assert.match(table, /\| base +\| 2 +\| 55\.0 ± 7\.1 +\| – /);
  assert.match(table, /\| focal +\| 1 +\| 40\.0 +\| −10\.0 /);
  const claims = () => formatClaims(results, rows, ["faces"]);
  assert.is(
    claims(),
    "- Focal loss beats mined hard negatives: cannot be told on faces (−10.0, 1 seed).",
  );
  results.push(result("focal", 2, 0.51));
  assert.match(claims(), /does not hold on faces \(−9\.5 ± 0\.7, 2 seeds\)/);
});

test("a line that a stop has cut is passed over and then gone; another broken line is refused", () => {
  const file = path.join(folder, "cut.jsonl");
  assert.equal(readResults(file), []);
  appendResult(file, result("base", 1, 0.5));
  appendFileSync(file, '{"row":"foc');
  assert.is(readResults(file).length, 1);
  appendResult(file, result("base", 2, 0.5));
  assert.equal(
    readResults(file).map(({ seed }) => seed),
    [1, 2],
  );
  writeFileSync(file, `{"row":\n${readFileSync(file, "utf8")}`);
  assert.throws(() => readResults(file), /cut\.jsonl:1 is no result/);
});

test("rows of equal time: epochs by what a step takes, and the networks that they may be", () => {
  const timed = (steps: number, processor: number) => ({
    result: { steps },
    seconds: { clock: 9, processor },
  });
  const budget = { seconds: 90, of: "processor", images: 448 } as const;
  // 4 s to begin and end, 0.25 s a step: 360 steps are 13 epochs of 28.
  assert.is(epochsFor(budget, timed(3, 4.75), timed(28, 11)), 13);
  assert.is(epochsFor({ ...budget, seconds: 1 }, timed(3, 4.75), timed(28, 11)), 1);
  assert.throws(() => epochsFor(budget, timed(3, 5), timed(28, 5)), /took no longer than 3/);
  assert.is(limited("a?face=1", 8), "a?face=1&limit=8");
  assert.is(limited("a", 8), "a?limit=8");
  assert.is(parseAblationOptions(["--time", "5"]).preset.groups.networks.time?.seconds, 5);
  assert.throws(() => parseAblationOptions(["--time", "0"]), /--time 0: give seconds/);
});

test("wrong options are named", () => {
  const refuse = (args: string[], message: RegExp) =>
    assert.throws(() => parseAblationOptions(args), message);
  refuse(["--preset", "tiny"], /small and full/);
  refuse(["--only", "nothing"], /freeze-auto/);
  refuse(["--seeds", "1,1"], /different/);
  refuse(["--data", "x"], /go together/);
  refuse(["--sed", "1"], /usage/);
  assert.is(parseAblationOptions([]).rows.length, ROWS.length);
});

test("a row is trained and evaluated once, and goes on from the file", () => {
  const data = drawDataset(folder, 5, 6);
  const out = path.join(folder, "results.jsonl");
  const run = () =>
    spawnSync(
      process.execPath,
      [
        fileURLToPath(new URL("../../../bench/dist/ablation/main.js", import.meta.url)),
        ...["--only", "^freeze-stem$", "--seeds", "1", "--out", out, "--data", data, "--val", data],
        ...["--image-size", "64", "--batch-size", "2", "--epochs", "1"],
        ...["--backend", "wasm", "--threads", "1"],
      ],
      { encoding: "utf8" },
    );
  const first = run();
  assert.is(first.status, 0, first.stderr);
  assert.match(first.stderr, "ablation: freeze-stem, seed 1");
  const [{ row, seed, steps, frozen, validations }] = readResults(out);
  assert.equal(
    { row, seed, steps, frozen },
    { row: "freeze-stem", seed: 1, steps: 3, frozen: ["stem"] },
  );
  assert.ok(validations.own.ap50 >= 0 && validations.own.ap50 <= 1);
  assert.match(first.stdout, /\| freeze-stem +\| 1 /);
  const again = run();
  assert.is(again.status, 0, again.stderr);
  assert.not.match(again.stderr, "seed 1");
  assert.is(again.stdout, first.stdout);
  assert.is(readResults(out).length, 1);
});

test.run();

/** The benchmark's arithmetic and output, and the command itself on one small kernel. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { barChart } from "../../../bench/dist/chart.js";
import { roofline } from "../../../bench/dist/kernels.js";
import { parseOptions, UsageError } from "../../../bench/dist/options.js";
import { planResults } from "../../../bench/dist/output.js";
import { CHARTS } from "../../../bench/dist/report.js";
import { interleave, median, quantile, summarize } from "../../../bench/dist/statistics.js";
import { formatBytes, formatNumber, formatTable } from "../../../bench/dist/table.js";
import { start } from "../support/command.node.js";
import { repository, temporaryFolder } from "../support/repository.node.js";
import { rejectsCode } from "../support/throws.js";

test("quantiles interpolate between sorted values, and refuse what has none", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.is(quantile([10, 0], 0.25), 2.5);
  assert.throws(() => median([]), /finite values/);
  assert.throws(() => median([1, Number.NaN]), /finite values/);
});

test("a summary is robust: one outlier leaves median and spread alone", () => {
  const calm = summarize([10, 11, 9, 10, 10, 11, 9]);
  const disturbed = summarize([10, 11, 9, 10, 10, 11, 900]);
  assert.is(disturbed.median, calm.median);
  assert.is(calm.spread, 0.05);
  assert.ok(disturbed.spread <= 0.1);
  assert.is(disturbed.max, 900);
});

test("interleaving visits every item once a round", async () => {
  const visited: string[] = [];
  const times = await interleave(["a", "b"], 3, async (item) => visited.push(item));
  assert.equal(visited, ["a", "b", "a", "b", "a", "b"]);
  assert.equal(
    [...times],
    [
      ["a", [1, 3, 5]],
      ["b", [2, 4, 6]],
    ],
  );
});

test("the roofline takes the ceiling that is reached first", () => {
  const ceilings = { gflops: 10, gbytes: 5, dispatchMicroseconds: 1, roundTripMilliseconds: 1 };
  const arithmetic = roofline({ flops: 20e6, bytes: 1e6 }, 4, ceilings);
  assert.equal(arithmetic, { gflops: 5, gbytes: 0.25, share: 0.5, bound: "arithmetic" });
  const memory = roofline({ flops: 1e6, bytes: 20e6 }, 8, ceilings);
  assert.equal(memory, { gflops: 0.125, gbytes: 2.5, share: 0.5, bound: "memory" });
});

test("tables align numbers to the right and leave out what was not measured", () => {
  const text = formatTable(
    ["kernel", "ms"],
    [
      ["a", 12.3456],
      ["longer", undefined],
      ["b", 1234567],
    ],
  );
  assert.equal(text.split("\n"), [
    "kernel         ms",
    "------  ---------",
    "a            12.3",
    "longer",
    "b       1,234,567",
  ]);
  assert.is(formatNumber(0.0012345), "0.00123");
  assert.is(formatNumber(Number.NaN), "–");
  assert.is(formatBytes(1536), "1.5 KiB");
});

test("bars are as long as their values, and labels are escaped", () => {
  const svg = barChart("Title", "where", "ms", [
    { label: "a < b", value: 10 },
    { label: "c", value: 5, note: "half" },
  ]);
  const widths = [...svg.matchAll(/<rect x="\d+"[^>]* width="([\d.]+)"/g)].map((m) => Number(m[1]));
  assert.is(widths.length, 2);
  assert.is(widths[0], widths[1] * 2);
  assert.match(svg, "a &lt; b");
  assert.match(svg, "5 ms · half");
  const barsStart = (label: string) =>
    Number(/<rect x="(\d+)"/.exec(barChart("T", "w", "ms", [{ label, value: 1 }]))![1]);
  assert.ok(barsStart("a long label ".repeat(5)) > 13 * 5 * 6, "room for a long label");
});

test("options: unknown ones and broken patterns are refused", () => {
  assert.is(parseOptions(["--filter", "Conv"]).filter?.test("a conv"), true);
  assert.equal(parseOptions([]), { filter: undefined, json: undefined, quick: false });
  for (const args of [["--fast"], ["--filter", "("], ["file"]]) {
    assert.throws(
      () => parseOptions(args),
      (error: unknown) => error instanceof UsageError && error.code === "USAGE",
    );
  }
});

const command = path.join(repository, "bench/dist/main.js");

test("bench --quick --filter measures one kernel and writes JSON and chart", async () => {
  const folder = temporaryFolder("bench");
  try {
    const file = path.join(folder, "result.json");
    const args = [command, "--quick", "--filter", "^softmax", "--json", file];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const result = JSON.parse(readFileSync(file, "utf8"));
    assert.is(result.kernels.length, 1);
    const [{ name, time, gflops, share, bound }] = result.kernels;
    assert.match(name, /^softmax/);
    assert.is(time.count, 3);
    assert.ok(time.median > 0 && gflops > 0 && share > 0);
    assert.ok(["arithmetic", "memory"].includes(bound));
    const { gflops: fma, gbytes, dispatchMicroseconds } = result.ceilings;
    assert.ok([fma, gbytes, dispatchMicroseconds].every((value) => value > 0));
    assert.ok(result.environment.adapter.name.length > 0);
    assert.not("model" in result);
    assert.match(stdout, name);
    assert.match(readFileSync(path.join(folder, "result-kernels.svg"), "utf8"), "<svg");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("bench replaces no results that the user names, and says so at once", async () => {
  const folder = temporaryFolder("bench");
  const json = path.join(folder, "result.json");
  try {
    for (const there of ["result.json", "result-sides.svg"]) {
      const file = path.join(folder, there);
      writeFileSync(file, "mine");
      await rejectsCode(planResults("bench", CHARTS, { json }), "OUTPUT_EXISTS", /--overwrite/);
      const { code, stderr } = await start(process.execPath, [command, "--json", json]).ended;
      assert.is(code, 1, stderr);
      assert.match(stderr, `${file} is there already`);
      assert.is(stderr.trimEnd().split("\n").length, 1);
      assert.is(readFileSync(file, "utf8"), "mine");
      const write = await planResults("bench", CHARTS, { json, overwrite: true });
      await write({ result: { a: 1 }, table: "", charts: new Map([["sides", "<svg>"]]) });
      assert.equal(JSON.parse(readFileSync(json, "utf8")), { a: 1 });
      assert.is(readFileSync(path.join(folder, "result-sides.svg"), "utf8"), "<svg>");
      for (const name of readdirSync(folder)) rmSync(path.join(folder, name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("bench: exit code 2 for wrong usage", async () => {
  const failure = await promisify(execFile)(process.execPath, [command, "--nonsense"]).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  assert.is(failure?.code, 2);
  assert.match(failure?.stderr ?? "", "usage:");
});

test.run();

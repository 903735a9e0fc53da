import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importTool } from "../support/repository.node.js";
import { type Run, type TestFolder, withTests } from "../support/runner.node.js";
import { skip } from "../support/skip.js";
import { findChromium } from "../support/tools.node.js";

interface TestFile {
  readonly name: string;
}

interface Result extends TestFile {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly skips: readonly string[];
}

interface Cache {
  recall(tests: TestFile[]): Result[];
  store(results: Result[]): void;
}

const { TestCache } = await importTool<{
  TestCache: { open(folder: string, tests: Record<string, TestFile[]>): Promise<Cache> };
}>("tools/lib/test-cache.mjs");

const { listTests } = await importTool<{
  listTests(folder: string, place: string): TestFile[];
}>("tools/lib/test-files.mjs");

const uvu = 'import { test } from "uvu";\nimport * as assert from "uvu/assert";\n';
const passing = 'test("a", () => assert.is(1, 1));\n';
const run = "test.run();\n";

/** `one` imports a module of its own, `two` nothing but the test library. */
const files = {
  "one.test.js": `${uvu}import { value } from "./value.js";\ntest("a", () => assert.ok(value));\n${run}`,
  "two.test.js": `${uvu}${passing}test("b", () => {});\n${run}`,
  "value.js": "export const value = 1;\n",
};

const test = suite("runner's cache");

/** Which of these files took its result from an earlier run. */
function cached({ stdout }: Run): string[] {
  return [...stdout.matchAll(/^ok {3}\w+ (\w+): .* \(cached\)$/gm)]
    .map((match) => match[1]!)
    .sort();
}

/** Has every file pass, or end as `outcome` says, after `meanwhile`. */
async function remember(
  { folder }: TestFolder,
  outcome: Partial<Result> = {},
  meanwhile = () => {},
): Promise<void> {
  const tests = listTests(folder, "node");
  const cache = await TestCache.open(folder, { node: tests });
  meanwhile();
  const passed = { passed: 1, failed: 0, skipped: 0, seconds: 0.1, skips: [] };
  cache.store(tests.map((file) => ({ ...file, ...passed, ...outcome })));
}

/** Whose results need no run. */
async function recall({ folder }: TestFolder): Promise<string[]> {
  const tests = listTests(folder, "node");
  const cache = await TestCache.open(folder, { node: tests });
  return cache
    .recall(tests)
    .map(({ name }) => name.replace("node ", ""))
    .sort();
}

test("a second run takes every result from the first, and says so", async () => {
  await withTests("node", files, async (tests) => {
    const first = await tests.run();
    assert.equal(cached(first), []);
    assert.not.match(first.stdout, "--fresh runs everything");
    const second = await tests.run();
    assert.equal(cached(second), ["one", "two"], second.stdout);
    assert.match(second.stdout, "ok   node two: 2 passed (cached)\n");
    const said =
      /^3 of them are results of \d{4}-\d\d-\d\d \d\d:\d\d UTC or later, unchanged since: --fresh runs everything$/;
    assert.match(second.stdout.trimEnd().split("\n").at(-2)!, said);
    assert.is(second.last, "3 passed, 0 failed, 0 skipped");
    assert.is(second.status, 0);
  });
});

test("a failing file runs again each time, and is not remembered from before it failed", async () => {
  const flaky = `${uvu}${passing}test("b", () => assert.is(process.env.FLAKY, undefined));\n${run}`;
  await withTests("node", { ...files, "flaky.test.js": flaky }, async (tests) => {
    await remember(tests);
    assert.equal(await recall(tests), ["flaky", "one", "two"]);
    const failing = await tests.run(["--fresh"], { FLAKY: "1" });
    assert.is(failing.last, "4 passed, 1 failed, 0 skipped", failing.stdout);
    for (let i = 0; i < 2; i++) {
      const again = await tests.run([], { FLAKY: "1" });
      assert.is(again.status, 1);
      assert.match(again.stdout, "FAIL node flaky: 1 passed, 1 failed");
      assert.equal(cached(again), ["one", "two"]);
    }
  });
});

test("--fresh, --filter and --timeout run everything they name; a pass is remembered", async () => {
  await withTests("node", files, async (tests) => {
    assert.equal(cached(await tests.run(["--filter", "one"])), []);
    assert.equal(cached(await tests.run()), ["one"]);
    for (const args of [["--fresh"], ["--filter", "one|two"], ["--timeout", "60"]]) {
      const again = await tests.run(args);
      assert.equal(cached(again), [], args.join(" "));
      assert.is(again.last, "3 passed, 0 failed, 0 skipped");
    }
    assert.equal(await recall(tests), ["one", "two"]);
  });
});

test("what changed runs again: the file, a module that it imports", async () => {
  await withTests("node", files, async (tests) => {
    await remember(tests);
    assert.equal(await recall(tests), ["one", "two"]);
    tests.write("value.js", "export const value = 2;\n");
    assert.equal(await recall(tests), ["two"]);
    tests.write("two.test.js", `${uvu}${passing}${run}`);
    assert.equal(await recall(tests), []);
    tests.write("value.js", files["value.js"]);
    assert.equal(await recall(tests), ["one"]);
  });
});

test("an environment variable of the project is an input", async () => {
  await withTests("node", files, async (tests) => {
    await remember(tests);
    process.env.RETINAFACE_OF_A_TEST = "1";
    assert.equal(await recall(tests), []);
    delete process.env.RETINAFACE_OF_A_TEST;
    assert.equal(await recall(tests), ["one", "two"]);
  });
});

test("a file that may read files, start programs or ask servers depends on the whole tree", async () => {
  const texts = {
    ...files,
    "reading.test.js": `import "node:fs";\n${uvu}${passing}${run}`,
    "asking.test.js": `${uvu}test("a", () => fetch("/x"));\n${run}`,
    "beside.test.js": `import { beside } from "./beside.js";\n${uvu}test("a", () => assert.ok(beside));\n${run}`,
    "beside.js": 'export const beside = new URL("data.txt", import.meta.url);\n',
  };
  await withTests("node", texts, async (tests) => {
    await remember(tests);
    assert.equal(await recall(tests), ["asking", "beside", "one", "reading", "two"]);
    tests.write("data.txt", "new");
    assert.equal(await recall(tests), ["one", "two"]);
  });
});

test("files of the same name have results of their own", async () => {
  const texts = { "two.test.js": files["two.test.js"], "two.node.test.js": files["two.test.js"] };
  await withTests("node", texts, async (tests) => {
    await remember(tests);
    assert.equal(await recall(tests), ["two", "two"]);
    tests.write("two.node.test.js", `${uvu}test("c", () => assert.ok(false));\n${run}`);
    assert.equal(await recall(tests), ["two"]);
  });
});

test("a skip is remembered only for want of what the key covers", async () => {
  const outcomes: [skips: string[], remembered: boolean][] = [
    [["b: the adapter has no shader-f16"], true],
    [["b: needs ../shared/weights"], true],
    [["b: the adapter has no shader-f16", "c: no camera"], false],
    [["b: needs python3 with numpy and scipy"], false],
    [[], false],
  ];
  await withTests("node", { "two.test.js": files["two.test.js"] }, async (tests) => {
    for (const [skips, remembered] of outcomes) {
      await remember(tests, { skips, skipped: Math.max(skips.length, 1) });
      assert.equal(await recall(tests), remembered ? ["two"] : [], skips.join());
    }
  });
});

test("a file that changes while it runs is not remembered", async () => {
  await withTests("node", files, async (tests) => {
    await remember(tests, {}, () => tests.write("value.js", "export const value = 2;\n"));
    assert.equal(await recall(tests), ["two"]);
    tests.write("value.js", files["value.js"]);
    assert.equal(await recall(tests), ["two"]);
  });
});

test("where an import leads nowhere, nothing is remembered", async () => {
  await withTests("node", files, async (tests) => {
    tests.write("one.test.js", `import "./absent.js";\n${uvu}${passing}${run}`);
    await remember(tests);
    assert.equal(await recall(tests), []);
  });
});

test("a damaged cache counts as none", async () => {
  await withTests("node", files, async (tests) => {
    await remember(tests);
    const file = path.join(tests.folder, ".results/test-results.json");
    const wrong = readFileSync(file, "utf8").replaceAll('"passed": 1', '"passed": "1"');
    for (const damage of ["", "{", "null", "5", wrong]) {
      writeFileSync(file, damage);
      assert.equal(await recall(tests), [], damage);
      await remember(tests);
      assert.equal(await recall(tests), ["one", "two"], damage);
    }
    writeFileSync(file, "{");
    assert.is((await tests.run()).last, "3 passed, 0 failed, 0 skipped");
  });
});

async function inAllPlaces(): Promise<void> {
  await withTests("all", files, async (tests) => {
    const first = await tests.run();
    assert.match(first.stdout, "WebGPU adapter");
    assert.is(first.last, "9 passed, 0 failed, 0 skipped", first.stdout);
    const second = await tests.run();
    assert.equal(cached(second), ["one", "one", "one", "two", "two", "two"]);
    assert.not.match(second.stdout, "WebGPU adapter", "Deno or Chromium was started for nothing");
    assert.match(second.stdout, "node: 3 passed");
    assert.match(second.stdout, "deno: 3 passed");
    assert.match(second.stdout, "browser: 3 passed");
  });
}

const ALL =
  "Node, Deno and Chromium have results of their own; Chromium is not started for nothing";
if (findChromium() === undefined) skip(test, ALL, "needs a Chromium");
else test(ALL, inAllPlaces);

test.run();

import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importTool } from "../support/repository.node.js";
import { interruptTests, runTests as runRunner, withTests } from "../support/runner.node.js";

const uvu = 'import { test } from "uvu";\nimport * as assert from "uvu/assert";\n';
const passing = 'test("a", () => assert.is(1, 1));\n';

const runTests = (files: Record<string, string>, ...args: string[]) =>
  runRunner("node", files, ...args);

const test = suite("runner");

test("counts passing and skipped tests and exits 0", async () => {
  const { status, stdout, last } = await runTests({
    "one.test.js": `${uvu}${passing}test("b", () => {});\ntest.run();\n`,
    "two.node.test.js": `${uvu}${passing}console.log("# skip c: no camera");\ntest.skip("c");\ntest.run();\n`,
    "three.browser.test.js": "throw new Error('not for Node');\n",
    "helper.js": "throw new Error('not a test');\n",
  });
  assert.is(last, "3 passed, 0 failed, 1 skipped", stdout);
  assert.is(status, 0);
  assert.match(stdout, "node two: c: no camera");
});

/** Of a file whose fourth line is the 41st of its source. */
const map = { version: 3, sources: ["one.test.ts"], names: [], mappings: ";;;AAwCA" };

test("a failing test is counted and its output shown, with the lines of its source", async () => {
  const { status, stdout, last } = await runTests({
    "one.test.js.map": JSON.stringify(map),
    "one.test.js": `${uvu}${passing}test("bad sum", () => assert.is(1 + 1, 3));\ntest.run();\n`,
    "two.test.js": `${uvu}${passing}test.run();\n`,
  });
  assert.is(last, "2 passed, 1 failed, 0 skipped", stdout);
  assert.is(status, 1);
  assert.match(stdout, "bad sum");
  assert.match(stdout, "FAIL node one: 1 passed, 1 failed");
  assert.match(stdout, /one\.test\.ts:41:1\b/);
});

const broken: Record<string, [text: string, reason: string]> = {
  "throws-at-import": ['throw new Error("early");\n', "crashed: exit code 1"],
  "crashes-in-a-test": [
    `${uvu}test("a", () => process.abort());\ntest.run();\n`,
    "crashed: SIGABRT",
  ],
  "exits-in-a-test": [
    `${uvu}test("a", () => process.exit(0));\ntest.run();\n`,
    "crashed: exit code 1",
  ],
  "rejects-unhandled": [
    `${uvu}test("a", () => { Promise.reject(new Error("lost")); return new Promise(() => {}); });\ntest.run();\n`,
    "crashed: exit code 1",
  ],
  "forgets-to-run": [`${uvu}${passing}`, "printed no totals"],
  "has-no-tests": [`${uvu}test.run();\n`, "has no tests"],
  "fails-in-a-before-hook": [
    `${uvu}${passing}test.before(() => { throw new Error("no device"); });\ntest.run();\n`,
    "a before or after hook failed",
  ],
};

test("a file that breaks fails, whatever breaks it", async () => {
  const names = Object.keys(broken);
  const files = names.map((name) => [`${name}.node.test.js`, broken[name][0]]);
  const { status, stdout, last } = await runTests(Object.fromEntries(files));
  assert.is(last, `0 passed, ${names.length} failed, 0 skipped`, stdout);
  assert.is(status, 1);
  const reports = stdout.split(/^(?=FAIL )/m);
  for (const name of names) {
    const report = reports.find((text) => text.startsWith(`FAIL node ${name}: 0 passed, 1 failed`));
    assert.match(report ?? stdout, broken[name][1]);
  }
});

test("Deno runs the files for both places and judges them alike", async () => {
  const runtime = `test("a", () => assert.is(typeof Deno, "object"));\n`;
  const { status, stdout, last } = await runRunner(
    "deno",
    {
      "one.test.js": `${uvu}${runtime}test("gpu", () => assert.ok(navigator.gpu));\ntest.run();\n`,
      "two.node.test.js": "throw new Error('only for Node');\n",
      "three.browser.test.js": "throw new Error('only for browsers');\n",
      "four.test.js": `${uvu}${passing}test("bad sum", () => assert.is(1 + 1, 3));\ntest.run();\n`,
      "five.test.js": 'throw new Error("early");\n',
      "six.test.js": `${uvu}${passing}test.run();\nsetInterval(() => {}, 1000);\n`,
    },
    "--exit-grace",
    "1",
  );
  assert.is(last, "4 passed, 3 failed, 0 skipped", stdout);
  assert.is(status, 1);
  assert.match(stdout, /^Deno \d+\.\d+\.\d+, WebGPU adapter: /m);
  assert.match(stdout, "ok   deno one: 2 passed");
  assert.match(stdout, "FAIL deno four: 1 passed, 1 failed");
  assert.match(stdout, "crashed: exit code 1");
  assert.match(stdout, "did not exit within 1 s");
});

test("files that touch nothing of their process share one; one that needs its own gets it", async () => {
  const tell = `import { appendFileSync } from "node:fs";\nappendFileSync(new URL("starts", import.meta.url), performance.timeOrigin + " ");\n`;
  const shared = `${uvu}${tell}${passing}test.run();\n`;
  const touching = `import "./touches.js";\n${shared}`;
  const alone = `${uvu}test("first here", () => { assert.is(globalThis.seen, undefined); globalThis.seen = 1; });\ntest.run();\n`;
  const files = {
    ...{ "a.test.js": shared, "b.test.js": shared },
    ...{ "c.node.test.js": shared, "d.node.test.js": shared, "e.node.test.js": touching },
    "touches.js": "process.exitCode = 0;\n",
  };
  await withTests("node", files, async ({ folder, write, run }) => {
    const starts = () => readFileSync(path.join(folder, "starts"), "utf8").trim().split(" ");
    const one = await run(["--fresh"]);
    assert.is(one.last, "5 passed, 0 failed, 0 skipped", one.stdout);
    const together = [...new Set(starts())].map(
      (start) => starts().filter((other) => other === start).length,
    );
    assert.equal(together.sort(), [1, 2, 2]);
    write("f.test.js", alone);
    write("g.test.js", alone);
    const two = await run(["--fresh"]);
    assert.is(two.last, "7 passed, 0 failed, 0 skipped", two.stdout);
    assert.match(two.stdout, "node: not all pass in one process: again");
  });
});

test("features are withheld in Node only", async () => {
  const { status, stdout } = await runRunner("deno", {}, "--withhold", "subgroups");
  assert.is(status, 2);
  assert.is(stdout, "");
});

test("an error after the last test is a failure of the file", async () => {
  const late = `${uvu}${passing}test.after(() => { Promise.reject(new Error("late")); });\ntest.run();\n`;
  const { stdout, last } = await runTests({ "one.test.js": late });
  assert.is(last, "1 passed, 1 failed, 0 skipped", stdout);
  assert.match(stdout, "exit code 1 although every test passed");
});

test("a hanging test is killed and fails", async () => {
  const hang = `${uvu}test("a", () => new Promise(() => setInterval(() => {}, 1000)));\ntest.run();\n`;
  const { status, stdout, last } = await runTests({ "one.test.js": hang }, "--timeout", "1.5");
  assert.is(last, "0 passed, 1 failed, 0 skipped", stdout);
  assert.is(status, 1);
  assert.match(stdout, "ran longer than 1.5 s");
});

test("a process that passes but stays alive fails", async () => {
  const stay = `${uvu}${passing}test.run();\nsetInterval(() => {}, 1000);\n`;
  const { status, stdout, last } = await runTests({ "one.test.js": stay }, "--exit-grace", "1");
  assert.is(last, "1 passed, 1 failed, 0 skipped", stdout);
  assert.is(status, 1);
  assert.match(stdout, "did not exit within 1 s");
});

test("an interrupted run stops at once, starts nothing more and fails", async () => {
  const started = `import { writeFileSync } from "node:fs";\nwriteFileSync(new URL("started", import.meta.url), "");\n`;
  const text = `${uvu}${started}test("a", () => new Promise(() => setInterval(() => {}, 1000)));\ntest.run();\n`;
  const files = Object.fromEntries([..."abcdef"].map((name) => [`${name}.test.js`, text]));
  const { status, stdout, last } = await interruptTests(files);
  assert.is(status, 1);
  assert.match(last ?? "", /^0 passed, [1-4] failed, 0 skipped$/, stdout);
  assert.match(stdout, "interrupted");
});

test("nothing to run is a failure", async () => {
  const { status, last } = await runTests(
    { "one.test.js": passing },
    "--filter",
    "nothing-like-it",
  );
  assert.is(last, "0 passed, 0 failed, 0 skipped");
  assert.is(status, 1);
});

test("files for both places must run about as many tests in Chromium as in Node", async () => {
  type Counts = { name: string; passed: number; failed: number; skipped: number; both: boolean };
  const { comparePlaces } = await importTool<{
    comparePlaces(node: Counts[], browser: Counts[]): { failed: number; output: string };
  }>("tools/lib/test-places.mjs");
  const file = (name: string, passed: number, skipped = 0, both = true): Counts => ({
    name,
    passed,
    failed: 1,
    skipped,
    both,
  });
  const node = [file("node a", 15), file("node b", 5), file("node cli", 90, 0, false)];
  const near = comparePlaces(node, [file("browser a", 13, 2), file("browser b", 5)]);
  assert.is(near.failed, 0);
  assert.match(near.output, "in both places (2 files): 22 tests in Node, 20 in Chromium");
  assert.match(near.output, "a: 16 in Node, 14 in Chromium");
  assert.match(near.output, "processes, servers: 91 tests");
  const far = comparePlaces(node, [file("browser a", 12, 3), file("browser b", 5)]);
  assert.is(far.failed, 1);
  assert.is(comparePlaces(node, [file("browser a", 15)]).failed, 1, "a file is absent");
  const { compareDeno } = await importTool<{ compareDeno: typeof comparePlaces }>(
    "tools/lib/test-places.mjs",
  );
  const deno = compareDeno(node, [file("deno a", 15), file("deno b", 4)]);
  assert.is(deno.failed, 0);
  assert.match(
    deno.output,
    "in both places (2 files): 22 tests in Node, 21 in Deno\n  b: 6 in Node",
  );
  assert.is(compareDeno(node, [file("deno a", 15)]).failed, 1, "a file is absent");
});

test.run();

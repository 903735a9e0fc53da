import { test } from "uvu";
import * as assert from "uvu/assert";
import { importTool } from "../support/repository.node.js";
import { runTests } from "../support/runner.node.js";
import { skip } from "../support/skip.js";

const { findChromium } = await importTool<{ findChromium(): string | undefined }>(
  "tools/lib/chromium.mjs",
);

const uvu = 'import { test } from "uvu";\nimport * as assert from "uvu/assert";\n';
const passing = 'test("a", () => assert.is(1, 1));\n';

const files: Record<string, [text: string, outcome: string]> = {
  "good.test.js": [
    `${uvu}${passing}console.log("# skip b: no camera");\ntest.skip("b");\ntest.run();\n`,
    "ok   browser good: 1 passed, 1 skipped",
  ],
  "place.browser.test.js": [
    `${uvu}test("a", () => assert.type(document.title, "string"));\ntest.run();\n`,
    "ok   browser place: 1 passed",
  ],
  "other.node.test.js": ['throw new Error("only for Node");\n', ""],
  "failing.test.js": [
    `${uvu}${passing}test("bad sum", () => assert.is(1 + 1, 3));\ntest.run();\n`,
    "FAIL browser failing: 1 passed, 1 failed",
  ],
  "early.test.js": ['throw new Error("early");\n', "an error nobody caught: early"],
  "rejection.test.js": [
    `${uvu}test("a", () => { Promise.reject(new Error("lost")); });\ntest.run();\n`,
    "an error nobody caught: lost",
  ],
  "before.test.js": [
    `${uvu}${passing}test.before(() => { throw new Error("no device"); });\ntest.run();\n`,
    "a before or after hook failed",
  ],
};

const endless: Record<string, [text: string, outcome: string]> = {
  "hanging.test.js": [
    `${uvu}test("a", () => new Promise(() => {}));\ntest.run();\n`,
    "ran longer than 2 s",
  ],
  "busy.test.js": [
    `${uvu}test("a", () => { for (;;); });\ntest.run();\n`,
    "FAIL browser busy: 0 passed, 1 failed",
  ],
};

async function check(expected: typeof files, totals: string, ...args: string[]): Promise<void> {
  const texts = Object.fromEntries(Object.entries(expected).map(([name, [text]]) => [name, text]));
  const { status, stdout, last } = await runTests("browser", texts, ...args);
  for (const [, outcome] of Object.values(expected)) assert.match(stdout, outcome);
  assert.is(last, totals, stdout);
  assert.is(status, 1);
}

async function unbundled(): Promise<void> {
  const { status, stdout, last } = await runTests("browser", {
    "one.test.js": `import "node:fs";\n${uvu}${passing}test.run();\n`,
  });
  assert.match(stdout, "cannot be bundled for a browser");
  assert.match(stdout, "node:fs");
  assert.is(last, "0 passed, 1 failed, 0 skipped");
  assert.is(status, 1);
}

test("a Node built-in in a test for browsers is a failure", unbundled);

const inChromium: Record<string, () => Promise<void>> = {
  "passing, failing and crashing files are told apart": () =>
    check(files, "4 passed, 4 failed, 1 skipped"),
  "files that never end are given up": () =>
    check(endless, "0 passed, 2 failed, 0 skipped", "--timeout", "2"),
};
for (const [name, run] of Object.entries(inChromium)) {
  if (findChromium() === undefined) skip(test, name, "needs a Chromium");
  else test(name, run);
}

test.run();

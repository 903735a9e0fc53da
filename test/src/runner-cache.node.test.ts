import { writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Run, withTests } from "./support/runner.node.js";
import { skip } from "./support/skip.js";
import { findChromium } from "./support/tools.node.js";

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

test("files of the same name have results of their own", async () => {
  const texts = {
    "two.test.js": files["two.test.js"],
    "two.node.test.js": `${uvu}${passing}${run}`,
  };
  await withTests("node", texts, async (tests) => {
    await tests.run();
    const second = await tests.run();
    assert.equal(cached(second), ["two", "two"]);
    assert.is(second.last, "3 passed, 0 failed, 0 skipped");
    tests.write("two.node.test.js", `${uvu}test("c", () => assert.ok(false));\n${run}`);
    assert.equal(cached(await tests.run()), ["two"]);
  });
});

test("what changed runs again: the file, a module that it imports", async () => {
  await withTests("node", files, async (tests) => {
    await tests.run();
    tests.write("value.js", "export const value = 2;\n");
    assert.equal(cached(await tests.run()), ["two"]);
    tests.write("two.test.js", `${uvu}${passing}${run}`);
    const third = await tests.run();
    assert.equal(cached(third), ["one"]);
    assert.is(third.last, "2 passed, 0 failed, 0 skipped");
    tests.write("value.js", "export const value = 0;\n");
    const broken = await tests.run();
    assert.is(broken.last, "1 passed, 1 failed, 0 skipped", broken.stdout);
  });
});

test("an environment variable that the project reads is an input", async () => {
  await withTests("node", files, async (tests) => {
    await tests.run();
    const variable = { RETINAFACE_WEIGHTS: "elsewhere.safetensors" };
    assert.equal(cached(await tests.run([], variable)), []);
    assert.equal(cached(await tests.run([], variable)), ["one", "two"]);
  });
});

test("a file that reads files depends on the whole tree, another does not", async () => {
  const reading = `import "node:fs";\n${uvu}${passing}${run}`;
  await withTests("node", { ...files, "reading.test.js": reading }, async (tests) => {
    await tests.run();
    assert.equal(cached(await tests.run()), ["one", "reading", "two"]);
    tests.write("data.txt", "new");
    assert.equal(cached(await tests.run()), ["one", "two"]);
    assert.equal(cached(await tests.run()), ["one", "reading", "two"]);
  });
});

test("a failing file runs again each time, and is not remembered from before it failed", async () => {
  const flaky = `${uvu}${passing}test("b", () => assert.is(process.env.FLAKY, undefined));\n${run}`;
  const texts = { ...files, "flaky.test.js": flaky };
  await withTests("node", texts, async (tests) => {
    await tests.run();
    assert.equal(cached(await tests.run()), ["flaky", "one", "two"]);
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

test("a skip is remembered only for want of what the key covers", async () => {
  const skipping = (reason: string) =>
    `${uvu}${passing}console.log("# skip b: ${reason}");\ntest.skip("b");\n${run}`;
  const texts = {
    "camera.test.js": skipping("no camera"),
    "half.test.js": skipping("the adapter has no shader-f16"),
    "silent.test.js": `${uvu}${passing}test.skip("b");\n${run}`,
  };
  await withTests("node", texts, async (tests) => {
    await tests.run();
    const second = await tests.run();
    assert.equal(cached(second), ["half"]);
    assert.match(second.stdout, "node half: b: the adapter has no shader-f16");
    assert.is(second.last, "3 passed, 0 failed, 3 skipped");
  });
});

test("--fresh, --filter and --timeout run everything they name; a pass is remembered", async () => {
  await withTests("node", files, async (tests) => {
    assert.equal(cached(await tests.run(["--filter", "one"])), []);
    assert.equal(cached(await tests.run()), ["one"]);
    for (const args of [["--fresh"], ["--filter", "one|two"], ["--timeout", "60"]]) {
      assert.equal(cached(await tests.run(args)), [], args.join(" "));
    }
    assert.equal(cached(await tests.run()), ["one", "two"]);
  });
});

test("a file that changes while it runs is not remembered", async () => {
  const texts = {
    "self.test.js": `${uvu}import { appendFileSync } from "node:fs";
${passing}appendFileSync(new URL(import.meta.url), "\\n");\n${run}`,
  };
  await withTests("node", texts, async (tests) => {
    await tests.run();
    tests.write("self.test.js", texts["self.test.js"]);
    assert.equal(cached(await tests.run()), []);
  });
});

test("a damaged cache counts as none", async () => {
  const wrong = { "node one.test.js": { key: 5 }, "node two.test.js": { key: "", passed: "2" } };
  await withTests("node", files, async (tests) => {
    await tests.run();
    for (const damage of ["", "{", "null", JSON.stringify(wrong)]) {
      writeFileSync(path.join(tests.folder, ".results/test-results.json"), damage);
      const again = await tests.run();
      assert.equal(cached(again), [], damage);
      assert.is(again.last, "3 passed, 0 failed, 0 skipped");
    }
    assert.equal(cached(await tests.run()), ["one", "two"]);
  });
});

async function inBothPlaces(): Promise<void> {
  await withTests("all", files, async (tests) => {
    const first = await tests.run();
    assert.match(first.stdout, "Chromium ");
    assert.is(first.last, "6 passed, 0 failed, 0 skipped", first.stdout);
    const second = await tests.run();
    assert.equal(cached(second), ["one", "one", "two", "two"]);
    assert.not.match(second.stdout, "WebGPU adapter", "Chromium was started for nothing");
    assert.match(second.stdout, "node: 3 passed");
    assert.match(second.stdout, "browser: 3 passed");
    tests.write("two.test.js", `${uvu}${passing}${run}`);
    const third = await tests.run();
    assert.equal(cached(third), ["one", "one"]);
    assert.match(third.stdout, "WebGPU adapter");
  });
}

const BOTH =
  "Node and Chromium have results of their own; Chromium is started only for a file to run";
if (findChromium() === undefined) skip(test, BOTH, "needs a Chromium");
else test(BOTH, inBothPlaces);

test.run();

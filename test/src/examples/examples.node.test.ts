import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";

const run = promisify(execFile);

/** Lines that an example prints. */
async function linesOf(name: string): Promise<string[]> {
  const script = path.join(repository, "examples", name);
  const { stdout } = await run(process.execPath, [script], { timeout: 120_000 });
  return stdout.trim().split("\n");
}

for (const { name, lines, percent } of [
  { name: "shapes-classifier.mjs", lines: 17, percent: 95 },
  { name: "two-moons.mjs", lines: 5, percent: 98 },
  { name: "unet.mjs", lines: 4, percent: 80 },
]) {
  test(`the example ${name} learns what it draws`, async () => {
    const printed = await linesOf(name);
    assert.is(printed.length, lines);
    const [reached] = printed.at(-1)!.split(" ");
    assert.ok(Number(reached) > percent, printed.at(-1));
  });
}

test("the tiny transformer speaks its made-up language: words, and each of them twice", async () => {
  const printed = await linesOf("tiny-transformer.mjs");
  assert.is(printed.length, 3);
  const [first, again, second, ...rest] = printed.at(-1)!.split(" ");
  assert.equal([first, again], ["kato", "kato"]);
  assert.ok(["kato", "mira", "sul", "benodi", "tha"].includes(second), printed.at(-1));
  assert.ok(second.startsWith(rest[0]), printed.at(-1));
});

test.run();

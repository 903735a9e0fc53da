import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";

const run = promisify(execFile);

test("the shapes example learns its four shapes", async () => {
  const script = path.join(repository, "examples/shapes-classifier.mjs");
  const { stdout } = await run(process.execPath, [script], { timeout: 120_000 });
  const lines = stdout.trim().split("\n");
  assert.is(lines.length, 17);
  const [percent] = lines.at(-1)!.split(" ");
  assert.ok(Number(percent) > 95, lines.at(-1));
});

test.run();

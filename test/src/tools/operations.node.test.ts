/** The list of operations is what the operations say. */
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { run } from "../support/tools.node.js";

test("docs/operations.md is made from the operations as they are", async () => {
  const tool = path.join(repository, "tools/operations.mjs");
  const { code, output } = await run(process.execPath, [tool, "--check"], { timeoutMs: 60_000 });
  assert.is(code, 0, output);
});

test.run();

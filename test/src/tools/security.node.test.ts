import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";

/* SECURITY.md promises only what a test shows. */

const test = suite("security");
const text = readFileSync(path.join(repository, "SECURITY.md"), "utf8");
const promised = text.slice(text.indexOf("## What holds"), text.indexOf("## What does not hold"));

/** The cells of a table's rows, without its head. */
const rowsOf = (part: string) =>
  part
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (what holds|parser|-)/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim()),
    );

test("every promise names its test, and every test is there", () => {
  const rows = [...rowsOf(promised), ...rowsOf(text.slice(text.indexOf("## Fuzzing")))];
  assert.ok(rows.length > 25, `${rows.length} rows`);
  for (const [promise, tests] of rows) {
    const names = [...tests.matchAll(/`([\w/.-]+)`/g)].map(([, name]) => name);
    assert.ok(names.length > 0, `${promise} names no test`);
    for (const name of names) {
      assert.ok(
        existsSync(path.join(repository, "test/src", `${name}.ts`)),
        `${name} is not there`,
      );
    }
  }
});

test("nothing is promised beside the table", () => {
  const prose = promised
    .split("\n")
    .filter((line) => line !== "" && !/^(##? |\|)/.test(line))
    .join(" ");
  const sentences = prose.split(/(?<=\.)\s+/);
  for (const sentence of sentences) {
    assert.match(sentence, /^(\*\*Who|Names of tests|one that is not there)|^can /, sentence);
  }
});

test.run();

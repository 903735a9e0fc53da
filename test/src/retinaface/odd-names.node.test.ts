import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../support/command.node.js";
import { encodePng } from "../support/png-encoder.node.js";
import { skip } from "../support/skip.js";

/* Names and entries that cannot be read each have their error line; the photos beside them are looked at. */

const test = suite("odd names");
const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const photo = encodePng({ width: 64, height: 48, depth: 8, colourType: 2, sample: (x) => x * 3 });
const notUtf8 = (text: string) => Buffer.from(text, "latin1");

function fill(folder: string): void {
  const at = (name: string) => path.join(folder, name);
  for (const name of ["a.png", "\x1b]0;owned\x07\x1b[2J.png", "z.png"]) {
    writeFileSync(at(name), photo);
  }
  writeFileSync(notUtf8(at("file\xff\xfe.png")), photo);
  mkdirSync(notUtf8(at("folder\xff")));
  symlinkSync("circle.png", at("circle.png"));
  symlinkSync(".", at("round"));
  mkdirSync(at("closed"));
  chmodSync(at("closed"), 0);
  assert.is(spawnSync("mkfifo", [at("pipe.png")]).status, 0);
}

if (process.platform !== "linux") skip(test, "a folder of them", "other systems refuse such names");
else {
  test("a folder of them: one line each, and the others go on", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "odd-names-"));
    try {
      fill(folder);
      const args = [MAIN, "detect", folder, "--backend", "wasm"];
      const killed = AbortSignal.timeout(60_000);
      const { code, stdout, stderr } = await start(process.execPath, args, { signal: killed })
        .ended;
      assert.is(code, 1, stderr);
      const lines = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      const failed = new Map<string, string>(
        lines
          .filter(({ error }) => error)
          .map(({ file, error }) => [path.relative(folder, file), error.message]),
      );
      const expected: [string, RegExp][] = [
        ["circle.png", /goes round/],
        ["file\ufffd\ufffd.png", /cannot read/],
        ["folder\ufffd", /cannot read/],
        ["pipe.png", /not a file/],
      ];
      if (process.getuid?.() !== 0) expected.push(["closed", /permission denied/]);
      for (const [name, message] of expected) assert.match(failed.get(name) ?? "", message, name);
      assert.is(failed.size, expected.length, [...failed].join("\n"));
      assert.is(lines.length - failed.size, 3, "photos that can be read");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys
      assert.not.match(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    } finally {
      chmodSync(path.join(folder, "closed"), 0o700);
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();

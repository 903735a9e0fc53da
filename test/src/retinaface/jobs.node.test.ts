/** `detect --from --shard --resume`: a list, a share of it, and runs that go on where another was killed. */
import { spawn, spawnSync } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../support/png-encoder.node.js";

const test = suite("jobs");
const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const COUNT = 12;
let folder = "";
let names: string[] = [];

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "jobs-"));
  const photo = encodePng({ width: 40, height: 30, depth: 8, colourType: 2, sample: (x) => x });
  names = Array.from({ length: COUNT }, (_, i) => path.join(folder, `photo ${i}*.png`));
  for (const name of names) await writeFile(name, photo);
  await writeFile(path.join(folder, "list"), `${names.join("\r\n")}\n\n`);
});
test.after(() => rm(folder, { recursive: true }));

const args = (...more: string[]) => [
  MAIN,
  "detect",
  "--backend",
  "wasm",
  "--threads",
  "1",
  ...more,
];
const detect = (more: string[], input = "") =>
  spawnSync(process.execPath, args(...more), { encoding: "utf8", input });
const filesIn = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).file);

test("a list, from a file or standard input; shares make up the whole", async () => {
  const list = path.join(folder, "list");
  assert.equal(filesIn(detect(["--from", list]).stdout), names);
  const shares = ["1/2", "2/2"].map((share) =>
    filesIn(detect(["--from", "-", "--shard", share], names.join("\n")).stdout),
  );
  assert.equal(
    shares[1],
    names.filter((_, i) => i % 2 === 1),
  );
  assert.equal(shares.flat().sort(), [...names].sort());
  for (const wrong of ["4/3", "1"]) {
    const { status, stderr } = detect(["--from", list, "--shard", wrong]);
    assert.is(status, 2);
    assert.match(stderr, /shard/);
  }
  assert.is(detect(["--from", path.join(folder, "absent")]).status, 1);
});

test("killed again and again, every photo has one line in the end", async () => {
  const list = path.join(folder, "list");
  const out = path.join(folder, "out.jsonl");
  const more = args("--from", list, "--resume", out);
  for (let lines = 1; lines < COUNT; lines += 6) {
    const child = spawn(process.execPath, more, { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    for (let wait = 0; wait < 3000; wait++) {
      const text = await readFile(out, "utf8").catch(() => "");
      if (text.split("\n").length > lines || child.exitCode !== null) break;
      await sleep(5);
    }
    child.kill("SIGKILL");
    await ended;
    const text = await readFile(out, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    assert.equal(filesIn(whole), names.slice(0, filesIn(whole).length), "no line is lost");
    // As if it had been killed within a line.
    await writeFile(out, `${whole}{"file":"${folder}/pho`);
  }
  const last = detect(["--from", list, "--resume", out]);
  assert.is(last.status, 0, last.stderr);
  assert.is(last.stdout, "");
  assert.equal(filesIn(await readFile(out, "utf8")), names);
  const again = detect(["--from", list, "--resume", out]);
  assert.is(again.status, 0);
  assert.equal(filesIn(await readFile(out, "utf8")), names, "nothing is doubled");
});

test("results go into nothing else than results", async () => {
  const list = path.join(folder, "list");
  const notes = path.join(folder, "notes");
  await writeFile(notes, "what was there before");
  for (const [file, reason] of [
    [notes, /no file of results/],
    [list, /what the command reads/],
    [names[0], /what the command reads/],
  ] as const) {
    const before = await readFile(file);
    const { status, stderr } = detect(["--from", list, "--resume", file]);
    assert.is(status, 2, stderr);
    assert.match(stderr, reason);
    assert.equal(await readFile(file), before);
  }
  await appendFile(notes, "\n{}\n");
  assert.match(detect(["--from", list, "--resume", notes]).stderr, /line 1 .* is no result/);
  assert.match(
    detect(["--from", list, "--resume", path.join(folder, "absent/out")]).stderr,
    /WRITE_FAILED/,
  );
});

test.run();

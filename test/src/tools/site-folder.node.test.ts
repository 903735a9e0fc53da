import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { rejectsCode } from "../support/throws.js";
import { replaceSite, run } from "../support/tools.node.js";

/* The demo makes its folder anew without a loss to anybody else's files. */

const test = suite("site-folder");
const folder = mkdtempSync(path.join(tmpdir(), "site-"));
let made = 0;
test.after(() => rmSync(folder, { recursive: true }));

const place = (...files: string[]) => {
  const home = path.join(folder, String(made++));
  mkdirSync(home);
  for (const file of files) {
    mkdirSync(path.dirname(path.join(home, file)), { recursive: true });
    writeFileSync(path.join(home, file), `mine: ${file}`);
  }
  return home;
};
const pages =
  (...files: string[]) =>
  async (fresh: string) => {
    for (const file of files) {
      mkdirSync(path.dirname(path.join(fresh, file)), { recursive: true });
      writeFileSync(path.join(fresh, file), "site");
    }
  };
const listed = (home: string) =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(home, path.join(entry.parentPath, entry.name)))
    .sort();
const MARKER = ".retinaface-site.json";

test("a new folder, an empty one, and again: old files go, empty folders too", async () => {
  const home = place();
  for (const site of [home, path.join(home, "new/deep")]) {
    await replaceSite(site, [], pages("index.html", "old/page.html"));
    await replaceSite(site, [], pages("index.html", "app.js"));
  }
  assert.equal(listed(path.join(home, "new/deep")), [MARKER, "app.js", "index.html"]);
  assert.equal(readdirSync(path.join(home, "new/deep")).length, 3);
});

test("a folder that holds anything else is refused, and nothing in it changes", async () => {
  const home = place("thesis.txt");
  await rejectsCode(replaceSite(home, [], pages("index.html")), "SETUP_FAILED", /did not make/);
  assert.equal(listed(home), ["thesis.txt"]);
  await rejectsCode(replaceSite("", [], pages("index.html")), "SETUP_FAILED", /--out/);
});

test("what was put into the site stays; where a page would go there, nothing changes", async () => {
  const home = place();
  await replaceSite(home, [], pages("index.html", "a.js"));
  writeFileSync(path.join(home, "mine.txt"), "mine");
  await replaceSite(home, [], pages("index.html"));
  assert.equal(listed(home), [MARKER, "index.html", "mine.txt"]);
  await rejectsCode(
    replaceSite(home, [], pages("index.html", "mine.txt")),
    "SETUP_FAILED",
    /mine\.txt was not made by the demo/,
  );
  assert.equal(listed(home), [MARKER, "index.html", "mine.txt"]);
  assert.is(readFileSync(path.join(home, "mine.txt"), "utf8"), "mine");
});

test("weights among the site's own files are refused before anything goes", async () => {
  const home = place();
  await replaceSite(home, [], pages("weights/default.safetensors"));
  const weights = path.join(home, "weights/default.safetensors");
  symlinkSync(weights, path.join(folder, "link"));
  for (const named of [weights, path.join(folder, "link")]) {
    await rejectsCode(replaceSite(home, [named], pages("index.html")), "SETUP_FAILED", /move it/);
  }
  assert.equal(listed(home), [MARKER, "weights/default.safetensors"]);
});

test("links in the site are not followed, and a marker leads nowhere else", async () => {
  const other = place("sub/precious.txt", "a.js");
  const home = place();
  await replaceSite(home, [], pages("sub/precious.txt", "a.js"));
  rmSync(path.join(home, "sub"), { recursive: true });
  symlinkSync(path.join(other, "sub"), path.join(home, "sub"));
  rmSync(path.join(home, "a.js"));
  symlinkSync(path.join(other, "a.js"), path.join(home, "a.js"));
  await replaceSite(home, [], pages("index.html"));
  assert.equal(listed(other), ["a.js", "sub/precious.txt"]);
  assert.not(existsSync(path.join(home, "a.js")));
  const away = path.relative(home, path.join(other, "a.js"));
  writeFileSync(path.join(home, MARKER), JSON.stringify({ files: [away, "..", "/", 7, null] }));
  await replaceSite(home, [], pages("index2.html"));
  assert.is(readFileSync(path.join(other, "a.js"), "utf8"), "mine: a.js");
});

test("where building fails the old site stays", async () => {
  const home = place();
  await replaceSite(home, [], pages("index.html"));
  const fails = async (fresh: string) => {
    await pages("other.html")(fresh);
    throw Object.assign(new Error("no"), { code: "X" });
  };
  await rejectsCode(replaceSite(home, [], fails), "X");
  assert.equal(listed(home), [MARKER, "index.html"]);
});

test("the command refuses with a code: a folder of others, no name, port or weights", async () => {
  const home = place("thesis.txt");
  const demo = path.join(repository, "tools/demo.mjs");
  for (const [args, told] of [
    [["--out", home], /did not make/],
    [["--out", ""], /--out/],
    [["--port", "http"], /http is no(t a)? port.*--port/],
    [["--weights", "absent"], /no file absent: give --weights/],
    [["--wieghts", "x"], /--wieghts/],
  ] as const) {
    const ended = await run(process.execPath, [demo, "--build", ...args], { cwd: home });
    assert.is(ended.code, 2, ended.output);
    assert.match(ended.output, told);
    assert.match(ended.output, /^demo: .*\[[A-Z_]+\]\n$/s);
  }
  assert.equal(listed(home), ["thesis.txt"]);
});

test.run();

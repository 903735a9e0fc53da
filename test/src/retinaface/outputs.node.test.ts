import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OptionError } from "retinaface-webgpu";
import { Outputs, writeFileAtomic } from "retinaface-webgpu/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectPhotos } from "../../../packages/retinaface/dist/cli/detect.js";
import { findPhotos } from "../../../packages/retinaface/dist/cli/photos.js";
import { encodePng } from "../support/png-encoder.node.js";
import { Sink } from "../support/sink.node.js";
import { rejectsCode } from "../support/throws.js";

/* Outputs take the place of no file that the run did not write, under whatever name it is found. */

const test = suite("outputs");
const OLD = "what was there before";
let folder = "";
let made = 0;

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-outputs-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

const photo = encodePng({ width: 9, height: 7, depth: 8, colourType: 2, sample: (x) => x * 9 });

/** A folder of its own with these files. */
async function place(files: Record<string, string | Uint8Array> = {}): Promise<string> {
  const home = path.join(folder, String(made++));
  await mkdir(home);
  for (const [name, contents] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(home, name)), { recursive: true });
    await writeFile(path.join(home, name), contents);
  }
  return home;
}

/** Runs `detect` with a detector that finds nothing. */
async function detect(home: string, photos: string[], out: string, overwrite = false) {
  const streams = { stdout: new Sink(), stderr: new Sink() };
  const load = async () => ({ backend: "wasm", threads: 1, detect: async () => [], dispose() {} });
  return detectPhotos({
    photos: await findPhotos(photos.map((file) => path.join(home, file))),
    out: path.join(home, out),
    overwrite,
    load,
    streams,
  });
}

/** Each way in which a photo can be in the output folder under another name. */
const DISGUISES: Record<string, (home: string) => Promise<string>> = {
  "a link to the folder": async (home) => {
    await symlink(path.join(home, "real"), path.join(home, "lnk"));
    return "lnk/photo.png";
  },
  "the photo is a link into the folder": async (home) => {
    await mkdir(path.join(home, "in"));
    await symlink(path.join(home, "real/photo.png"), path.join(home, "in/photo.png"));
    return "in/photo.png";
  },
  "a hard link": async (home) => {
    await mkdir(path.join(home, "in"));
    await link(path.join(home, "real/photo.png"), path.join(home, "in/photo.png"));
    return "in/photo.png";
  },
  "the copy's name is a link to the photo": async (home) => {
    await mkdir(path.join(home, "in"));
    await rename(path.join(home, "real/photo.png"), path.join(home, "in/photo.png"));
    await symlink(path.join(home, "in/photo.png"), path.join(home, "real/photo.png"));
    return "in/photo.png";
  },
};

for (const [name, disguise] of Object.entries(DISGUISES)) {
  for (const overwrite of [false, true]) {
    test(`detect never replaces a photo: ${name}${overwrite ? ", with --overwrite" : ""}`, async () => {
      const home = await place({ "real/photo.png": photo });
      const file = await disguise(home);
      assert.is(await detect(home, [file], "real", overwrite), 0);
      assert.equal(await readFile(path.join(home, "real/photo.png")), photo);
      assert.equal((await readdir(path.join(home, "real"))).sort(), ["photo-2.png", "photo.png"]);
    });
  }
}

test("detect replaces no other file, and says so before it loads anything; --overwrite does", async () => {
  const home = await place({ "a.jpg": photo, "b.jpg": photo, "out/a.png": OLD, "out/b.png": OLD });
  await rejectsCode(
    detect(home, ["a.jpg", "b.jpg"], "out"),
    "OUTPUT_EXISTS",
    /a\.png.*1 more.*--overwrite/,
  );
  assert.is(await readFile(path.join(home, "out/a.png"), "utf8"), OLD);
  assert.is(await detect(home, ["a.jpg", "b.jpg"], "out", true), 0);
  assert.not.equal(await readFile(path.join(home, "out/a.png"), "latin1"), OLD);
  assert.equal((await readdir(path.join(home, "out"))).sort(), ["a.png", "b.png"]);
});

test("detect: a file that comes while the run goes on stays", async () => {
  const home = await place({ "a.jpg": photo });
  const streams = { stdout: new Sink(), stderr: new Sink() };
  const late = path.join(home, "out/a.png");
  const failed = await detectPhotos({
    photos: await findPhotos([path.join(home, "a.jpg")]),
    out: path.join(home, "out"),
    load: async () => ({
      backend: "wasm",
      threads: 1,
      detect: async () => {
        await writeFile(late, OLD);
        return [];
      },
      dispose() {},
    }),
    streams,
  });
  assert.is(failed, 1);
  assert.is(JSON.parse(streams.stdout.text).error.code, "OUTPUT_EXISTS");
  assert.is(await readFile(late, "utf8"), OLD);
  assert.equal(await readdir(path.join(home, "out")), ["a.png"]);
});

test("a file of its own may be written again, another's only with overwrite", async () => {
  const home = await place({ old: OLD });
  const outputs = new Outputs();
  await outputs.check(path.join(home, "new"), undefined);
  for (const text of ["first", "second"]) await outputs.writeText(path.join(home, "new"), text);
  assert.is(await readFile(path.join(home, "new"), "utf8"), "second");
  await rejectsCode(outputs.check(path.join(home, "old")), "OUTPUT_EXISTS", /--overwrite/);
  await rejectsCode(outputs.writeText(path.join(home, "old"), "x"), "OUTPUT_EXISTS");
  assert.is(await readFile(path.join(home, "old"), "utf8"), OLD);
  const allowed = new Outputs({ overwrite: true });
  await allowed.writeText(path.join(home, "old"), "x");
  assert.is(await readFile(path.join(home, "old"), "utf8"), "x");
  assert.equal((await readdir(home)).sort(), ["new", "old"]);
});

test("what is no place for a result is refused before the work, with overwrite too", async () => {
  const home = await place({ "in.pth": OLD, "sub/file": OLD });
  const at = (name: string) => path.join(home, name);
  await symlink(at("in.pth"), at("link.pth"));
  await link(at("in.pth"), at("hard.pth"));
  await symlink(at("sub"), at("lnk"));
  const cases: [string[], string][] = [
    [[at("in.pth")], "OPTION_INVALID"],
    [[at("link.pth")], "OPTION_INVALID"],
    [[at("hard.pth")], "OPTION_INVALID"],
    [[at("a"), at("sub/../a")], "OPTION_INVALID"],
    [[at("sub/x"), at("lnk/x")], "OPTION_INVALID"],
    [[""], "OPTION_INVALID"],
    [[`${at("new")}/`], "OPTION_INVALID"],
    [[at("sub")], "WRITE_FAILED"],
    [[at("lnk")], "WRITE_FAILED"],
    [[at("absent/x")], "WRITE_FAILED"],
    [[at("in.pth/x")], "WRITE_FAILED"],
  ];
  if (process.platform !== "win32") cases.push([["/dev/null"], "WRITE_FAILED"]);
  for (const [files, code] of cases) {
    const outputs = new Outputs({ overwrite: true, inputs: [at("in.pth"), undefined] });
    await rejectsCode(outputs.check(...files), code);
  }
  const late = new Outputs({ overwrite: true });
  late.protect([at("in.pth"), () => undefined]);
  try {
    await late.writeText(at("link.pth"), "x");
    assert.unreachable();
  } catch (error) {
    assert.instance(error, OptionError);
  }
  assert.is(await readFile(at("in.pth"), "utf8"), OLD);
});

test("a name of 255 bytes can be written", async () => {
  const home = await place();
  for (const name of [`${"n".repeat(245)}.png`, "x".repeat(255)]) {
    await writeFileAtomic(path.join(home, name), Buffer.from("new"));
    await rm(path.join(home, name));
    await writeFileAtomic(path.join(home, name), Buffer.from("new"), { replace: false });
  }
  assert.is((await readdir(home)).length, 2);
  await rejectsCode(
    writeFileAtomic(path.join(home, "x".repeat(256)), Buffer.from("new")),
    "WRITE_FAILED",
    /too long/,
  );
});

test.run();

import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { encodeGallery, Gallery } from "@retinaface-webgpu/identify";
import { GalleryFile } from "@retinaface-webgpu/identify/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../support/command.node.js";
import { Random } from "../support/random.js";
import { skip } from "../support/skip.js";
import { rejectsCode } from "../support/throws.js";

/* Galleries in files: what is read is a gallery or a typed error, what is written is whole or was never begun. */

const test = suite("gallery files");
let folder = "";
test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-gallery-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

const sample = new URL("../../../packages/retinaface/assets/sample.png", import.meta.url);
const place = (name: string) => path.join(folder, name);
const options = { model: "m".repeat(64), dimensions: 4 };

function small(): Gallery {
  const gallery = new Gallery(options);
  gallery.enrol("Ann", [[1, 0, 0, 0]]);
  gallery.enrol("Bo", [[0, 1, 0, 1]]);
  return gallery;
}

test("a gallery is saved, read, changed and saved again", async () => {
  const file = place("one.gallery");
  const made = GalleryFile.create(file, options);
  made.gallery.enrol("Ann", [[1, 2, 3, 4]]);
  await made.save();
  const read = await GalleryFile.open(file);
  assert.equal(read.gallery.list(), [{ id: "Ann", pictures: 1 }]);
  read.gallery.enrol("Bo", [[4, 3, 2, 1]]);
  await read.save();
  read.gallery.remove("Ann");
  await read.save();
  assert.equal((await GalleryFile.open(file)).gallery.list(), [{ id: "Bo", pictures: 1 }]);
  assert.equal(
    (await readdir(folder)).filter((name) => name !== "one.gallery"),
    [],
    "nothing is left beside it",
  );
});

test("a new gallery takes no other file's place, and none that another program wrote meanwhile", async () => {
  const file = place("two.gallery");
  const first = GalleryFile.create(file, options);
  await first.save();
  const second = GalleryFile.create(file, options);
  await rejectsCode(second.save(), "OUTPUT_EXISTS");
  await second.save({ replace: true });
  first.gallery.enrol("Ann", [[1, 0, 0, 0]]);
  await rejectsCode(first.save(), "GALLERY_CHANGED", /read it again/);
  assert.is((await GalleryFile.open(file)).gallery.size, 0);
  await rm(file);
  await rejectsCode(second.save(), "GALLERY_CHANGED");
});

test("what is no gallery is a typed error", async () => {
  const bytes = encodeGallery(small());
  await writeFile(place("text"), "hello");
  await writeFile(place("empty"), "");
  await writeFile(place("picture.png"), await readFile(sample));
  await writeFile(place("cut"), bytes.subarray(0, bytes.length - 5));
  await writeFile(place("header"), bytes.subarray(0, 60));
  await writeFile(place("longer"), Buffer.concat([bytes, new Uint8Array(3)]));
  await mkdir(place("folder"));
  for (const [name, code] of [
    ["text", "GALLERY_FOREIGN"],
    ["empty", "GALLERY_FOREIGN"],
    ["picture.png", "GALLERY_FOREIGN"],
    ["cut", "GALLERY_CORRUPT"],
    ["header", "GALLERY_CORRUPT"],
    ["longer", "GALLERY_CORRUPT"],
    ["folder", "READ_FAILED"],
    ["absent", "READ_FAILED"],
  ]) {
    await rejectsCode(GalleryFile.open(place(name)), code, new RegExp(name));
  }
});

test("sizes that a file claims are not taken for true", async () => {
  // Two terabytes, none of them on the disk: nothing of that is read.
  await (await open(place("sparse"), "w")).close();
  await truncate(place("sparse"), 2 ** 41);
  await rejectsCode(GalleryFile.open(place("sparse")), "GALLERY_TOO_LARGE");
  await truncate(place("sparse"), 2 ** 31);
  await rejectsCode(GalleryFile.open(place("sparse")), "GALLERY_FOREIGN");
  const bytes = encodeGallery(small());
  const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + header));
  for (const [from, to] of [
    ['"shape":[2,4]', '"shape":[9999999999,4]'],
    ['"data_offsets":[0,32]', '"data_offsets":[0,99999999999]'],
  ]) {
    assert.ok(text.includes(from), text);
    const claimed = new TextEncoder().encode(text.replace(from, to));
    const file = new Uint8Array(8 + claimed.length + bytes.length - 8 - header);
    new DataView(file.buffer).setBigUint64(0, BigInt(claimed.length), true);
    file.set(claimed, 8);
    file.set(bytes.subarray(8 + header), 8 + claimed.length);
    await writeFile(place("claims"), file);
    await rejectsCode(GalleryFile.open(place("claims")), "GALLERY_CORRUPT");
  }
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 60n, true);
  await writeFile(place("claims"), bytes);
  await rejectsCode(GalleryFile.open(place("claims")), "GALLERY_FOREIGN");
});

test("a link is followed, a device is not read", async () => {
  const file = place("real.gallery");
  const made = GalleryFile.create(file, options);
  await made.save();
  await symlink(file, place("link"));
  assert.is((await GalleryFile.open(place("link"))).gallery.size, 0);
  if (process.platform === "win32") return;
  await rejectsCode(GalleryFile.open("/dev/zero"), "READ_FAILED", /not a file/);
});

/* `RETINAFACE_FAULTS=all` kills fifty times. */
const KILLS = process.env.RETINAFACE_FAULTS === "all" ? 50 : 4;
const writer = fileURLToPath(new URL("./gallery-writer.node.js", import.meta.url));

if (process.platform === "win32") skip(test, "a killed writer", "needs signals");
else
  test(`a writer that is killed ${KILLS} times never leaves a gallery in part`, async () => {
    const file = place("killed.gallery");
    const random = new Random(17);
    let during = 0;
    let before = 1000;
    for (let n = 0; n < KILLS; n++) {
      const saves = random.integer(1, 3);
      const { child, ended } = start(process.execPath, [writer, file], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      // It says before and after each save; the kill follows a word of its own, at once or a little later.
      let said = "";
      await new Promise<void>((resolve) => {
        child.stdout!.on("data", (data) => {
          said += data;
          if (said.split("begin").length > saves) setTimeout(resolve, random.uniform(0, 8));
        });
        child.on("close", () => resolve());
      });
      child.kill("SIGKILL");
      const { signal } = await ended;
      assert.is(signal, "SIGKILL", said);
      const { gallery } = await GalleryFile.open(file);
      // Each save has one picture more, so that what was saved last is known up to the one that was under way.
      const saved = said.split("saved").length - 1;
      assert.ok(gallery.pictures >= before + saved, `${gallery.pictures} of ${before + saved}`);
      assert.ok(gallery.pictures <= before + saved + 1, `${gallery.pictures}: more than was saved`);
      if (said.split("begin").length - 1 > saved) during++;
      before = gallery.pictures;
    }
    console.log(`# ${KILLS} kills, ${during} while a gallery was being saved`);
  });

test.run();

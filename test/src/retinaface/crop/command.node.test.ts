/** `retinaface crop`: a file a face, filters, names, and what it never replaces. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Face, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CropJob, cropPhotos } from "../../../../packages/retinaface/dist/cli/crop.js";
import { findPhotos } from "../../../../packages/retinaface/dist/cli/photos.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { base } from "../../support/jpeg-samples.js";
import { Sink } from "../../support/sink.node.js";
import { faceAt } from "../../support/track-sequences.js";

const photo = encodeJpeg({ ...base, width: 96, height: 64, jfif: true });
const FACES: Face[] = [
  faceAt([10, 10, 40, 50], 0.9),
  faceAt([50, 5, 90, 60], 0.8),
  faceAt([2, 2, 10, 12], 0.7),
];
type Detect = Awaited<ReturnType<CropJob["load"]>>["detect"];

let folder: string;
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "crop-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

let made = 0;
async function run(names: readonly string[], options: Partial<CropJob> = {}, where?: string) {
  const place = where ?? path.join(folder, String(made++));
  await mkdir(place, { recursive: true });
  for (const name of names) {
    await writeFile(path.join(place, name), name.startsWith("bad") ? "no photo" : photo);
  }
  const streams = { stdout: new Sink(), stderr: new Sink() };
  const failed = await cropPhotos({
    photos: await findPhotos(names.map((name) => path.join(place, name))),
    out: path.join(place, "out"),
    filter: {},
    call: {},
    load: async () => ({ detect: async () => FACES, dispose() {} }),
    streams,
    ...options,
  });
  const lines = streams.stdout.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const told = streams.stderr.text;
  return { place, failed, lines, told, files: (await readdir(path.join(place, "out"))).sort() };
}

test("each face is a file, named in its photo's line with what it was judged by", async () => {
  const { lines, files, failed } = await run(["a.b.jpg", "bad.jpg"], { size: 50 });
  assert.is(failed, 1);
  assert.equal(files, ["a.b-face1.png", "a.b-face2.png", "a.b-face3.png"]);
  const [{ faces }, bad] = lines;
  assert.equal(
    faces.map(({ crop }: { crop: string }) => path.basename(crop)),
    files,
  );
  assert.ok(
    faces.every(
      ({ sharpness: s, pose }: { sharpness: number; pose: { yaw: number } }) =>
        s > 0 && Math.abs(pose.yaw) < 15,
    ),
  );
  assert.is(bad.error.code, "IMAGE_UNSUPPORTED");
  const { width, height } = await toRawImage(faces[0].crop);
  assert.equal([width, height], [50, 50]);
});

test("filters leave faces out; aligned crops are of recognition's size", async () => {
  const sizes = await run(["a.jpg"], { filter: { minSize: 20 } });
  assert.is(sizes.files.length, 2);
  const best = await run(["a.jpg"], { filter: { best: true }, align: true });
  assert.equal(best.files, ["a-face1.png"]);
  assert.equal(best.lines[0].faces[0].box, [50, 5, 90, 60]);
  assert.is((await toRawImage(best.lines[0].faces[0].crop)).width, 112);
  assert.is((await run(["a.jpg"], { filter: { minSharpness: 1e6 } })).files.length, 0);
  assert.is((await run(["a.jpg"], { filter: { maxAngle: 0 } })).files.length, 0);
});

test("photos of one name get crops of different names; nothing is replaced unasked", async () => {
  const { place, files } = await run(["a.jpg"]);
  const again = await run(["a.jpg"], {}, place).catch((error) => error);
  assert.is(again.code, "OUTPUT_EXISTS");
  assert.equal((await run(["a.jpg"], { overwrite: true }, place)).files, files);
  const two = await run(["a.jpg", "a.png"], { filter: { minSize: 30 } });
  assert.equal(two.files, ["a-face1-2.png", "a-face1.png", "a-face2-2.png", "a-face2.png"]);
});

test("a photo that there is no memory for is looked at smaller, and standard error says so", async () => {
  const place = path.join(folder, "wide");
  await mkdir(place);
  const file = path.join(place, "wide.jpg");
  await writeFile(file, encodeJpeg({ ...base, width: 800, height: 8, jfif: true }));
  const sides: (number | undefined)[] = [];
  const detect: Detect = async (_, { maxSide }) => {
    sides.push(maxSide);
    if (maxSide === undefined || maxSide > 600) {
      throw Object.assign(new Error("too large"), { code: "OUT_OF_MEMORY" });
    }
    return [faceAt([300, 0, 320, 8], 0.9)];
  };
  const load = async () => ({ detect, dispose() {} });
  const photos = await findPhotos([file]);
  const { failed, lines, told } = await run([], { photos, load }, place);
  assert.is(failed, 0);
  assert.equal(sides, [undefined, 566]);
  assert.equal(lines[0].faces[0].box, [300, 0, 320, 8]);
  assert.match(told, /wide\.jpg.*800×8.*566 pixels/);
});

test.run();

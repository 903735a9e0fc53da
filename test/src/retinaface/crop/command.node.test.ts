/** `retinaface crop`: a file a face, filters, names, and what it never replaces. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Face, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTemplateFile } from "../../../../packages/retinaface/dist/cli/config-file.js";
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

test("a template file says where landmarks go; what is none is told with its name", async () => {
  const place = path.join(folder, "templates");
  await mkdir(place);
  const file = path.join(place, "t.json");
  await writeFile(file, '{"size":64,"points":[[20,20],[44,20],[32,34],[22,46],[42,46]]}');
  const { lines } = await run(["a.jpg"], { align: true, template: await readTemplateFile(file) });
  assert.is((await toRawImage(lines[0].faces[0].crop)).width, 64);
  for (const text of ['{"size":64}', "{"]) {
    await writeFile(file, text);
    const error = await readTemplateFile(file).catch((error) => error);
    assert.is(error.code, "OPTION_INVALID");
    assert.match(error.message, /t\.json is no template/);
  }
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

/** A face without a head for landmarks, and one whose landmarks coincide. */
const faceless = (box: Face["box"]): Face =>
  Object.assign(
    Object.create({
      get landmarks(): never {
        throw Object.assign(new Error("without landmarks"), { code: "NO_LANDMARKS" });
      },
    }),
    { box, score: 0.9 },
  );
const pinched = (box: Face["box"]): Face => {
  const face = faceAt(box, 0.6);
  const names = Object.keys(face.landmarks) as (keyof Face["landmarks"])[];
  return { ...face, landmarks: Object.fromEntries(names.map((name) => [name, [9, 9]])) as never };
};

test("one face that cannot be placed does not stop the others; faces at the border and tiny ones are cut", async () => {
  const detect: Detect = async () => [
    pinched([30, 20, 60, 50]),
    faceAt([-15, -10, 20, 30], 0.9),
    faceAt([80, 40, 120, 90], 0.8),
    faceAt([50, 30, 52, 32.5], 0.7),
    faceAt([50, 30, 50.3, 30.4], 0.65),
  ];
  const load = async () => ({ detect, dispose() {} });
  const square = await run(["a.jpg"], { load });
  assert.is(square.lines[0].faces.length, 4);
  assert.is(square.lines[0].faces[0].pose, undefined);
  const aligned = await run(["a.jpg"], { load, align: true });
  assert.equal([aligned.failed, aligned.lines[0].faces.length], [0, 3]);
  assert.match(aligned.told, /a\.jpg: 1 left out, whose landmarks coincide/);
});

test("weights without landmarks cut squares; what asks for landmarks is an error", async () => {
  const load = async () => ({ detect: async () => [faceless([10, 10, 40, 50])], dispose() {} });
  assert.is((await run(["a.jpg"], { load })).files.length, 1);
  for (const asked of [{ align: true }, { filter: { maxAngle: 20 } }]) {
    const { failed, lines, files } = await run(["a.jpg"], { load, ...asked });
    assert.equal([failed, lines[0].error.code, files.length], [1, "NO_LANDMARKS", 0]);
  }
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

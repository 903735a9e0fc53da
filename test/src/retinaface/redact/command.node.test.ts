/** `retinaface redact`: where copies go, what is looked at twice, what a run never does to the photos. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@retinaface-webgpu/tensor";
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type CommandDetector,
  detectPhotos,
} from "../../../../packages/retinaface/dist/cli/detect.js";
import { findPhotos } from "../../../../packages/retinaface/dist/cli/photos.js";
import { redactedCopies, TwoLooks } from "../../../../packages/retinaface/dist/cli/redact.js";
import { Review } from "../../../../packages/retinaface/dist/cli/review.js";
import { concatBytes } from "../../support/bytes.js";
import { start } from "../../support/command.node.js";
import { difference } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { base } from "../../support/jpeg-samples.js";
import { mutateBytes } from "../../support/mutate.js";
import { encodePng } from "../../support/photos.node.js";
import { Sink } from "../../support/sink.node.js";
import { faceAt } from "../../support/track-sequences.js";

const COMMAND = fileURLToPath(
  new URL("../../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const photo = encodeJpeg({ ...base, width: 96, height: 64, jfif: true });
let folder: string;
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "redact-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

let made = 0;
async function home(files: Record<string, Uint8Array>): Promise<string> {
  const place = path.join(folder, String(made++));
  await mkdir(place);
  for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(place, name), bytes);
  return place;
}

/** A detector that finds one face, and one only at the size of the second look. */
function detector(looks: number[] = []): CommandDetector {
  return {
    backend: "wasm",
    threads: 1,
    detect: async (image: RawImage, { maxSide }) => {
      looks.push(maxSide ?? Math.max(image.width, image.height));
      const first = faceAt([10, 10, 30, 40], 0.9);
      return maxSide === 192
        ? [faceAt([11, 10, 31, 40], 0.5), faceAt([60, 8, 90, 50], 0.4)]
        : [first];
    },
    dispose() {},
  };
}

interface Run {
  readonly inPlace?: boolean;
  readonly review?: Review;
  readonly overwrite?: boolean;
}

async function run(
  place: string,
  names: readonly string[],
  { inPlace, review, overwrite }: Run = {},
) {
  const streams = { stdout: new Sink(), stderr: new Sink() };
  const failed = await detectPhotos({
    photos: await findPhotos(names.map((name) => path.join(place, name))),
    ...(inPlace ? {} : { out: path.join(place, "out") }),
    overwrite: overwrite ?? false,
    copy: redactedCopies({ options: { style: "fill" }, inPlace, review }),
    load: async () => new TwoLooks(detector()),
    streams,
  });
  const lines = streams.stdout.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { failed, lines };
}

const black = ({ data, width }: RawImage, x: number, y: number) =>
  data[(y * width + x) * 4] + data[(y * width + x) * 4 + 1] < 40;

test("both looks' faces are hidden in a copy of the photo's own format, and printed once each", async () => {
  const place = await home({ "a.jpg": photo, "b.PNG": encodePng(await toRawImage(photo)) });
  const { failed, lines } = await run(place, ["a.jpg", "b.PNG"]);
  assert.is(failed, 0);
  const original = await toRawImage(photo);
  for (const [n, name] of ["a.jpg", "b.PNG"].entries()) {
    assert.equal(
      lines[n].faces.map(({ score }: { score: number }) => score),
      [0.9, 0.4],
    );
    const copy = await toRawImage(path.join(place, "out", name));
    assert.ok(black(copy, 20, 25) && black(copy, 75, 30));
    assert.not(black(original, 20, 25));
  }
  assert.equal(await readFile(path.join(place, "a.jpg")), Buffer.from(photo));
});

test("of 200 odd inputs each is a whole copy or an error line, and nothing is left in part", async () => {
  const random = new Random(7);
  const png = encodePng(await toRawImage(photo));
  const odd = [
    (bytes: Uint8Array) => mutateBytes(bytes, random),
    (bytes: Uint8Array) => bytes.subarray(0, random.integer(bytes.length)),
    (bytes: Uint8Array) => concatBytes([bytes, bytes.subarray(random.integer(bytes.length))]),
  ];
  const files: Record<string, Uint8Array> = {};
  for (let n = 0; n < 200; n++) {
    files[`${n}.${n % 2 ? "png" : "jpg"}`] = odd[n % 3](n % 2 ? png : photo);
  }
  const place = await home(files);
  await mkdir(path.join(place, "folder.jpg"));
  await symlink(path.join(place, "nowhere"), path.join(place, "link.png"));
  const { failed, lines } = await run(place, [...Object.keys(files), "folder.jpg", "link.png"]);
  const whole = lines.filter(({ error }) => error === undefined);
  assert.is(failed, lines.length - whole.length);
  assert.ok(failed > 30 && whole.length > 30, `${failed} failed, ${whole.length} did not`);
  for (const { error } of lines) if (error) assert.not.equal(error.code, "INTERNAL", error.message);
  const copies = await readdir(path.join(place, "out"));
  assert.equal(copies.sort(), whole.map(({ file }) => path.basename(file)).sort());
  for (const { file, width } of whole) {
    const copy = await toRawImage(path.join(place, "out", path.basename(file)));
    assert.is(copy.width, width, file);
  }
});

test("the second look is at twice the size of a small photo and at half of a large one", async () => {
  for (const [width, maxSide, sizes] of [
    [96, undefined, [96, 192]],
    [1000, undefined, [1000, 500]],
    [1000, 900, [900, 1800]],
  ] as const) {
    const looks: number[] = [];
    const image = { data: new Uint8ClampedArray(width * 2 * 4), width, height: 2 };
    await new TwoLooks(detector(looks)).detect(image, { maxSide });
    assert.equal(looks, [...sizes]);
  }
});

test("copies replace nothing unless asked; one that cannot be read fails alone", async () => {
  const place = await home({ "a.jpg": photo, "bad.jpg": photo.subarray(0, 90) });
  const { failed, lines } = await run(place, ["bad.jpg", "a.jpg"]);
  assert.is(failed, 1);
  assert.is(lines[0].error.code, "IMAGE_CORRUPT");
  const again = await run(place, ["a.jpg"]).catch((error) => error);
  assert.is(again.code, "OUTPUT_EXISTS");
  assert.is((await run(place, ["a.jpg"], { overwrite: true })).failed, 0);
});

test("in place the photo itself is replaced, also behind a link; what fails stays as it is", async () => {
  const bad = photo.subarray(0, 90);
  const place = await home({ "a.jpg": photo, "bad.jpg": bad });
  await symlink(path.join(place, "a.jpg"), path.join(place, "link.jpg"));
  assert.is((await run(place, ["link.jpg", "bad.jpg"], { inPlace: true })).failed, 1);
  const copy = await toRawImage(path.join(place, "a.jpg"));
  assert.ok(black(copy, 20, 25));
  assert.ok(difference(copy, await toRawImage(path.join(place, "link.jpg"))) === 0);
  assert.equal(await readFile(path.join(place, "bad.jpg")), Buffer.from(bad));
});

test("the page to review shows copies, names made harmless, and says what failed", async () => {
  const place = await home({ "a<b>&.jpg": photo });
  const review = new Review();
  await run(place, ["a<b>&.jpg"], { review });
  const html = review.html([path.join(place, "a<b>&.jpg"), "gone.jpg"]);
  assert.match(html, /a&lt;b&gt;&amp;\.jpg: 2 hidden/);
  assert.is(html.split("data:image/jpeg").length - 1, 3);
  assert.match(html, /gone\.jpg<\/h2><p>failed/);
});

test("the page may lie in the folder of the copies, which is made", async () => {
  const place = await home({ "a.jpg": photo });
  const out = path.join(place, "hidden");
  const files = ["--out", out, "--review", path.join(out, "review.html")];
  const engine = ["--backend", "wasm", "--threads", "1"];
  const args = [COMMAND, "redact", path.join(place, "a.jpg"), ...files, ...engine];
  const { code, stderr } = await start(process.execPath, args).ended;
  assert.is(code, 0, stderr);
  assert.equal((await readdir(out)).sort(), ["a.jpg", "review.html"]);
});

test("the command asks where to, and names what it refuses", async () => {
  const place = await home({ "a.jpg": photo });
  const file = path.join(place, "a.jpg");
  const said = (...args: string[]) =>
    start(process.execPath, [COMMAND, "redact", file, ...args]).ended;
  const [nowhere, both, small] = await Promise.all([
    said(),
    said("--out", place, "--in-place"),
    said("--out", place, "--grow", "0.5"),
  ]);
  assert.equal([nowhere.code, both.code, small.code], [2, 2, 2]);
  assert.match(nowhere.stderr, /--out DIR.*--in-place/);
  assert.match(both.stderr, /--out/);
  assert.match(small.stderr, /from 1, the box itself/);
});

test.run();

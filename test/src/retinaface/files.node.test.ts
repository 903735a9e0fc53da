/** `detectFiles`: many images, decoded in threads beside the network. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  type DetectFilesOptions,
  type FileResult,
  type ImageInput,
  type RawImage,
  RetinaFace,
  toRawImage,
} from "retinaface-webgpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDecoders } from "../../../packages/retinaface/dist/image/decoders.node.js";
import { difference } from "../support/images.js";
import { encodePng } from "../support/png-encoder.node.js";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";

const test = suite("files");
const sample = fileURLToPath(
  new URL("../../../packages/retinaface/assets/sample.png", import.meta.url),
);
const small = encodePng({ width: 60, height: 40, depth: 8, colourType: 2, sample: (x) => x % 256 });
/** Takes long to decode. */
const large = encodePng({
  width: 3000,
  height: 2000,
  depth: 8,
  colourType: 2,
  sample: (x) => x % 256,
});
let folder = "";
let detector: RetinaFace;

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "files-"));
  detector = await RetinaFace.load({ backend: "wasm", threads: 1 });
});
test.after(async () => {
  detector.dispose();
  await rm(folder, { recursive: true });
});

async function collect(
  files: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  options: DetectFilesOptions = {},
): Promise<FileResult[]> {
  const results: FileResult[] = [];
  for await (const result of detector.detectFiles(files, options)) results.push(result);
  return results;
}

test("every kind of input, in order, with the faces that detect finds; a bad one is one error", async () => {
  const cut = path.join(folder, "cut.png");
  await writeFile(cut, small.subarray(0, 200));
  const bytes = new Uint8Array(await readFile(sample));
  const pixels = await toRawImage(sample);
  const files: ImageInput[] = [
    sample,
    cut,
    bytes,
    pathToFileURL(sample),
    path.join(folder, "absent.jpg"),
    new Blob([bytes]),
    pixels,
    `data:image/png;base64,${Buffer.from(small).toString("base64")}`,
    5 as never,
    "https://example.org/a.jpg",
    new Uint8Array(),
  ];
  const expected = await detector.detect(sample);
  assert.ok(expected.length > 0);
  for (const decoders of [2, 0]) {
    const results = await collect(files, { decoders });
    assert.equal(
      results.map(({ error }) => (error as { code?: string } | undefined)?.code),
      [
        undefined,
        "IMAGE_CORRUPT",
        undefined,
        undefined,
        "IMAGE_UNREADABLE",
        undefined,
        undefined,
        undefined,
        "OPTION_INVALID",
        "OPTION_INVALID",
        "IMAGE_EMPTY",
      ],
    );
    for (const [index, result] of results.entries()) {
      assert.is(result.file, files[index]);
      assert.is(result.index, index);
      if (result.error) assert.ok(result.error instanceof Error && result.error.message.length > 9);
    }
    for (const n of [0, 2, 3, 5, 6]) {
      assert.equal(results[n].faces, expected);
      assert.is((results[n] as { width: number }).width, pixels.width);
    }
  }
  assert.is(bytes.length, (await readFile(sample)).length, "the caller's bytes are not taken away");
});

test("no more are held than may be, whatever the source offers", async () => {
  let taken = 0;
  function* many() {
    for (; taken < 12; taken++) yield small;
  }
  let seen = 0;
  for await (const { faces } of detector.detectFiles(many(), { decoders: 2, ahead: 3 })) {
    assert.ok(faces);
    assert.ok(taken - seen <= 4, `${taken - seen} taken and not given`);
    seen++;
  }
  assert.is(seen, 12);
  assert.equal(await collect([]), []);
});

test("an abortion ends it within a photo's time; leaving the loop does too", async () => {
  const controller = new AbortController();
  const files = Array.from({ length: 20 }, () => large);
  const results = detector.detectFiles(files, { decoders: 1, signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  const error = await results.next().catch((reason) => reason);
  assert.is(error.message, "enough");
  const already = detector.detectFiles([sample], { signal: controller.signal });
  assert.is((await already.next().catch((reason) => reason)).message, "enough");
  for await (const { faces } of detector.detectFiles(files, { maxSide: 320 })) {
    assert.ok(faces);
    break;
  }
  assert.equal(await collect([small]), await collect([small]), "the detector goes on");
});

test("a thread hears of an abortion and takes the next image", async () => {
  const decoders = openDecoders(1);
  const controller = new AbortController();
  const first = decoders.decode(large, { signal: controller.signal });
  const second = decoders.decode(small);
  const dropped = decoders.decode(small, { signal: controller.signal });
  controller.abort(new Error("enough"));
  for (const one of [first, dropped]) {
    assert.is((await one.catch((reason) => reason)).message, "enough");
  }
  assert.is((await second).image.width, 60);
  const late = decoders.decode(large).catch((reason) => reason);
  await decoders.close();
  assert.match((await late).message, /closed/);
});

test("threads write what this one writes; the pixels go with it, and an abortion is heard", async () => {
  const [threads, none] = [openDecoders(1), openDecoders(0)];
  const random = new Random(3);
  const noise = (alpha: number): RawImage => ({
    width: 31,
    height: 40,
    data: Uint8ClampedArray.from({ length: 31 * 40 * 4 }, (_, i) =>
      i % 4 === 3 ? alpha : random.integer(0, 255),
    ),
  });
  for (const encoding of ["rgb-png", "png", "jpeg"] as const) {
    const image = noise(encoding === "png" ? 99 : 255);
    const kept = { ...image, data: image.data.slice() };
    const bytes = await threads.encode(encoding, image);
    assert.is(image.data.length, 0);
    assert.equal(bytes, new Uint8Array(await none.encode(encoding, kept)));
    if (encoding !== "jpeg") assert.is(difference(await toRawImage(bytes), kept), 0);
  }
  const controller = new AbortController();
  const late = threads.encode("png", noise(1), controller.signal).catch((reason) => reason);
  controller.abort(new Error("enough"));
  assert.is((await late).message, "enough");
  assert.is((await threads.decode(small)).image.width, 60, "the thread goes on");
  await threads.close();
  assert.match((await threads.encode("png", noise(1)).catch((reason) => reason)).message, /closed/);
});

test("timings tell of the decoding; wrong numbers are refused", async () => {
  const decoding: number[] = [];
  await collect([large, large], { maxSide: 64, onTimings: ({ decode }) => decoding.push(decode) });
  assert.is(decoding.length, 2);
  assert.ok(decoding.every((ms) => ms > 1));
  for (const wrong of [{ decoders: -1 }, { decoders: 0.5 }, { ahead: 0 }, { maxSide: 0 }]) {
    await rejectsCode(collect([small], wrong), "OPTION_INVALID");
  }
});

test.run();

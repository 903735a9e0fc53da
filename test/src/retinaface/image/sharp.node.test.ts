/* Photos that sharp decodes: made smaller while they are decoded, and formats that only it knows. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type DecodeOptions, type Face, RetinaFace, toRawImage } from "retinaface-webgpu";
import sharp from "sharp";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDecoders } from "../../../../packages/retinaface/dist/image/decoders.node.js";
import { byPlace } from "../../support/faces.js";
import { codeOf, difference, draw, exifSegment, storedAs } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { encodePng } from "../../support/png-encoder.node.js";
import { run } from "../../support/tools.node.js";

const test = suite("sharp");
const SHARP = { decoder: "sharp" } as const;
const OWN = { decoder: "own" } as const;
const sample = fileURLToPath(
  new URL("../../../../packages/retinaface/assets/sample.png", import.meta.url),
);

const gradient = (width: number, height: number) =>
  draw(width, height, (x, y) => [(x * 255) / width, (y * 255) / height, 40].map(Math.round));

function pipelineOf(image: ReturnType<typeof gradient>) {
  const { data, width, height } = image;
  return sharp(data, { raw: { width, height, channels: 4 } }).removeAlpha();
}

function jpegOf(width: number, height: number, orientation: number): Uint8Array {
  const image = storedAs(gradient(width, height), orientation);
  const components = [0, 1, 2].map((c) => ({
    sample: (x: number, y: number) => image.data[(y * image.width + x) * 4 + c],
  }));
  const size = { width: image.width, height: image.height };
  return encodeJpeg({ ...size, components, adobe: 0, app1: exifSegment(orientation) });
}

const bytesOf = (buffer: Buffer) => new Uint8Array(buffer);

test("formats of its own, whole and smaller, upright once", async () => {
  const lossless = { lossless: true, effort: 0 };
  for (const orientation of [1, 6]) {
    const stored = pipelineOf(storedAs(gradient(90, 64), orientation)).withMetadata({
      orientation,
    });
    const files = {
      webp: stored.clone().webp(lossless),
      avif: stored.clone().avif(lossless),
      tiff: stored.clone().tiff({ compression: "lzw" }),
      // Has no orientation.
      gif: pipelineOf(gradient(90, 64)).gif({ effort: 1 }),
    };
    for (const [name, file] of Object.entries(files)) {
      const bytes = bytesOf(await file.toBuffer());
      const whole = await toRawImage(bytes);
      const off = difference(whole, gradient(90, 64));
      assert.ok(off <= (name === "gif" ? 40 : 4), `${name} ${orientation}: off by ${off}`);
      assert.is(whole.original, undefined);
      const small = await toRawImage(bytes, { maxSide: 45 });
      assert.equal(small.original, { width: 90, height: 64 }, name);
      assert.ok(difference(small, gradient(45, 32)) <= (name === "gif" ? 40 : 8), name);
    }
  }
});

test("a JPEG in every orientation, as our own decoder shows it", async () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    const file = jpegOf(90, 64, orientation);
    for (const maxSide of [undefined, 45, 20]) {
      const image = await toRawImage(file, { ...SHARP, maxSide });
      const own = await toRawImage(file, { ...OWN, maxSide });
      assert.equal(image.original, own.original);
      const off = difference(image, own);
      assert.ok(off <= (maxSide ? 6 : 1), `${orientation} at ${maxSide}: off by ${off}`);
    }
  }
});

test("what it would show otherwise is left to our own decoders, to the bit", async () => {
  const cmyk = encodeJpeg({
    width: 40,
    height: 30,
    components: [0, 1, 2, 3].map((c) => ({ sample: (x: number, y: number) => x * c + y * 3 })),
  });
  const png = (colourType: number, depth: number) =>
    encodePng({
      width: 40,
      height: 30,
      depth,
      colourType,
      sample: (x, y, c) => x * 5 + y + c * 30,
    });
  const files = [cmyk, png(6, 8), png(2, 16), jpegOf(90, 64, 6).subarray(0, 2000)];
  for (const file of files) {
    for (const options of [{ maxSide: 20 }, { maxSide: 20, truncated: "show" as const }]) {
      const of = (decoding: DecodeOptions) =>
        toRawImage(file, { ...decoding, ...options }).catch(({ code, message }) => [code, message]);
      assert.equal(await of(SHARP), await of(OWN));
    }
  }
});

test("grey is spread; auto leaves what is not made smaller to us", async () => {
  const grey = encodeJpeg({ width: 60, height: 40, components: [{ sample: (x, y) => x * 4 + y }] });
  for (const maxSide of [undefined, 30]) {
    const images = [
      await toRawImage(grey, { ...SHARP, maxSide }),
      await toRawImage(grey, { ...OWN, maxSide }),
    ];
    assert.ok(difference(images[0], images[1]) <= 3);
  }
  const colours = jpegOf(90, 64, 1);
  assert.equal(await toRawImage(colours), await toRawImage(colours, OWN));
});

test("limits, damage and words that are not known are typed errors", async () => {
  const webp = bytesOf(await pipelineOf(gradient(90, 64)).webp().toBuffer());
  assert.is(await codeOf(toRawImage(webp, { maxPixels: 90 * 64 - 1 })), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(webp, { maxBytes: 90 * 64 })), "IMAGE_TOO_LARGE");
  const cut = webp.subarray(0, webp.length - 60);
  assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT");
  const jpeg = jpegOf(90, 64, 1);
  const small = { ...SHARP, maxPixels: 90 * 64 - 1 };
  assert.is(await codeOf(toRawImage(jpeg, small)), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(jpeg, { decoder: "mine" as never })), "OPTION_INVALID");
  const box = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1${brand}`);
  assert.match(await codeOf(toRawImage(box("heic"))), /^IMAGE_(CORRUPT|UNSUPPORTED)$/);
  for (const [name, file] of Object.entries({
    WebP: webp,
    HEIC: box("heic"),
    AVIF: box("avif"),
    GIF: Buffer.from("GIF89a\x01\0\x01\0\0\0\0"),
    TIFF: Buffer.from("II*\0\x08\0\0\0\0\0"),
  })) {
    const { code, message } = await toRawImage(file, OWN).catch((error) => error);
    assert.is(code, "IMAGE_UNSUPPORTED", name);
    assert.match(message, `${name} is not decoded here: leave decoder "own" out and have sharp`);
    assert.is(/a libvips that reads HEIC/.test(message), name === "HEIC");
  }
  const aborted = { signal: AbortSignal.abort(new Error("enough")) };
  assert.is(await toRawImage(webp, aborted).catch(({ message }) => message), "enough");
  const decoders = openDecoders(1);
  try {
    assert.is((await decoders.decode(webp, { maxSide: 45 })).image.width, 45);
    assert.is(await codeOf(decoders.decode(cut)), "IMAGE_CORRUPT");
    assert.is(await codeOf(decoders.decode("absent.webp")), "IMAGE_UNREADABLE");
  } finally {
    await decoders.close();
  }
});

test("faces are those of our own decoder", async () => {
  const large = sharp(sample).resize(1920, 1200).removeAlpha();
  const files = [
    bytesOf(await large.clone().jpeg({ quality: 92 }).toBuffer()),
    bytesOf(await large.clone().webp({ quality: 92, effort: 0 }).toBuffer()),
  ];
  const detector = await RetinaFace.load({ backend: "wasm", maxSide: 640 });
  try {
    const expected = byPlace(await detector.detect(files[0], OWN));
    assert.ok(expected.length >= 3);
    const found: Face[][] = [];
    for await (const { faces = [] } of detector.detectFiles(files, SHARP))
      found.push(byPlace(faces));
    for (const faces of found) {
      assert.is(faces.length, expected.length);
      for (const [i, { box, score }] of faces.entries()) {
        assert.ok(Math.abs(score - expected[i].score) < 0.02);
        assert.ok(box.every((value, k) => Math.abs(value - expected[i].box[k]) < 3));
      }
    }
  } finally {
    detector.dispose();
  }
});

/** A program's start in which nothing called sharp is installed. */
const WITHOUT = `data:text/javascript,${encodeURIComponent(
  'import { register } from "node:module";' +
    `register("data:text/javascript," + encodeURIComponent(${JSON.stringify(
      "export const resolve = (name, context, next) => {" +
        '  if (name === "sharp") throw Object.assign(new Error("none"), { code: "ERR_MODULE_NOT_FOUND" });' +
        "  return next(name, context); };",
    )}));`,
)}`;

test("without it, its formats name it as the remedy, and asking for it is an error", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "sharp-"));
  try {
    const photo = path.join(folder, "a.webp");
    await writeFile(photo, await pipelineOf(gradient(90, 64)).webp().toBuffer());
    const cli = fileURLToPath(
      new URL("../../../../packages/retinaface/dist/cli/main.js", import.meta.url),
    );
    const detect = (...args: string[]) =>
      run(process.execPath, ["--import", WITHOUT, cli, "detect", photo, ...args]);
    const plain = await detect();
    assert.is(plain.code, 1);
    assert.match(
      plain.output,
      /IMAGE_UNSUPPORTED.*WebP is not decoded here: npm install sharp, or/,
    );
    const asked = await detect("--decoder", "sharp");
    assert.is(asked.code, 2);
    assert.match(asked.output, /npm install sharp/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();

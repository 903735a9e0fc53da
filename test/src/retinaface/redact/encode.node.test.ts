/** What of a photo's file survives in a redacted copy: its colours and, if wished, its words, never its small pictures. */
import { type RawImage, toRawImage } from "retinaface-webgpu";
import sharp from "sharp";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sniffFormat } from "../../../../packages/retinaface/dist/image/format.js";
import type { Sharp } from "../../../../packages/retinaface/dist/image/sharp.node.js";
import {
  encodeByOthers,
  encodeBySharp,
  encodeLike,
  encodePhoto,
} from "../../../../packages/retinaface/dist/redact/encode.node.js";
import { cleanExif } from "../../../../packages/retinaface/dist/redact/exif.js";
import { codeOf, difference, draw } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { base, find } from "../../support/jpeg-samples.js";
import { encodePng, PNG_SIGNATURE, pngChunk } from "../../support/png-encoder.node.js";

const text = (value: string) => new TextEncoder().encode(value);
const FACE = text("THE FACE AGAIN");
const count = (bytes: Uint8Array, part: string) =>
  Buffer.from(bytes).toString("latin1").split(part).length - 1;
/** With metadata and without, by each way to encode. */
const WAYS = [encodeBySharp(sharp as unknown as Sharp), encodeByOthers].flatMap((encode) =>
  [false, true].map((keep) => [keep, encode] as const),
);
const has = (bytes: Uint8Array, part: string) => Buffer.from(bytes).includes(part);

/** A TIFF block: camera, orientation, settings with a maker's note, place, and a second directory with a thumbnail. */
function exif(little: boolean): Uint8Array {
  const bytes = new Uint8Array(400);
  const view = new DataView(bytes.buffer);
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, count, little);
    if (type === 3) view.setUint16(at + 8, value, little);
    else view.setUint32(at + 8, value, little);
  };
  bytes.set(text(little ? "II" : "MM"));
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 4, little);
  entry(10, 0x010f, 2, 12, 200);
  entry(22, 0x0112, 3, 1, 6);
  entry(34, 0x8769, 4, 1, 80);
  entry(46, 0x8825, 4, 1, 120);
  view.setUint32(58, 150, little);
  view.setUint16(80, 1, little);
  entry(82, 0x927c, 7, FACE.length, 300);
  view.setUint16(120, 1, little);
  entry(122, 0x001d, 2, 11, 220);
  view.setUint16(150, 2, little);
  entry(152, 0x0201, 4, 1, 340);
  entry(164, 0x0202, 4, 1, FACE.length);
  bytes.set(text("Camera Make"), 200);
  bytes.set(text("2026:11:29"), 220);
  bytes.set(FACE, 300);
  bytes.set(FACE, 340);
  return bytes;
}

for (const little of [true, false]) {
  test(`EXIF, ${little ? "little" : "big"} endian: camera and place stay, thumbnail and maker's note go, upright`, () => {
    const source = exif(little);
    const clean = cleanExif(source) as Uint8Array;
    assert.equal(source, exif(little), "the original is left alone");
    assert.not(has(clean, "THE FACE"));
    assert.ok(has(clean, "Camera Make") && has(clean, "2026:11:29"));
    const view = new DataView(clean.buffer);
    assert.is(view.getUint16(22 + 8, little), 1);
    assert.is(view.getUint32(58, little), 0);
  });
}

test("EXIF that cannot be followed is not kept", () => {
  assert.is(cleanExif(text("no EXIF at all, really")), undefined);
  const looping = exif(true);
  new DataView(looping.buffer).setUint32(4, 5000, true);
  assert.is(cleanExif(looping), undefined);
  for (let length = 0; length < 400; length += 7) cleanExif(exif(false).subarray(0, length));
});

/** A block of one directory with these entries; longer values lie behind it. */
function exifOf(entries: readonly (readonly [tag: number, type: number, value: Uint8Array])[]) {
  const start = 8 + 2 + 12 * entries.length + 4;
  const bytes = Buffer.alloc(start + entries.reduce((sum, [, , { length }]) => sum + length, 0));
  bytes.write("MM\0*\0\0\0\x08");
  bytes.writeUInt16BE(entries.length, 8);
  let free = start;
  for (const [n, [tag, type, value]] of entries.entries()) {
    const at = 10 + 12 * n;
    const size = [0, 1, 1, 2, 4, 8, 1, 1][type];
    bytes.writeUInt16BE(tag, at);
    bytes.writeUInt16BE(type, at + 2);
    bytes.writeUInt32BE(value.length / size, at + 4);
    if (value.length <= 4) bytes.set(value, at + 8);
    else {
      bytes.writeUInt32BE(free, at + 8);
      bytes.set(value, free);
      free += value.length;
    }
  }
  return new Uint8Array(bytes);
}

const long = (value: number) => Uint8Array.of(0, 0, value >> 8, value & 255);

test("EXIF: only words and a few numbers stay, of whatever tag; a hidden picture ends it", () => {
  const secret = Buffer.concat([FACE, FACE, FACE, FACE, FACE]);
  const clean = cleanExif(
    exifOf([
      [0x010e, 2, text("a description, long or not")],
      [0x02bc, 1, secret], // XMP
      [0x8649, 7, secret], // Photoshop's resources
      [0xc4a5, 7, secret], // PrintIM
      [0x9c9b, 1, text("a title of Windows")],
      [0x0111, 4, Buffer.alloc(4000, "THE FACE AGAIN")], // strips
    ]),
  ) as Uint8Array;
  assert.ok(has(clean, "a description") && has(clean, "a title of Windows"));
  assert.not(has(clean, "THE FACE"));
  const picture = Buffer.from([...text("words "), 0xff, 0xd8, 0xff, 0xe0, ...FACE]);
  assert.is(cleanExif(exifOf([[0x010e, 2, picture]])), undefined);
});

test("EXIF that says its orientation oddly is upright; sides that were turned change places", () => {
  const odd = cleanExif(exifOf([[0x0112, 4, long(6)]])) as Uint8Array;
  assert.equal(Array.from(odd.subarray(10, 22)), [1, 0x12, 0, 3, 0, 0, 0, 1, 0, 1, 0, 0]);
  const turned = cleanExif(
    exifOf([
      [0x0112, 3, Uint8Array.of(0, 8)],
      [0xa002, 4, long(4000)],
      [0xa003, 4, long(3000)],
    ]),
  ) as Uint8Array;
  const view = new DataView(turned.buffer);
  assert.equal([view.getUint32(22 + 8), view.getUint32(34 + 8)], [3000, 4000]);
});

test("EXIF whose directories lead to one another without end takes no time", () => {
  const block = new Uint8Array(65_000);
  const view = new DataView(block.buffer);
  block.set(text("MM"));
  view.setUint16(2, 42);
  view.setUint32(4, 8);
  view.setUint16(8, 5000);
  for (let n = 0; n < 5000; n++) {
    view.setUint16(10 + 12 * n, 0x8769);
    view.setUint16(10 + 12 * n + 2, 4);
    // Each to another place, and to a directory that is as long.
    view.setUint32(10 + 12 * n + 8, n % 2 ? 8 : 20 + 12 * n);
  }
  assert.is(cleanExif(block), undefined);
});

const header = (name: string, rest: Uint8Array) => Buffer.concat([text(name), rest]);

function segment(marker: number, contents: Uint8Array): Buffer {
  const length = contents.length + 2;
  return Buffer.concat([Uint8Array.of(0xff, marker, length >> 8, length & 255), contents]);
}

function profile(space: string): Uint8Array {
  const icc = new Uint8Array(128);
  icc.set(text(space), 16);
  return header("ICC_PROFILE\0\x01\x01", icc);
}

/** A JPEG with all that a camera and an editor put into one, and another picture behind its end. */
function crowdedJpeg(space = "RGB "): Uint8Array {
  const plain = encodeJpeg({ ...base, jfif: true });
  const jfif = 4 + plain[4] * 256 + plain[5];
  return Buffer.concat([
    plain.subarray(0, jfif),
    segment(0xe1, header("Exif\0\0", exif(true))),
    segment(0xe1, header("http://ns.adobe.com/xap/1.0/\0", FACE)),
    segment(0xe2, profile(space)),
    segment(0xe2, header("MPF\0", FACE)),
    segment(0xed, header("Photoshop 3.0\0", FACE)),
    segment(0xfe, text("a comment")),
    plain.subarray(jfif),
    FACE,
  ]);
}

test("JPEG: the picture upright, the profile, and nothing that shows it again; words only if wished", async () => {
  const original = crowdedJpeg();
  const image = (await toRawImage(original)) as RawImage;
  assert.equal([image.width, image.height], [24, 40], "orientation 6 is turned");
  for (const [keepMetadata, encode] of WAYS) {
    const copy = await encodePhoto(original, "jpeg", image, { keepMetadata, encode });
    assert.not(has(copy, "THE FACE"));
    assert.not(has(copy, "ns.adobe.com"));
    assert.ok(has(copy, "ICC_PROFILE"));
    assert.is(has(copy, "Camera Make"), keepMetadata);
    assert.is(has(copy, "a comment"), keepMetadata);
    const again = (await toRawImage(copy)) as RawImage;
    assert.equal([again.width, again.height], [24, 40]);
    assert.ok(difference(again, image) < 24, `${difference(again, image)}`);
    assert.ok(find(copy, 0xda) > 0);
  }
  assert.not(has(await encodeLike(crowdedJpeg("CMYK"), image, true), "ICC_PROFILE"));
});

test("PNG: colours and, if wished, texts, but no EXIF and no XMP; transparency stays", async () => {
  const plain = encodePng({
    width: 6,
    height: 5,
    depth: 8,
    colourType: 6,
    sample: (x, y, channel) => (40 * x + 7 * y + 50 * channel) % 256,
  });
  const head = PNG_SIGNATURE.length + 25;
  const badChunk = pngChunk("tEXt", header("Bad\0", text("gone bad")));
  badChunk.fill(0, badChunk.length - 4);
  const original = Buffer.concat([
    plain.subarray(0, head),
    pngChunk("gAMA", Uint8Array.of(0, 0, 177, 143)),
    pngChunk("pHYs", Uint8Array.of(0, 0, 11, 19, 0, 0, 11, 19, 1)),
    badChunk,
    pngChunk("tEXt", header("Title\0", text("a title"))),
    pngChunk("iTXt", header("XML:com.adobe.xmp\0\0\0\0\0", FACE)),
    pngChunk("zTXt", header("Raw profile type exif\0\0", FACE)),
    pngChunk("eXIf", exif(true)),
    plain.subarray(head),
    FACE,
  ]);
  const image = (await toRawImage(original)) as RawImage;
  for (const [keepMetadata, encode] of WAYS) {
    const copy = await encodePhoto(original, "png", image, { keepMetadata, encode });
    assert.not(has(copy, "THE FACE"));
    assert.ok(has(copy, "gAMA"));
    assert.is(count(copy, "pHYs"), 1);
    assert.not(has(copy, "gone bad"));
    assert.is(has(copy, "a title"), keepMetadata);
    assert.equal((await toRawImage(copy)).data, image.data);
  }
});

/** Most that a pixel of a gradient may differ. */
const LOSSY: Readonly<Record<string, number>> = { avif: 24, gif: 90 };

test("WebP, AVIF, TIFF and GIF are written as they were read, with nothing but their picture", async () => {
  const image = draw(64, 48, (x, y) => [4 * x, 5 * y, 90]) as RawImage;
  const stored = sharp(image.data, { raw: { width: 64, height: 48, channels: 4 } })
    .removeAlpha()
    .withExif({ IFD0: { Copyright: "THE FACE AGAIN" } });
  const files = {
    webp: stored.clone().webp({ lossless: true, effort: 0 }),
    avif: stored.clone().avif({ effort: 0 }),
    tiff: stored.clone().tiff({ compression: "lzw" }),
    gif: stored.clone().gif({ effort: 1 }),
  };
  for (const [name, file] of Object.entries(files)) {
    const original = new Uint8Array(await file.toBuffer());
    const copy = await encodeLike(original, image, false);
    assert.is(sniffFormat(copy), name);
    assert.not(has(copy, "THE FACE"), name);
    const off = difference(await toRawImage(copy), image);
    assert.ok(off <= (LOSSY[name] ?? 0), `${name} is off by ${off}`);
    assert.is(await codeOf(encodeLike(original, image, true)), "IMAGE_UNSUPPORTED");
  }
});

test("animations and formats that nobody writes are refused by name", async () => {
  const image = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
  const two = { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } } as const;
  const frames = sharp(
    new Uint8Array(8 * 16 * 3).map((_, i) => i),
    two,
  );
  const plain = encodePng({ width: 6, height: 5, depth: 8, colourType: 2, sample: (x) => x });
  const head = PNG_SIGNATURE.length + 25;
  const animated = {
    GIF: await frames.clone().gif().toBuffer(),
    WebP: await frames.clone().webp().toBuffer(),
    PNG: Buffer.concat([
      plain.subarray(0, head),
      pngChunk("acTL", Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 0)),
      plain.subarray(head),
    ]),
  };
  for (const [name, file] of Object.entries(animated)) {
    const error = await encodeLike(new Uint8Array(file), image, false).catch((e) => e);
    assert.is(error.code, "IMAGE_UNSUPPORTED");
    assert.match(error.message, new RegExp(`${name} has 2 pictures.*make a video`));
  }
  const bmp = await encodeLike(Buffer.from("BM and more"), image, false).catch((e) => e);
  assert.match(bmp.message, /BMP is not written here: convert/);
});

test.run();

/** What of a photo's file survives in a redacted copy: its colours and, if wished, its words, never its small pictures. */
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeLike } from "../../../../packages/retinaface/dist/redact/encode.node.js";
import { cleanExif } from "../../../../packages/retinaface/dist/redact/exif.js";
import { difference } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { base, find } from "../../support/jpeg-samples.js";
import { encodePng, PNG_SIGNATURE, pngChunk } from "../../support/png-encoder.node.js";

const text = (value: string) => new TextEncoder().encode(value);
const FACE = text("THE FACE AGAIN");
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
  for (const keep of [false, true]) {
    const copy = encodeLike(original, image, keep);
    assert.not(has(copy, "THE FACE"));
    assert.not(has(copy, "ns.adobe.com"));
    assert.ok(has(copy, "ICC_PROFILE"));
    assert.is(has(copy, "Camera Make"), keep);
    assert.is(has(copy, "a comment"), keep);
    const again = (await toRawImage(copy)) as RawImage;
    assert.equal([again.width, again.height], [24, 40]);
    assert.ok(difference(again, image) < 24, `${difference(again, image)}`);
    assert.ok(find(copy, 0xda) > 0);
  }
  assert.not(has(encodeLike(crowdedJpeg("CMYK"), image, true), "ICC_PROFILE"));
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
  const original = Buffer.concat([
    plain.subarray(0, head),
    pngChunk("gAMA", Uint8Array.of(0, 0, 177, 143)),
    pngChunk("tEXt", header("Title\0", text("a title"))),
    pngChunk("iTXt", header("XML:com.adobe.xmp\0\0\0\0\0", FACE)),
    pngChunk("zTXt", header("Raw profile type exif\0\0", FACE)),
    pngChunk("eXIf", exif(true)),
    plain.subarray(head),
    FACE,
  ]);
  const image = (await toRawImage(original)) as RawImage;
  for (const keep of [false, true]) {
    const copy = encodeLike(original, image, keep);
    assert.not(has(copy, "THE FACE"));
    assert.ok(has(copy, "gAMA"));
    assert.is(has(copy, "a title"), keep);
    assert.equal((await toRawImage(copy)).data, image.data);
  }
});

test("another format is refused by name", () => {
  const image = { data: new Uint8ClampedArray(4), width: 1, height: 1 };
  const gif = Buffer.from("GIF89a and more");
  assert.throws(() => encodeLike(gif, image, false), /gif files cannot be written/);
});

test.run();

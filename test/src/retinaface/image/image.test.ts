import { type RawImage, resizeBilinear, sniffFormat, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw, exifSegment, storedAs } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test("formats are told by content", () => {
  const box = (brand: string, ...others: string[]) =>
    Uint8Array.from([
      ...[0, 0, 0, 16 + 4 * others.length],
      ...ascii(`ftyp${brand}\0\0\0\0${others.join("")}`),
    ]);
  const files: [string, Uint8Array][] = [
    ["jpeg", Uint8Array.from([0xff, 0xd8, 0xff, 0xe0])],
    ["png", Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
    ["webp", ascii("RIFF\x10\0\0\0WEBPVP8 ")],
    ["heic", box("heic", "mif1")],
    ["heic", box("mif1", "heic")],
    ["avif", box("avif")],
    ["avif", box("mif1", "miaf", "avif")],
    ["unknown", box("isom", "mp42")],
    ["gif", ascii("GIF89a")],
    ["bmp", ascii("BM\0\0")],
    ["tiff", ascii("II*\0")],
    ["tiff", ascii("MM\0*")],
    ["jxl", Uint8Array.from([0xff, 0x0a])],
    ["unknown", ascii("hello")],
    ["unknown", new Uint8Array()],
    ["unknown", ascii("RIFF\x10\0\0\0WAVE")],
  ];
  for (const [format, bytes] of files) assert.is(sniffFormat(bytes), format);
});

/** An upright picture whose quarters tell every orientation apart, as stored with one. */
function orientedJpeg(orientation: number, progressive: boolean, little: boolean): Uint8Array {
  const stored = storedAs(UPRIGHT, orientation);
  const { data, width, height } = stored;
  return encodeJpeg({
    width,
    height,
    progressive,
    adobe: 0,
    app1: exifSegment(orientation, little),
    components: [0, 1, 2].map((c) => ({
      sample: (x: number, y: number) => data[(y * width + x) * 4 + c],
    })),
  });
}

const UPRIGHT = draw(40, 24, (x, y) => [x < 20 ? 230 : 30, y < 12 ? 220 : 40, (x + y) * 3]);

test("the eight EXIF orientations of one picture give the same upright pixels", async () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    for (const progressive of [false, true]) {
      const file = orientedJpeg(orientation, progressive, orientation % 2 === 0);
      const off = difference(await toRawImage(file), UPRIGHT);
      assert.ok(off <= 2, `orientation ${orientation}, off by ${off}`);
    }
  }
});

test("odd EXIF blocks count as upright", async () => {
  const cut = exifSegment(6).subarray(0, 20);
  const foreign = exifSegment(6);
  foreign.set([0x58, 0x58], 6);
  for (const app1 of [exifSegment(0), exifSegment(9), cut, foreign, ascii("Exif\0\0")]) {
    const file = encodeJpeg({
      width: 9,
      height: 5,
      components: [{ sample: (x) => x * 20 }],
      app1,
    });
    const { width, height } = await toRawImage(file);
    assert.equal([width, height], [9, 5]);
  }
});

test("what cannot be used is a typed error", async () => {
  const jpeg = encodeJpeg({ width: 30, height: 20, components: [{ sample: (x, y) => x * y }] });
  const png = Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13],
    ...ascii("IHDR"),
    ...[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0],
    ...[0, 0, 0, 0],
  ]);
  assert.is(await codeOf(toRawImage(new Uint8Array())), "IMAGE_EMPTY");
  assert.is(await codeOf(toRawImage(jpeg.subarray(0, 400))), "IMAGE_CORRUPT");
  assert.is(await codeOf(toRawImage(ascii("just some text"))), "IMAGE_UNSUPPORTED");
  const webp = toRawImage(ascii("RIFF\x10\0\0\0WEBPVP8 "), { decoder: "own" });
  assert.is(await codeOf(webp), "IMAGE_UNSUPPORTED");
  assert.is(await codeOf(toRawImage(png)), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(jpeg, { maxPixels: 599 })), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(null as never)), "OPTION_INVALID");
  assert.is(await codeOf(toRawImage(42 as never)), "OPTION_INVALID");
});

test("an unsupported format is named with a way round it", async () => {
  try {
    await toRawImage(ascii("RIFF\x10\0\0\0WEBPVP8 "), { decoder: "own" });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^WebP is not decoded.*convert it to JPEG or PNG/);
  }
});

test("bytes come as Uint8Array, ArrayBuffer, view or Blob", async () => {
  const file = encodeJpeg({ width: 5, height: 4, components: [{ sample: (x) => x * 9 }] });
  const padded = new Uint8Array(file.length + 7);
  padded.set(file, 3);
  const expected = await toRawImage(file);
  for (const input of [
    file.slice().buffer,
    new DataView(padded.buffer, 3, file.length),
    padded.subarray(3, 3 + file.length),
    new Blob([file as BlobPart]),
  ]) {
    assert.is(difference(await toRawImage(input), expected), 0);
  }
});

test("raw pixels are checked", async () => {
  const image = draw(3, 2, (x, y) => [x, y, 0]);
  assert.is(difference(await toRawImage(image), image), 0);
  assert.is(await codeOf(toRawImage({ ...image, data: image.data.subarray(1) })), "IMAGE_CORRUPT");
  assert.is(await codeOf(toRawImage({ ...image, width: 0 })), "IMAGE_EMPTY");
  assert.is(await codeOf(toRawImage({ ...image, width: 1.5 })), "IMAGE_UNSUPPORTED");
  assert.is(await codeOf(toRawImage({ ...image, data: [] as never })), "IMAGE_UNSUPPORTED");
  assert.is(await codeOf(toRawImage(image, { maxPixels: 5 })), "IMAGE_TOO_LARGE");
});

/** OpenCV's INTER_LINEAR in float64; a triangle over the covered pixels when shrinking by over 2. */
function referenceResize(image: RawImage, width: number, height: number): number[] {
  const taps = (from: number, to: number, i: number): [number, number][] => {
    const scale = from / to;
    const radius = scale > 2 ? scale : 1;
    const centre = (i + 0.5) * scale - 0.5;
    const list: [number, number][] = [];
    for (let s = Math.floor(centre - radius); s <= centre + radius + 1; s++) {
      const weight = Math.max(0, 1 - Math.abs(s - centre) / radius);
      if (weight > 0) list.push([Math.max(0, Math.min(from - 1, s)), weight]);
    }
    const sum = list.reduce((total, [, weight]) => total + weight, 0);
    return list.map(([s, weight]) => [s, weight / sum]);
  };
  const result: number[] = [];
  for (let y = 0; y < height; y++) {
    const rows = taps(image.height, height, y);
    for (let x = 0; x < width; x++) {
      const columns = taps(image.width, width, x);
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (const [row, a] of rows) {
          for (const [column, b] of columns) {
            sum += a * b * image.data[(row * image.width + column) * 4 + c];
          }
        }
        result.push(sum);
      }
    }
  }
  return result;
}

test("resize agrees with a float64 reference, up, down and far down", () => {
  const image = draw(23, 17, (x, y) => [
    (x * 53 + y * 31) % 256,
    (x * y * 7) % 256,
    x < 11 ? 0 : 255,
    (x * 11) % 256,
  ]);
  for (const [width, height] of [
    [23, 17],
    [46, 34],
    [31, 9],
    [12, 17],
    [7, 5],
    [1, 1],
    [1, 40],
  ]) {
    const { data } = resizeBilinear(image, width, height);
    const expected = referenceResize(image, width, height);
    assert.is(data.length, expected.length);
    for (const [i, value] of expected.entries()) {
      assert.ok(Math.abs(data[i] - value) <= 0.502, `${width}×${height} [${i}]`);
    }
  }
});

test("known values of cv2.resize: half-pixel centres, edges repeated", () => {
  const image = draw(2, 1, (x) => [x * 100, 0, 0]);
  const { data } = resizeBilinear(image, 4, 1);
  assert.equal([data[0], data[4], data[8], data[12]], [0, 25, 75, 100]);
});

test("wrong sizes are refused", () => {
  const image = draw(2, 2, () => [1, 2, 3]);
  for (const [w, h] of [
    [0, 2],
    [2.5, 2],
    [2, Number.NaN],
  ]) {
    assert.throws(() => resizeBilinear(image, w, h), /positive whole numbers/);
  }
});

test.run();

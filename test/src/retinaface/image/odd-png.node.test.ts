/* PNG files that are odd, but that libpng and browsers show, and those that they do not. */
import { deflateSync } from "node:zlib";
import { toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw, exifBlock } from "../../support/images.js";
import {
  encodePng,
  PNG_SIGNATURE,
  type PngOptions,
  pngAround,
  pngChunk,
  pngHeaderChunk,
  pngRows,
} from "../../support/png-encoder.node.js";

const sample = (x: number, y: number, c: number) => (x * 37 + y * 11 + c * 90 + x * y) % 256;
const base: PngOptions = { width: 13, height: 11, depth: 8, colourType: 2, sample };
const expected = draw(13, 11, (x, y) => [0, 1, 2].map((c) => sample(x, y, c)));
const data = deflateSync(pngRows(base));
const header = pngHeaderChunk(base);
const end = pngChunk("IEND", new Uint8Array());
const file = (...chunks: Uint8Array[]) => Buffer.concat([PNG_SIGNATURE, header, ...chunks]);

function spoilt(type: string, contents: Uint8Array): Buffer {
  const chunk = pngChunk(type, contents);
  chunk[chunk.length - 1] ^= 1;
  return chunk;
}

test("a wrong checksum counts in critical chunks alone", async () => {
  const text = Buffer.from("Comment\0nothing");
  for (const type of ["tEXt", "iCCP", "tIME", "zTXt", "prIv"]) {
    const image = await toRawImage(file(spoilt(type, text), pngChunk("IDAT", data), end));
    assert.is(difference(image, expected), 0, type);
  }
  // What is used of ancillary chunks is then left out.
  const turned = file(pngChunk("eXIf", exifBlock(6)), pngChunk("IDAT", data), end);
  assert.is((await toRawImage(turned)).width, 11);
  const notTurned = file(spoilt("eXIf", exifBlock(6)), pngChunk("IDAT", data), end);
  assert.is((await toRawImage(notTurned)).width, 13);
  const transparent = Uint8Array.from([0, 1, 2].flatMap((c) => [0, sample(0, 0, c)]));
  const opaque = file(spoilt("tRNS", transparent), pngChunk("IDAT", data), end);
  assert.is(difference(await toRawImage(opaque), expected), 0);
  const critical: [string, Buffer][] = [
    ["IDAT", file(spoilt("IDAT", data), end)],
    [
      "a later IDAT",
      file(pngChunk("IDAT", data.subarray(0, 9)), spoilt("IDAT", data.subarray(9)), end),
    ],
    ["IEND", file(pngChunk("IDAT", data), spoilt("IEND", new Uint8Array()))],
  ];
  const palette = { ...base, colourType: 3, sample: () => 0 };
  const colours = Buffer.concat([
    ...[PNG_SIGNATURE, pngHeaderChunk(palette), spoilt("PLTE", new Uint8Array(3))],
    ...[pngChunk("IDAT", deflateSync(pngRows(palette))), end],
  ]);
  critical.push(["PLTE", colours]);
  for (const [what, bytes] of critical)
    assert.is(await codeOf(toRawImage(bytes)), "IMAGE_CORRUPT", what);
});

test("more image data than is needed is ignored", async () => {
  const rows = pngRows(base);
  const cases: [string, Uint8Array][] = [
    ["a byte", deflateSync(Buffer.concat([rows, Buffer.of(7)]))],
    ["all rows twice", deflateSync(Buffer.concat([rows, rows]))],
    ["bytes behind the compressed data", Buffer.concat([data, Buffer.from("more")])],
    [
      "a wrong sum of the compressed data",
      Buffer.concat([data.subarray(0, -1), Buffer.of(data[data.length - 1] ^ 1)]),
    ],
    ["the end of the compressed data missing", data.subarray(0, -4)],
  ];
  for (const [what, compressed] of cases) {
    const image = await toRawImage(pngAround(base, compressed));
    assert.is(difference(image, expected), 0, what);
    assert.is(image.warnings, undefined, what);
  }
  const more = file(pngChunk("IDAT", data), pngChunk("IDAT", Buffer.from("more")), end);
  assert.is(difference(await toRawImage(more), expected), 0);
});

test("the same of an image that is decompressed as a stream", async () => {
  const large: PngOptions = { ...base, width: 1201, height: 700 };
  const rows = Buffer.alloc(700 * (1 + 1201 * 3));
  for (let i = 0; i < rows.length; i++) rows[i] = i % (1 + 1201 * 3) === 0 ? 0 : (i * 7) & 255;
  const picture = draw(1201, 700, (x, y) => {
    const at = y * (1 + 1201 * 3) + 1 + x * 3;
    return [rows[at], rows[at + 1], rows[at + 2]];
  });
  const compressed = deflateSync(rows);
  assert.is(difference(await toRawImage(pngAround(large, compressed)), picture), 0);
  const more = deflateSync(Buffer.concat([rows, rows]));
  assert.is(difference(await toRawImage(pngAround(large, more)), picture), 0);
  assert.is(
    await codeOf(toRawImage(pngAround(large, compressed.subarray(0, -9000)))),
    "IMAGE_CORRUPT",
  );
  const bad = Buffer.from(compressed);
  bad.fill(0xff, bad.length >> 1, (bad.length >> 1) + 50);
  assert.is(await codeOf(toRawImage(pngAround(large, bad))), "IMAGE_CORRUPT");
  const whole = pngAround(large, compressed);
  const aborted = await toRawImage(whole, { signal: AbortSignal.timeout(0) }).catch(
    (error) => error.name,
  );
  assert.ok(aborted === "TimeoutError" || typeof aborted !== "string", aborted);
  const filter = Buffer.from(rows);
  filter[500 * (1 + 1201 * 3)] = 9;
  assert.is(await codeOf(toRawImage(pngAround(large, deflateSync(filter)))), "IMAGE_CORRUPT");
});

test("a colour that the palette has not is black, with a warning", async () => {
  for (const [depth, interlaced] of [
    [8, false],
    [4, true],
    [2, false],
  ] as const) {
    const most = 2 ** depth;
    const palette = Uint8Array.from({ length: 3 * (most - 1) }, (_, i) => 100 + (i % 100));
    const options: PngOptions = {
      ...{ ...base, depth, interlaced, colourType: 3 },
      sample: (x, y) => (x + y * 3) % most,
      chunks: [["PLTE", palette]],
    };
    const image = await toRawImage(encodePng(options));
    const shown = draw(13, 11, (x, y) => {
      const index = options.sample(x, y, 0);
      return index === most - 1 ? [0, 0, 0] : [...palette.subarray(index * 3, index * 3 + 3)];
    });
    assert.is(difference(image, shown), 0, `depth ${depth}`);
    assert.is(image.warnings?.length, depth === 8 ? undefined : 1, `depth ${depth}`);
  }
});

test("bytes behind the end are ignored, whatever they are", async () => {
  const whole = encodePng(base);
  for (const tail of [Buffer.of(0), Buffer.from("trailer"), whole, pngChunk("IDAT", data)]) {
    const image = await toRawImage(Buffer.concat([whole, tail]));
    assert.is(difference(image, expected), 0);
    assert.is(image.warnings, undefined);
  }
});

test("Apple's CgBI is named, wherever it stands", async () => {
  const apple = pngChunk("CgBI", Buffer.of(0x50, 0, 0x20, 6));
  const raw = pngChunk("IDAT", data.subarray(2, -4));
  for (const chunks of [
    [PNG_SIGNATURE, apple, header, raw, end],
    [PNG_SIGNATURE, header, apple, raw, end],
  ]) {
    const error = await toRawImage(Buffer.concat(chunks)).catch((caught) => caught);
    assert.is(error.code, "IMAGE_UNSUPPORTED");
    assert.match(error.message, /CgBI.*revert-iphone-optimizations/);
  }
});

test("of an animation the picture is shown that viewers without animation show", async () => {
  const control = (n: number) => {
    const contents = Buffer.alloc(26);
    for (const [at, value] of [n, base.width, base.height].entries()) {
      contents.writeUInt32BE(value, at * 4);
    }
    return pngChunk("fcTL", contents);
  };
  const frames = Buffer.alloc(8);
  frames.writeUInt32BE(2, 0);
  const count = pngChunk("acTL", frames);
  const other = deflateSync(Buffer.alloc(pngRows(base).length));
  const next = (bytes: Uint8Array) =>
    pngChunk("fdAT", Buffer.concat([Buffer.of(0, 0, 0, 2), bytes]));
  const picture = pngChunk("IDAT", data);
  const animations: Record<string, Uint8Array[]> = {
    "the picture is its first frame": [count, control(0), picture, control(1), next(other), end],
    "the picture is none of its frames": [count, picture, control(0), next(other), end],
    "frames that are damaged": [count, picture, control(0), next(other.subarray(0, 3)), end],
    "a wrong checksum": [count, picture, control(0), spoilt("fdAT", other), end],
    "a count that lies, and no frames": [pngChunk("acTL", Buffer.alloc(8, 255)), picture, end],
    "half a control": [
      pngChunk("acTL", Buffer.of(1)),
      pngChunk("fcTL", Buffer.of(1)),
      picture,
      end,
    ],
    "100,000 controls": [count, picture, ...new Array(1e5).fill(control(1)), end],
  };
  for (const [what, chunks] of Object.entries(animations)) {
    const image = await toRawImage(file(...chunks));
    assert.is(difference(image, expected), 0, what);
    assert.is(image.warnings, undefined, what);
  }
  const none = file(count, control(0), next(data), end);
  assert.is(await codeOf(toRawImage(none)), "IMAGE_CORRUPT", "frames and no picture");
});

test("a picture that is cut off is an error, or shown on request", async () => {
  const tall: PngOptions = { ...base, height: 60 };
  const whole = encodePng(tall);
  const picture = draw(13, 60, (x, y) => [0, 1, 2].map((c) => sample(x, y, c)));
  for (const length of [whole.length - 12, whole.length - 100, whole.length >> 1]) {
    const cut = whole.subarray(0, length);
    assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT");
    const image = await toRawImage(cut, { truncated: "show" });
    const rows = (n: number, source = image) => ({
      ...source,
      data: source.data.subarray(0, 13 * 4 * n),
      height: n,
    });
    assert.is(difference(rows(10), rows(10, picture)), 0);
    if (length === whole.length - 12) assert.is(difference(image, picture), 0);
    else assert.match(image.warnings?.join() ?? "", /end early/);
  }
  const show = { truncated: "show" } as const;
  assert.is(await codeOf(toRawImage(whole.subarray(0, 33), show)), "IMAGE_CORRUPT");
  assert.is(await codeOf(toRawImage(whole.subarray(0, 20), show)), "IMAGE_CORRUPT");
});

test("a signal counts while a picture is decoded", async () => {
  const [width, height] = [4000, 3000];
  const wide: PngOptions = { width, height, depth: 16, colourType: 6, sample: () => 0 };
  const bytes = pngAround(wide, deflateSync(Buffer.alloc(height * (1 + width * 8))));
  const started = performance.now();
  await toRawImage(bytes);
  const whole = performance.now() - started;
  const begun = performance.now();
  const signal = AbortSignal.timeout(Math.round(whole / 5));
  const failure = await toRawImage(bytes, { signal }).then(
    () => undefined,
    (error) => error,
  );
  const took = performance.now() - begun;
  assert.is(failure?.name, "TimeoutError");
  assert.ok(took < whole * 0.8, `${took} of ${whole} ms`);
});

test("millions of empty or tiny chunks and 16-bit samples take little memory", async () => {
  const width = 3000;
  const deep: PngOptions = { width, height: 2000, depth: 16, colourType: 6, sample: () => 0 };
  const rows = deflateSync(Buffer.alloc(2000 * (1 + width * 8)));
  const empty = pngChunk("IDAT", new Uint8Array());
  const many = Buffer.concat(new Array(300_000).fill(empty));
  const ones = Buffer.concat([...rows].map((byte) => pngChunk("IDAT", Buffer.of(byte))));
  for (const [what, chunks] of [
    ["empty", [many, pngChunk("IDAT", rows)]],
    ["one byte each", [ones]],
  ] as const) {
    const bytes = Buffer.concat([PNG_SIGNATURE, pngHeaderChunk(deep), ...chunks, end]);
    const before = process.memoryUsage().rss;
    const image = await toRawImage(bytes);
    const grown = process.memoryUsage().rss - before;
    assert.is(image.data.length, width * 2000 * 4);
    assert.ok(
      grown < image.data.length + 48 * 2 ** 20,
      `${what}: ${(grown / 2 ** 20).toFixed()} MiB`,
    );
  }
  const held = (maxBytes: number) => codeOf(toRawImage(encodePng(base), { maxBytes }));
  assert.is(await held(13 * 11 * 4 + 2 * 40), "none");
  assert.is(await held(13 * 11 * 4 + 2 * 40 - 1), "IMAGE_TOO_LARGE");
});

test.run();

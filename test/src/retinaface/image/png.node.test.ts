import { deflateSync } from "node:zlib";
import { PNG } from "pngjs";
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw, exifBlock, storedAs } from "../../support/images.js";
import {
  CHANNELS,
  encodePng,
  PNG_SIGNATURE,
  type PngOptions,
  pngAround,
  pngChunk,
  pngHeaderChunk,
  pngRows,
} from "../../support/png-encoder.node.js";

const DEPTHS: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const ALL_FILTERS = [4, 1, 3, 2, 0];

/** Well-spread samples that fit the depth. */
const spread = (depth: number) => (x: number, y: number, c: number) =>
  (x * 2654435761 + y * 40503 + c * 9973 + x * y * 77) % 2 ** depth;

function paletteOf(depth: number): Uint8Array {
  return Uint8Array.from({ length: 3 * 2 ** depth }, (_, i) => (i * 37 + 11) % 256);
}

/** What a pixel is worth in RGBA, from the standard's words. */
function expected(options: PngOptions, key?: number[], alphas: number[] = []): RawImage {
  const { width, height, depth, colourType, sample } = options;
  const most = 2 ** depth - 1;
  return draw(width, height, (x, y) => {
    const s = Array.from({ length: CHANNELS[colourType] }, (_, c) => sample(x, y, c));
    const [a, b, c, d] = s.map((value) => Math.floor((value * 255) / most + 0.5));
    if (colourType === 3) {
      const palette = paletteOf(depth);
      return [...palette.subarray(s[0] * 3, s[0] * 3 + 3), alphas[s[0]] ?? 255];
    }
    const alpha = key?.every((value, n) => value === s[n]) ? 0 : 255;
    if (colourType === 0) return [a, a, a, alpha];
    if (colourType === 2) return [a, b, c, alpha];
    return colourType === 4 ? [a, a, a, b] : [a, b, c, d];
  });
}

for (const [type, depths] of Object.entries(DEPTHS)) {
  test(`colour type ${type}: every depth, filter and size, plain and interlaced`, async () => {
    for (const depth of depths) {
      for (const interlaced of [false, true]) {
        for (const [width, height] of [
          [13, 11],
          [1, 1],
          [3, 2],
          [8, 9],
          [2, 33],
        ]) {
          const colourType = Number(type);
          const chunks: PngOptions["chunks"] = type === "3" ? [["PLTE", paletteOf(depth)]] : [];
          const options: PngOptions = {
            width,
            height,
            depth,
            colourType,
            interlaced,
            filters: ALL_FILTERS,
            sample: spread(depth),
            chunks,
          };
          const file = encodePng(options);
          const what = `depth ${depth} ${width}×${height}${interlaced ? " interlaced" : ""}`;
          const image = await toRawImage(file);
          assert.is(difference(image, expected(options)), 0, what);
          const oracle = PNG.sync.read(file);
          assert.is(difference(image, oracle), 0, `${what}, against pngjs`);
        }
      }
    }
  });
}

test("transparent colours and palette alpha are kept", async () => {
  const base = { width: 9, height: 5, sample: spread(8), depth: 8 };
  const grey: PngOptions = { ...base, colourType: 0, chunks: [] };
  const greyKey = [grey.sample(3, 2, 0)];
  grey.chunks = [["tRNS", Uint8Array.from([0, greyKey[0]])]];
  assert.is(difference(await toRawImage(encodePng(grey)), expected(grey, greyKey)), 0);

  const wide: PngOptions = { ...base, depth: 16, sample: spread(16), colourType: 2, chunks: [] };
  const key = [0, 1, 2].map((c) => wide.sample(4, 4, c));
  wide.chunks = [["tRNS", Uint8Array.from(key.flatMap((v) => [v >> 8, v & 255]))]];
  const image = await toRawImage(encodePng(wide));
  assert.is(difference(image, expected(wide, key)), 0);
  assert.is(image.data[(4 * 9 + 4) * 4 + 3], 0);

  const palette: PngOptions = { ...base, depth: 2, sample: spread(2), colourType: 3 };
  palette.chunks = [
    ["PLTE", paletteOf(2)],
    ["tRNS", Uint8Array.from([7, 200])],
  ];
  const seen = await toRawImage(encodePng(palette));
  assert.is(difference(seen, expected(palette, undefined, [7, 200])), 0);
});

test("an eXIf chunk turns the picture upright", async () => {
  const upright = draw(7, 4, (x, y) => [x * 30, y * 60, (x * y * 11) % 256]);
  for (let orientation = 1; orientation <= 8; orientation++) {
    const { data, width, height } = storedAs(upright, orientation);
    const file = encodePng({
      width,
      height,
      depth: 8,
      colourType: 2,
      sample: (x, y, c) => data[(y * width + x) * 4 + c],
      chunks: [["eXIf", exifBlock(orientation, orientation % 2 === 0)]],
    });
    assert.is(difference(await toRawImage(file), upright), 0, `orientation ${orientation}`);
  }
});

const sound: PngOptions = { width: 13, height: 11, depth: 8, colourType: 2, sample: spread(8) };

test("every truncation is an error", async () => {
  const file = encodePng(sound);
  for (let length = 8; length < file.length; length++) {
    assert.is(await codeOf(toRawImage(file.subarray(0, length))), "IMAGE_CORRUPT", `${length}`);
  }
});

test("bytes behind the end are ignored", async () => {
  const file = Buffer.concat([encodePng(sound), Buffer.from("more")]);
  assert.is(difference(await toRawImage(file), expected(sound)), 0);
});

test("damage is an error with a reason", async () => {
  const rows = pngRows(sound);
  const badFilter = Buffer.from(rows);
  badFilter[0] = 5;
  const wrongSum = encodePng(sound);
  wrongSum[23] ^= 1;
  const cases: [string, Buffer, RegExp][] = [
    ["too few rows", pngAround(sound, deflateSync(rows.subarray(0, -1))), /too little/],
    ["an unknown filter", pngAround(sound, deflateSync(badFilter)), /filter 5/],
    ["no zlib data", pngAround(sound, Buffer.from("not compressed")), /damaged/],
    ["a wrong checksum", wrongSum, /checksum of its IHDR/],
    [
      "an unknown depth",
      encodePng({ ...sound, colourType: 2, depth: 4, sample: () => 0 }),
      /no PNG/,
    ],
    ["no palette", encodePng({ ...sound, colourType: 3 }), /colour \d+ of 0/],
    [
      "no data",
      Buffer.concat([PNG_SIGNATURE, pngHeaderChunk(sound), pngChunk("IEND", new Uint8Array())]),
      /no image data/,
    ],
    ["no header", Buffer.concat([PNG_SIGNATURE, pngChunk("IEND", new Uint8Array())]), /header/],
  ];
  for (const [name, file, reason] of cases) {
    try {
      await toRawImage(file);
      assert.unreachable(name);
    } catch (error) {
      assert.is((error as { code: string }).code, "IMAGE_CORRUPT", name);
      assert.match((error as Error).message, reason, name);
    }
  }
});

test("decompression bombs stop at the header or at the image's own size", async () => {
  const huge = { width: 60000, height: 60000, depth: 8, colourType: 2 };
  const headerOnly = Buffer.concat([PNG_SIGNATURE, pngHeaderChunk(huge)]);
  assert.is(await codeOf(toRawImage(headerOnly)), "IMAGE_TOO_LARGE");
  const bomb = deflateSync(Buffer.alloc(256 * 2 ** 20), { level: 9 });
  const before = process.memoryUsage().rss;
  for (const interlaced of [false, true]) {
    const file = pngAround({ ...sound, interlaced }, bomb);
    const black = draw(sound.width, sound.height, () => [0, 0, 0]);
    assert.is(difference(await toRawImage(file), black), 0);
  }
  assert.ok(process.memoryUsage().rss - before < 64 * 2 ** 20);
  assert.is(await codeOf(toRawImage(encodePng(sound), { maxPixels: 142 })), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(encodePng(sound), { maxPixels: 143 })), "none");
});

test("no pixels", async () => {
  assert.is(await codeOf(toRawImage(encodePng({ ...sound, width: 0 }))), "IMAGE_EMPTY");
});

test.run();

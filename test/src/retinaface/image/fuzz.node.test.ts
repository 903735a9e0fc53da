import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { ImageError, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exifBlock, exifSegment } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { encodePng, type PngOptions, pngAround, pngRows } from "../../support/png-encoder.node.js";
import { workTime } from "../../support/work-time.js";

/* Damaged files give a picture or a typed error, soon and in bounded memory. */

const SEED = 20240117;
const LIMITS = { maxPixels: 1_000_000 };
const LONGEST_MS = 5000;
const MOST_MEMORY = 256 * 2 ** 20;

const sample = (x: number, y: number, c = 0) => (x * 31 + y * 17 + x * y * 3 + c * 90) % 256;
const plane = (c: number, h = 1, v = 1) => ({
  h,
  v,
  sample: (x: number, y: number) => sample(x, y, c),
});
const size = { width: 21, height: 18 };

const JPEGS = [
  encodeJpeg({ ...size, components: [plane(0)] }),
  encodeJpeg({ ...size, components: [plane(0, 2, 2), plane(1), plane(2)], restart: 1 }),
  encodeJpeg({ ...size, components: [plane(0, 2, 1), plane(1), plane(2)], progressive: true }),
  encodeJpeg({ ...size, components: [0, 1, 2, 3].map((c) => plane(c)), adobe: 2 }),
  encodeJpeg({ ...size, components: [plane(0)], progressive: true, app1: exifSegment(6, false) }),
  encodeJpeg({ ...size, components: [plane(0), plane(1), plane(2)], typical: 1, restart: 2 }),
  encodeJpeg({ ...size, components: [plane(0), plane(1), plane(2)], jfif: true, adobe: 0 }),
  encodeJpeg({ ...size, components: [plane(0), plane(1), plane(2)], separateScans: true }),
  encodeJpeg({ ...size, components: [plane(0, 2, 1), plane(1), plane(2)], restart: 1 }).subarray(
    0,
    -2,
  ),
  encodeJpeg({ ...size, components: [plane(0)], progressive: true, restart: 3 }),
];

const png = (options: Partial<PngOptions>) => {
  const { depth = 8 } = options;
  const fitting = (x: number, y: number, c: number) => sample(x, y, c) % 2 ** depth;
  const filters = [0, 1, 2, 3, 4];
  return encodePng({ ...size, depth, colourType: 2, sample: fitting, filters, ...options });
};
const palette = new Uint8Array(48).fill(77);

const PNGS = [
  png({}),
  png({ colourType: 6, depth: 16, interlaced: true }),
  png({
    colourType: 3,
    depth: 4,
    chunks: [
      ["PLTE", palette],
      ["tRNS", palette.subarray(0, 9)],
    ],
  }),
  png({ colourType: 0, depth: 2, interlaced: true, chunks: [["tRNS", Uint8Array.of(0, 1)]] }),
  png({ colourType: 4, chunks: [["eXIf", exifBlock(8)]] }),
];

type Edit = { kind: "set" | "flip" | "cut" | "insert" | "copy"; at: number; value: number };

const edits = fc.array(
  fc.record({
    kind: fc.constantFrom<Edit["kind"]>(
      "set",
      "set",
      "set",
      "flip",
      "flip",
      "cut",
      "insert",
      "copy",
    ),
    at: fc.noBias(fc.nat(999_999)),
    value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xd0, 0xd9, 0xda, 0xff), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 6 },
);

function damage(file: Uint8Array, changes: readonly Edit[]): Uint8Array {
  let bytes = [...file];
  for (const { kind, at, value } of changes) {
    const position = Math.floor((at / 1_000_000) * bytes.length);
    if (kind === "set") bytes[position] = value;
    else if (kind === "flip") bytes[position] ^= 1 << (value & 7);
    else if (kind === "cut") bytes.splice(position, 1 + (value & 15));
    else if (kind === "insert")
      bytes.splice(position, 0, ...new Array(1 + (value & 3)).fill(value));
    else bytes.splice(position, 0, ...bytes.slice(position, position + value));
    if (kind === "cut" && value > 250) bytes = bytes.slice(0, position);
  }
  return Uint8Array.from(bytes);
}

/** Makes every chunk's checksum right again, so that damage gets past it. */
function repairChecksums(file: Uint8Array): Uint8Array {
  const bytes = file.slice();
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
  return bytes;
}

const outcomes = new Map<string, number>();

async function survives(bytes: Uint8Array): Promise<void> {
  const started = workTime();
  let outcome = "decoded";
  try {
    // Every other one with what there is of a file that ends early.
    const truncated = bytes.length % 2 === 0 ? "show" : "error";
    const { data, width, height } = await toRawImage(bytes, { ...LIMITS, truncated });
    assert.is(data.length, width * height * 4);
    assert.ok(width * height <= LIMITS.maxPixels);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    assert.ok(error.message.length > 5);
    outcome = error.code;
  }
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  assert.ok(workTime() - started < LONGEST_MS, "takes too long");
}

async function fuzz(
  files: readonly Uint8Array[],
  numRuns: number,
  finish: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): Promise<void> {
  outcomes.clear();
  const before = process.memoryUsage().rss;
  const property = fc.asyncProperty(fc.constantFrom(...files), edits, (file, changes) =>
    survives(finish(damage(file, changes))),
  );
  await fc.assert(property, { seed: SEED, numRuns });
  assert.ok(process.memoryUsage().rss - before < MOST_MEMORY, "takes too much memory");
  console.log(`# ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`);
}

test("3,000 damaged JPEG files", async () => {
  await fuzz(JPEGS, 3000);
  assert.ok((outcomes.get("decoded") ?? 0) > 300, "some damage is survived");
  assert.ok((outcomes.get("IMAGE_CORRUPT") ?? 0) > 300, "some damage is noticed");
});

test("1,000 damaged PNG files", () => fuzz(PNGS, 1000));

test("2,000 damaged PNG files with right checksums", async () => {
  await fuzz(PNGS, 2000, repairChecksums);
  assert.ok((outcomes.get("decoded") ?? 0) > 50, "some damage is survived");
});

test("1,000 PNG files with damage below the compression", async () => {
  const options: PngOptions = { ...size, depth: 4, colourType: 3, sample, interlaced: true };
  options.chunks = [["PLTE", palette]];
  const rows = pngRows({ ...options, sample: (x, y) => (x + y) % 16 });
  await fuzz([rows], 1000, (damaged) => pngAround(options, deflateSync(damaged)));
  assert.ok((outcomes.get("decoded") ?? 0) > 50, "some damage is survived");
});

test("1,000 damaged EXIF blocks in a sound JPEG", async () => {
  const blocks = [1, 3, 6].flatMap((n) => [exifBlock(n), exifBlock(n, false)]);
  const wrap = (block: Uint8Array) =>
    encodeJpeg({
      width: 3,
      height: 2,
      components: [plane(0)],
      app1: Uint8Array.from([0x45, 0x78, 0x69, 0x66, 0, 0, ...block]),
    });
  await fuzz(blocks, 1000, wrap);
  assert.equal([...outcomes.keys()], ["decoded"], "a damaged block never costs the picture");
});

test("2,000 files of random bytes behind each signature", async () => {
  const signatures = [
    Uint8Array.of(0xff, 0xd8),
    Uint8Array.from(JPEGS[1].subarray(0, 200)),
    Uint8Array.from(PNGS[0].subarray(0, 33)),
    Uint8Array.of(),
  ];
  const property = fc.asyncProperty(
    fc.constantFrom(...signatures),
    fc.uint8Array({ maxLength: 400 }),
    (start, rest) => survives(Uint8Array.from([...start, ...rest])),
  );
  await fc.assert(property, { seed: SEED, numRuns: 2000 });
});

test.run();

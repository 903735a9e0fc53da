/* Files that are odd, but that libjpeg-turbo and browsers show: what they look like, and what is said of them. */
import { type DecodeOptions, type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw, exifSegment } from "../../support/images.js";
import { encodeJpeg, type JpegOptions } from "../../support/jpeg-encoder.js";
import { base, cb, cr, find, luma, waves, ycc } from "../../support/jpeg-samples.js";

const joined = (...parts: ArrayLike<number>[]) =>
  Uint8Array.from(parts.flatMap((p) => [...Array.from(p)]));
const without = (file: Uint8Array, from: number, count: number) =>
  joined(file.subarray(0, from), file.subarray(from + count));
const insert = (file: Uint8Array, at: number, ...bytes: number[]) =>
  joined(file.subarray(0, at), bytes, file.subarray(at));

async function messageOf(bytes: Uint8Array, options?: DecodeOptions): Promise<string> {
  try {
    await toRawImage(bytes, options);
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
}

test("without Huffman tables the standard's typical ones are meant", async () => {
  for (const restart of [0, 3]) {
    for (const separateScans of [false, true]) {
      const options = { ...base, restart, separateScans };
      const expected = await toRawImage(encodeJpeg(options));
      for (const typical of [0, 1] as const) {
        const image = await toRawImage(encodeJpeg({ ...options, typical }));
        assert.is(difference(image, expected), 0);
        assert.is(image.warnings, undefined);
      }
    }
  }
});

test("a progressive file does not mean them: libjpeg refuses it too", async () => {
  const file = encodeJpeg({ ...base, progressive: true });
  const dc = find(file, 0xc4);
  const ac = find(file, 0xc4, dc + 2);
  for (const [at, length] of [
    [dc, ac - dc],
    [ac, 2 + 17 + 256 + 2],
  ]) {
    assert.match(await messageOf(without(file, at, length)), /Huffman table is missing/);
  }
});

test("where JFIF's marker and Adobe's disagree, JFIF's decides", async () => {
  const expected = await toRawImage(encodeJpeg({ ...base, jfif: true }));
  for (const options of [{ adobe: 0 }, { adobe: 1 }, { adobe: 2 }, { adobe: 7 }]) {
    const file = encodeJpeg({ ...base, jfif: true, ...options });
    assert.is(difference(await toRawImage(file), expected), 0, JSON.stringify(options));
  }
  const named = base.components.map((component, n) => ({ ...component, id: "RGB".charCodeAt(n) }));
  const file = encodeJpeg({ ...base, components: named, jfif: true });
  assert.is(difference(await toRawImage(file), expected), 0);
  // Without JFIF's: Adobe's 0 is RGB, any other YCbCr.
  for (const adobe of [1, 2, 7]) {
    assert.is(difference(await toRawImage(encodeJpeg({ ...base, adobe })), expected), 0);
  }
  assert.ok(difference(await toRawImage(encodeJpeg({ ...base, adobe: 0 })), expected) > 50);
});

test("CMYK is the same with and without Adobe's marker, and JFIF's does not matter there", async () => {
  const components = [luma, cb, cr, waves(0.02, 0.03, 0)].map((sample) => ({ sample }));
  const size = { width: 24, height: 17, components };
  const expected = await toRawImage(encodeJpeg({ ...size, adobe: 0 }));
  assert.is(difference(await toRawImage(encodeJpeg(size)), expected), 0);
  assert.is(difference(await toRawImage(encodeJpeg({ ...size, jfif: true })), expected), 0);
  const ycck = await toRawImage(encodeJpeg({ ...size, adobe: 2 }));
  assert.ok(difference(ycck, expected) > 50);
  assert.is(difference(await toRawImage(encodeJpeg({ ...size, adobe: 1 })), ycck), 0);
});

test("of several EXIF blocks the first counts", async () => {
  const orientations = async (...values: number[]) => {
    const app1 = values.map((value) => exifSegment(value));
    const { width, height } = await toRawImage(encodeJpeg({ ...base, app1 }));
    return width > height ? "as stored" : "turned";
  };
  assert.is(await orientations(1, 6), "as stored");
  assert.is(await orientations(6, 1), "turned");
  assert.is(await orientations(0, 6), "as stored");
  assert.is(await orientations(8, 3, 1), "turned");
});

/** One row of MCUs a picture, so that an interval is a rectangle: 8 MCUs of 16×16. */
const strip: JpegOptions = { width: 128, height: 16, components: ycc(2, 2), restart: 2 };
/** The picture with grey in place of intervals' pixels. */
function greyed(image: RawImage, intervals: readonly number[]): RawImage {
  return draw(image.width, image.height, (x, y) => {
    const at = (y * image.width + x) * 4;
    const grey = intervals.includes(Math.floor(x / 32));
    return grey ? [128, 128, 128] : [...image.data.subarray(at, at + 3)];
  });
}
/** Differences beside an interval's edge are those of interpolation with its grey neighbour. */
function assertAlike(image: RawImage, expected: RawImage, what: string): void {
  const inside = (source: RawImage) =>
    draw(source.width, source.height, (x, y) => {
      const at = (y * source.width + x) * 4;
      return x % 32 === 0 || x % 32 === 31 ? [0, 0, 0] : [...source.data.subarray(at, at + 3)];
    });
  assert.is(difference(inside(image), inside(expected)), 0, what);
}

test("bytes before a restart marker are skipped", async () => {
  for (const progressive of [false, true]) {
    const file = encodeJpeg({ ...strip, progressive });
    const expected = await toRawImage(file);
    const marker = find(file, 0xd1);
    for (const stray of [
      [1],
      [0, 0, 0, 0],
      [9, 8, 7, 6, 5, 4, 3],
      [0xff, 0, 0xff, 0],
      new Array(999).fill(0x55),
    ]) {
      const image = await toRawImage(insert(file, marker, ...stray));
      assert.is(difference(image, expected), 0, `${stray}`);
      assert.equal(image.warnings, ["bytes before a restart marker were skipped"], `${stray}`);
    }
    const filled = await toRawImage(insert(file, marker, 0xff, 0xff, 0xff));
    assert.is(difference(filled, expected), 0, "fill bytes");
    assert.is(filled.warnings, undefined, "fill bytes");
  }
});

test("a restart marker that is missing or wrong costs its interval alone", async () => {
  const file = encodeJpeg(strip);
  const whole = await toRawImage(file);
  for (const n of [0, 1, 2]) {
    const at = find(file, 0xd0 + n);
    const missing = await toRawImage(without(file, at, 2));
    // As libjpeg does: the next marker is found instead and left for the interval behind it.
    assertAlike(missing, greyed(whole, [n + 1]), `without marker ${n}`);
    assert.match(missing.warnings?.join() ?? "", /restart marker or data before it are missing/);
  }
  const swapped = file.slice();
  swapped[find(file, 0xd0) + 1] = 0xd1;
  const moved = draw(128, 16, (x, y) => {
    const at = (y * 128 + (x >= 64 && x < 96 ? x - 32 : x)) * 4;
    return x >= 32 && x < 64 ? [128, 128, 128] : [...whole.data.subarray(at, at + 3)];
  });
  assertAlike(
    await toRawImage(swapped),
    moved,
    "0 became 1: its data are taken for the next one's",
  );
  const far = file.slice();
  far[find(file, 0xd0) + 1] = 0xd4;
  assertAlike(await toRawImage(far), whole, "one that is far away is taken for it");
  const earlier = insert(file, find(file, 0xd2), 0xff, 0xd0);
  assertAlike(await toRawImage(earlier), whole, "one from before is passed over");
  const end = file.subarray(-2);
  const cut = joined(file.subarray(0, find(file, 0xd2)), end);
  assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT", "neither marker nor data");
  const two = joined(without(file, find(file, 0xd1), 2).subarray(0, find(file, 0xd2) - 2), end);
  assert.is(await codeOf(toRawImage(two)), "IMAGE_CORRUPT", "a marker missing and the end too");
});

test("an interval with too few data is grey from there on", async () => {
  const file = encodeJpeg(strip);
  const whole = await toRawImage(file);
  const start = find(file, 0xd0) + 2;
  const end = find(file, 0xd1);
  const image = await toRawImage(without(file, start, end - start));
  // The first MCU is made of zero bits; the second has nothing.
  const right = (source: RawImage) =>
    draw(128, 16, (x, y) => {
      const at = (y * 128 + x) * 4;
      return x >= 32 && x < 49 ? [0, 0, 0] : [...source.data.subarray(at, at + 3)];
    });
  assertAlike(right(image), right(greyed(whole, [1])), "no data");
  assert.match(image.warnings?.join() ?? "", /restart marker or data before it are missing/);
});

test("without an end marker, and with a trailer, a picture is shown with a warning", async () => {
  for (const progressive of [false, true]) {
    const file = encodeJpeg({ ...base, progressive });
    const open = file.subarray(0, -2);
    const expected = await toRawImage(file);
    assert.is(expected.warnings, undefined);
    const trailer = new TextEncoder().encode("SEFHe\0\0\0Image_UTC_Data1700000000000SEFT");
    const cases: [string, Uint8Array, RegExp][] = [
      ["no marker", open, /no end marker/],
      ["half a marker", joined(open, [0xff]), /no end marker/],
      ["a trailer instead", joined(open, trailer), /no end marker/],
      ["a trailer behind it", joined(file, trailer), /39 bytes behind its end marker/],
      ["another picture behind it", joined(file, file), /bytes behind its end marker/],
    ];
    for (const [what, bytes, warning] of cases) {
      const image = await toRawImage(bytes);
      assert.is(difference(image, expected), 0, what);
      assert.is(image.warnings?.length, 1, what);
      assert.match(image.warnings?.[0] ?? "", warning, what);
    }
  }
  const thumbnails = joined(
    encodeJpeg(base).subarray(0, -2),
    [0xff, 0xc4, 0, 9, 1],
    [0xff, 0xda, 0, 3],
  );
  assert.match((await toRawImage(thumbnails)).warnings?.[0] ?? "", /no end marker/);
});

test("a picture that is cut off is an error, or shown on request", async () => {
  const show: DecodeOptions = { truncated: "show" };
  const file = encodeJpeg({ ...base, height: 64, restart: 0 });
  const expected = await toRawImage(file);
  const data = find(file, 0xda) + 14;
  const cut = file.subarray(0, (data + file.length) >> 1);
  for (const bytes of [cut, joined(cut, [0xff, 0xd9])]) {
    assert.is(await codeOf(toRawImage(bytes)), "IMAGE_CORRUPT");
    const image = await toRawImage(bytes, show);
    const top = (source: RawImage) => ({
      ...source,
      data: source.data.subarray(0, 40 * 15 * 4),
      height: 15,
    });
    assert.is(difference(top(image), top(expected)), 0);
    const bottom = image.data.subarray(40 * 63 * 4);
    assert.ok(
      bottom.every((value, i) => value === (i % 4 === 3 ? 255 : 128)),
      "grey below",
    );
    assert.match(image.warnings?.join() ?? "", /end early/);
  }
  assert.is(await codeOf(toRawImage(file.subarray(0, data - 20), show)), "IMAGE_CORRUPT");
  assert.is(await codeOf(toRawImage(file, { truncated: "yes" as never })), "OPTION_INVALID");
});

test("a progressive picture that is cut off between or within scans is one too", async () => {
  const file = encodeJpeg({ ...base, progressive: true });
  const expected = await toRawImage(file);
  const scans: number[] = [];
  for (let at = find(file, 0xda); at >= 0; at = find(file, 0xda, at + 2)) scans.push(at);
  for (const length of [...scans.slice(1), scans[3] + 30]) {
    const cut = file.subarray(0, length);
    assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT", `${length}`);
    const image = await toRawImage(cut, { truncated: "show" });
    assert.match(image.warnings?.join() ?? "", /end early/, `${length}`);
    let off = 0;
    for (const [i, value] of image.data.entries()) off += Math.abs(value - expected.data[i]);
    assert.ok(off / image.data.length < 30, `${length}: off by ${off / image.data.length}`);
  }
});

test("a scan for each component, some of which are missing", async () => {
  const file = encodeJpeg({ ...base, separateScans: true });
  const second = find(file, 0xda, find(file, 0xda) + 2);
  const grey = joined(file.subarray(0, second), [0xff, 0xd9]);
  assert.is(await codeOf(toRawImage(grey)), "IMAGE_CORRUPT");
  const image = await toRawImage(grey, { truncated: "show" });
  const expected = await toRawImage(encodeJpeg({ ...base, components: [{ sample: luma }] }));
  assert.is(difference(image, expected), 0, "luma alone");
});

test("kinds that are not decoded are named", async () => {
  const file = encodeJpeg(base);
  const frame = find(file, 0xc0);
  const kinds: [number, number, RegExp][] = [
    [1, 0xc3, /lossless/],
    [1, 0xc9, /arithmetic/],
    [1, 0xca, /arithmetic/],
    [1, 0xcb, /lossless arithmetic/],
    [1, 0xf7, /JPEG-LS/],
    [4, 12, /12-bit/],
    [4, 16, /16-bit/],
  ];
  for (const [at, value, reason] of kinds) {
    const copy = file.slice();
    copy[frame + at] = value;
    assert.is(await codeOf(toRawImage(copy)), "IMAGE_UNSUPPORTED", `${reason}`);
    assert.match(await messageOf(copy), reason);
  }
});

/** A progressive picture of one colour whose scans refine it again and again. */
function manyScans(width: number, height: number, scans: number): Uint8Array {
  const flat = encodeJpeg({
    width: 8,
    height: 8,
    components: [{ sample: () => 128 }],
    progressive: true,
  });
  const frame = find(flat, 0xc2);
  flat.set([height >> 8, height & 255, width >> 8, width & 255], frame + 5);
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const first = find(flat, 0xda);
  // DC of no difference: the code of symbol 0, four bits each. Then refinements: a bit each.
  const dc = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 1, ...new Array(Math.ceil(blocks / 2)).fill(0)];
  const refine = [
    0xff,
    0xda,
    0,
    8,
    1,
    1,
    0,
    0,
    0,
    0x10,
    ...new Array(Math.ceil(blocks / 8)).fill(0),
  ];
  return joined(flat.subarray(0, first), dc, ...new Array(scans - 1).fill(refine), [0xff, 0xd9]);
}

test("scans × pixels have a limit, and bytes held have one", async () => {
  assert.is(await codeOf(toRawImage(manyScans(512, 512, 100))), "none");
  assert.is(await codeOf(toRawImage(manyScans(512, 512, 101))), "IMAGE_CORRUPT");
  const large = manyScans(6144, 6144, 75);
  const started = performance.now();
  // Before the first scan is read.
  assert.match(await messageOf(large), /75 scans visit 44 million blocks, more than 40/);
  assert.ok(performance.now() - started < 3000);
  const held = (options: JpegOptions, maxBytes: number) =>
    codeOf(toRawImage(encodeJpeg(options), { maxBytes }));
  const size = { width: 256, height: 256 };
  const pixels = 256 * 256 * 4;
  const grey = [{ sample: luma }];
  assert.is(await held({ ...size, components: grey }, pixels + 3 * 8 * 256), "none");
  assert.is(await held({ ...size, components: grey }, pixels + 3 * 8 * 256 - 1), "IMAGE_TOO_LARGE");
  const progressive = { ...size, components: grey, progressive: true };
  assert.is(await held(progressive, pixels + 3 * 8 * 256 + 2 * 256 * 256), "none");
  assert.is(await held(progressive, pixels + 2 * 256 * 256), "IMAGE_TOO_LARGE");
  const apart = { ...size, components: ycc(1, 1), separateScans: true };
  assert.is(await held(apart, pixels + 3 * 256 * 256), "none");
  assert.is(await held(apart, pixels + 3 * 256 * 256 - 1), "IMAGE_TOO_LARGE");
  assert.is(await codeOf(toRawImage(encodeJpeg(base), { maxBytes: 0 })), "OPTION_INVALID");
});

test("the event loop turns and a signal counts while a picture is decoded", async () => {
  const file = manyScans(2048, 2048, 30);
  const started = performance.now();
  await toRawImage(file);
  const whole = performance.now() - started;
  const begun = performance.now();
  const signal = AbortSignal.timeout(Math.round(whole / 5));
  const failure = await toRawImage(file, { signal }).then(
    () => undefined,
    (error) => error,
  );
  const took = performance.now() - begun;
  assert.is(failure?.name, "TimeoutError");
  assert.ok(took < whole * 0.7, `${took} of ${whole} ms`);
  const early = await toRawImage(file, { signal: AbortSignal.abort() }).catch((e) => e);
  assert.is(early.name, "AbortError");
});

test.run();

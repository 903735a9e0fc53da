import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw } from "./support/images.js";
import { encodeJpeg, type JpegComponent, type JpegOptions } from "./support/jpeg-encoder.js";

type Sample = (x: number, y: number) => number;

/** Smooth waves with a bit of texture, in 5..250. */
const waves =
  (a: number, b: number, texture: number): Sample =>
  (x, y) =>
    Math.round(
      128 +
        60 * Math.sin(x * a + 1) +
        40 * Math.cos(y * b) +
        (((x * 7919 + y * 104729) % 31) / 15 - 1) * texture,
    );

const luma = waves(0.3, 0.2, 20);
const cb = waves(0.11, 0.07, 0);
const cr = waves(0.05, 0.13, 0);

const SAMPLINGS: Record<string, [h: number, v: number]> = {
  "4:4:4": [1, 1],
  "4:2:2": [2, 1],
  "4:2:0": [2, 2],
  "4:4:0": [1, 2],
  "4:1:1": [4, 1],
  "4:1:0": [4, 2],
};

const ycc = (h: number, v: number): JpegComponent[] => [
  { h, v, sample: luma },
  { sample: cb },
  { sample: cr },
];

/** Float64 sample of a plane at full resolution: interpolated at half resolution, else repeated. */
function upsampled(sample: Sample, x: number, y: number, ratio: number[], size: number[]): number {
  const axis = (at: number, n: number) => {
    const centre = (at + 0.5) / ratio[n] - 0.5;
    const low = Math.floor(centre);
    const inside = (v: number) => Math.max(0, Math.min(size[n] - 1, v));
    return [inside(low), inside(low + 1), centre - low] as const;
  };
  if (ratio.some((r) => r > 2)) return sample(Math.floor(x / ratio[0]), Math.floor(y / ratio[1]));
  const [x0, x1, fx] = axis(x, 0);
  const [y0, y1, fy] = axis(y, 1);
  const top = sample(x0, y0) * (1 - fx) + sample(x1, y0) * fx;
  return top * (1 - fy) + (sample(x0, y1) * (1 - fx) + sample(x1, y1) * fx) * fy;
}

const clamp = (value: number) => Math.max(0, Math.min(255, value));
const fromYcc = (y: number, b: number, r: number) =>
  [
    y + 1.402 * (r - 128),
    y - 0.344136 * (b - 128) - 0.714136 * (r - 128),
    y + 1.772 * (b - 128),
  ].map((value) => Math.round(clamp(value)));

function expectedYcc(width: number, height: number, h: number, v: number): RawImage {
  const size = [Math.ceil(width / h), Math.ceil(height / v)];
  return draw(width, height, (x, y) =>
    fromYcc(luma(x, y), upsampled(cb, x, y, [h, v], size), upsampled(cr, x, y, [h, v], size)),
  );
}

/** Every way of coding the same samples. */
function* codings(): Generator<Pick<JpegOptions, "progressive" | "restart" | "separateScans">> {
  for (const restart of [0, 1, 3, 7]) {
    yield { progressive: true, restart };
    for (const separateScans of [false, true]) yield { restart, separateScans };
  }
}

for (const [name, [h, v]] of Object.entries(SAMPLINGS)) {
  test(`${name}: baseline and progressive, restarts, separate scans, odd sizes`, async () => {
    for (const [width, height] of [
      [37, 29],
      [16, 16],
      [1, 1],
      [33, 3],
    ]) {
      const expected = expectedYcc(width, height, h, v);
      for (const coding of codings()) {
        const file = encodeJpeg({ width, height, components: ycc(h, v), ...coding });
        const off = difference(await toRawImage(file), expected);
        assert.ok(off <= 4, `${width}×${height} ${JSON.stringify(coding)}: off by ${off}`);
      }
    }
  });
}

test("grey", async () => {
  for (const coding of codings()) {
    const file = encodeJpeg({ width: 21, height: 18, components: [{ sample: luma }], ...coding });
    const expected = draw(21, 18, (x, y) => new Array(3).fill(luma(x, y)));
    assert.ok(difference(await toRawImage(file), expected) <= 2, JSON.stringify(coding));
  }
});

/** Samples that are hard on the transform: full-range noise. */
test("noise over the full range", async () => {
  const noise: Sample = (x, y) => ((x * 48271 + y * 69621 + x * y * 16807) % 7919) % 256;
  for (const progressive of [false, true]) {
    const options = { width: 64, height: 40, components: [{ sample: noise }], progressive };
    const expected = draw(64, 40, (x, y) => new Array(3).fill(noise(x, y)));
    assert.ok(difference(await toRawImage(encodeJpeg(options)), expected) <= 2);
  }
});

test("RGB by Adobe's marker or by component names", async () => {
  const samples = [luma, cb, cr];
  const expected = draw(20, 20, (x, y) => samples.map((sample) => sample(x, y)));
  const plain = samples.map((sample) => ({ sample }));
  const named = samples.map((sample, n) => ({ sample, id: "RGB".charCodeAt(n) }));
  const size = { width: 20, height: 20 };
  for (const options of [
    { ...size, components: plain, adobe: 0 },
    { ...size, components: named },
  ]) {
    assert.ok(difference(await toRawImage(encodeJpeg(options)), expected) <= 2);
  }
  const ycc = encodeJpeg({ ...size, components: named, adobe: 1 });
  const asYcc = draw(20, 20, (x, y) => fromYcc(luma(x, y), cb(x, y), cr(x, y)));
  assert.ok(difference(await toRawImage(ycc), asYcc) <= 4);
});

test("CMYK with and without Adobe's marker, and YCCK", async () => {
  const black = waves(0.02, 0.03, 0);
  const inks = [luma, cb, cr, black];
  const size = { width: 24, height: 17 };
  const paper = draw(24, 17, (x, y) => {
    const [c, m, yellow, k] = inks.map((ink) => ink(x, y) / 255);
    return [c, m, yellow].map((ink) => Math.round(255 * (1 - ink) * (1 - k)));
  });
  const inverted = inks.map((ink) => ({ sample: (x: number, y: number) => 255 - ink(x, y) }));
  for (const progressive of [false, true]) {
    const cmyk = encodeJpeg({
      ...size,
      progressive,
      components: inks.map((sample) => ({ sample })),
    });
    assert.ok(difference(await toRawImage(cmyk), paper) <= 4);
    const adobe = encodeJpeg({ ...size, progressive, components: inverted, adobe: 0 });
    assert.ok(difference(await toRawImage(adobe), paper) <= 4);
  }
  // YCCK: the complements of the stored inks as YCbCr, black as stored.
  const toYcc = (x: number, y: number) => {
    const [r, g, b] = [luma, cb, cr].map((ink) => ink(x, y));
    const light = 0.299 * r + 0.587 * g + 0.114 * b;
    return [light, 128 + (b - light) / 1.772, 128 + (r - light) / 1.402].map(Math.round);
  };
  const ycck = encodeJpeg({
    ...size,
    adobe: 2,
    components: [
      ...[0, 1, 2].map((n) => ({ sample: (x: number, y: number) => toYcc(x, y)[n] })),
      { sample: (x, y) => 255 - black(x, y) },
    ],
  });
  assert.ok(difference(await toRawImage(ycck), paper) <= 5);
});

const base: JpegOptions = { width: 40, height: 24, components: ycc(2, 2) };

/** Position of the n-th marker of a kind. */
function find(file: Uint8Array, marker: number, from = 0): number {
  for (let at = from; at < file.length; at++) {
    if (file[at] === 0xff && file[at + 1] === marker) return at;
  }
  return -1;
}

test("every truncation is an error, with an end marker put behind it too", async () => {
  for (const options of [base, { ...base, restart: 2 }]) {
    const file = encodeJpeg(options);
    const data = find(file, 0xda) + 14;
    for (let length = 2; length < file.length; length++) {
      const cut = file.subarray(0, length);
      assert.is(await codeOf(toRawImage(cut)), "IMAGE_CORRUPT", `${length} of ${file.length}`);
      if (length < data || length >= file.length - 2) continue;
      const closed = Uint8Array.from([...cut, 0xff, 0xd9]);
      assert.is(await codeOf(toRawImage(closed)), "IMAGE_CORRUPT", `${length} closed`);
    }
  }
});

test("a progressive file that ends within a scan is an error", async () => {
  const file = encodeJpeg({ ...base, progressive: true });
  for (let scan = find(file, 0xda); scan >= 0; scan = find(file, 0xda, scan + 2)) {
    const start = scan + 2 + file[scan + 3];
    const closed = Uint8Array.from([...file.subarray(0, start), 0xff, 0xd9]);
    assert.is(await codeOf(toRawImage(closed)), "IMAGE_CORRUPT", `scan at ${scan}`);
  }
});

test("bytes behind the end, fill bytes and comments are ignored", async () => {
  const file = encodeJpeg(base);
  const image = await toRawImage(file);
  const comment = [0xff, 0xff, 0xff, 0xfe, 0, 4, 0xff, 0xd9];
  const padded = Uint8Array.from([0xff, 0xd8, ...comment, ...file.subarray(2), 0xff, 0xd8, 1]);
  assert.is(difference(await toRawImage(padded), image), 0);
});

test("other kinds of coding are named", async () => {
  const file = encodeJpeg(base);
  const frame = find(file, 0xc0);
  const changed = (at: number, value: number) => {
    const copy = file.slice();
    copy[at] = value;
    return copy;
  };
  const cases: [string, Uint8Array, string, RegExp][] = [
    ["arithmetic", changed(frame + 1, 0xc9), "IMAGE_UNSUPPORTED", /arithmetic/],
    ["lossless", changed(frame + 1, 0xc3), "IMAGE_UNSUPPORTED", /lossless/],
    ["hierarchical", changed(frame + 1, 0xc5), "IMAGE_UNSUPPORTED", /hierarchical/],
    ["12-bit", changed(frame + 4, 12), "IMAGE_UNSUPPORTED", /12-bit/],
    ["sampling 0", changed(frame + 11, 0x01), "IMAGE_CORRUPT", /sampling/],
    ["no frame", changed(frame + 1, 0xe5), "IMAGE_CORRUPT", /frame header/],
    ["too large", changed(frame + 5, 0xff), "IMAGE_TOO_LARGE", /×/],
  ];
  for (const [name, bytes, code, reason] of cases) {
    try {
      await toRawImage(bytes, { maxPixels: 10_000 });
      assert.unreachable(name);
    } catch (error) {
      assert.is((error as { code: string }).code, code, name);
      assert.match((error as Error).message, reason, name);
    }
  }
});

test("missing tables and misplaced restarts are errors", async () => {
  const file = encodeJpeg({ ...base, restart: 2 });
  const spoil = (marker: number, value: number, from = 0) => {
    const copy = file.slice();
    copy[find(file, marker, from) + 1] = value;
    return copy;
  };
  for (const bytes of [spoil(0xc4, 0xef), spoil(0xdb, 0xef), spoil(0xd0, 0xd1)]) {
    assert.is(await codeOf(toRawImage(bytes)), "IMAGE_CORRUPT");
  }
});

test.run();

/* Node decodes JPEG by its own code, a browser by the browser's: these tests hold for both. */
import { type RawImage, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { difference, draw } from "../../support/images.js";
import { encodeJpeg, type JpegOptions } from "../../support/jpeg-encoder.js";
import { base, cb, cr, find, luma, type Sample, ycc } from "../../support/jpeg-samples.js";

const SAMPLINGS: Record<string, [h: number, v: number]> = {
  "4:4:4": [1, 1],
  "4:2:2": [2, 1],
  "4:2:0": [2, 2],
  "4:4:0": [1, 2],
  "4:1:1": [4, 1],
  "4:1:0": [4, 2],
};

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

test.run();

/* Images decoded smaller than they are by our own decoders: what comes out, and where faces are then. */
import {
  type DecodeOptions,
  toRawImage as decoded,
  type ImageInput,
  type RawImage,
  RetinaFace,
} from "retinaface-webgpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { byPlace } from "../../support/faces.js";
import { codeOf, difference, draw, exifSegment, storedAs } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";
import { type Sample, waves } from "../../support/jpeg-samples.js";
import { encodePng } from "../../support/png-encoder.node.js";

const test = suite("scaled");

/** By our own decoders, whatever else is installed. */
const toRawImage = (input: ImageInput, options: DecodeOptions = {}): Promise<RawImage> =>
  decoded(input, { decoder: "own", ...options });

/** The `size` × `size` lowest frequencies of a block of 8×8 samples, as so many samples; float64. */
function reducedBlock(at: (x: number, y: number) => number, size: number): number[] {
  const scale = (u: number) => (u === 0 ? Math.SQRT1_2 : 1) / 2;
  const wave = (x: number, u: number, n: number) =>
    scale(u) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * n));
  const result = new Array<number>(size * size).fill(0);
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      let term = 0;
      for (let i = 0; i < 64; i++) {
        term += at(i & 7, i >> 3) * wave(i & 7, u, 8) * wave(i >> 3, v, 8);
      }
      for (let i = 0; i < result.length; i++) {
        result[i] += term * wave(i % size, u, size) * wave(Math.floor(i / size), v, size);
      }
    }
  }
  return result;
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

/** A plane decoded at `size`/8, blocks at the edge filled up as the encoder does. */
function reducedPlane(sample: Sample, width: number, height: number, size: number): Plane {
  const columns = Math.ceil(width / 8);
  const rows = Math.ceil(height / 8);
  const small = { width: Math.ceil((width * size) / 8), height: Math.ceil((height * size) / 8) };
  const values = new Float64Array(small.width * small.height);
  for (let block = 0; block < columns * rows; block++) {
    const [left, top] = [(block % columns) * 8, Math.floor(block / columns) * 8];
    const at = (x: number, y: number) =>
      sample(Math.min(left + x, width - 1), Math.min(top + y, height - 1));
    for (const [i, value] of reducedBlock(at, size).entries()) {
      const x = (left * size) / 8 + (i % size);
      const y = (top * size) / 8 + Math.floor(i / size);
      if (x < small.width && y < small.height) values[y * small.width + x] = value;
    }
  }
  return { ...small, values };
}

/** Triangle filter over an axis of which `seen` samples (a part of the last, perhaps) become `to`; float64. */
function weightsOf(seen: number, count: number, to: number, i: number): number[] {
  const radius = Math.max(1, seen / to);
  const centre = ((i + 0.5) * seen) / to - 0.5;
  const all = Array.from({ length: count }, (_, k) =>
    Math.max(0, 1 - Math.abs(k - centre) / radius),
  );
  const sum = all.reduce((a, b) => a + b);
  return all.map((weight) => weight / sum);
}

function resized(
  { width, height, values }: Plane,
  seen: readonly number[],
  to: readonly number[],
): Float64Array {
  const columns = Array.from({ length: to[0] }, (_, x) => weightsOf(seen[0], width, to[0], x));
  const rows = Array.from({ length: to[1] }, (_, y) => weightsOf(seen[1], height, to[1], y));
  return Float64Array.from({ length: to[0] * to[1] }, (_, i) => {
    let sum = 0;
    const [across, down] = [columns[i % to[0]], rows[Math.floor(i / to[0])]];
    for (let y = 0; y < height; y++) {
      if (down[y] === 0) continue;
      for (let x = 0; x < width; x++)
        if (across[x]) sum += down[y] * across[x] * values[y * width + x];
    }
    return sum;
  });
}

const texture = waves(0.45, 0.31, 25);

test("a JPEG is decoded at the smallest of 1/8 to 1/1 that is 1.5 times as large, then filtered", async () => {
  for (const [width, height, maxSide, size, progressive] of [
    [100, 61, 33, 4, false],
    [100, 61, 35, 8, false],
    [101, 67, 33, 4, true],
    [101, 67, 18, 4, false],
    [101, 67, 17, 2, true],
    [67, 131, 10, 1, false],
    [67, 131, 12, 2, true],
    [67, 131, 100, 8, false],
    [40, 9, 1, 1, true],
  ] as const) {
    const options = { width, height, progressive, components: [{ sample: texture }] };
    const image = await toRawImage(encodeJpeg(options), { maxSide });
    const scale = maxSide / Math.max(width, height);
    const to = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    assert.equal([image.width, image.height], to);
    assert.equal(image.original, { width, height });
    const plane = reducedPlane(texture, width, height, size);
    const seen = [width, height].map((side) => (side * size) / 8);
    const expected = resized(plane, seen, to);
    for (let i = 0; i < expected.length; i++) {
      const off = Math.abs(image.data[i * 4] - Math.max(0, Math.min(255, expected[i])));
      assert.ok(off < 2.6, `${width}×${height} to ${maxSide}: ${i} is off by ${off}`);
    }
  }
});

test("colours, subsampled in each way, and orientation", async () => {
  const colours = [waves(0.02, 0.03, 0), waves(0.013, 0.01, 0), waves(0.01, 0.017, 0)];
  const [y, b, r] = colours;
  const picture = (at: number) =>
    draw(at, at, (x, z) => {
      const place = [((x + 0.5) * 128) / at - 0.5, ((z + 0.5) * 128) / at - 0.5] as const;
      const [blue, red] = [b(...place) - 128, r(...place) - 128];
      return [
        y(...place) + 1.402 * red,
        y(...place) - 0.344136 * blue - 0.714136 * red,
        y(...place) + 1.772 * blue,
      ].map((value) => Math.max(0, Math.min(255, Math.round(value))));
    });
  for (const [h, v] of [
    [1, 1],
    [2, 1],
    [1, 2],
    [2, 2],
    [4, 1],
    [4, 2],
  ]) {
    const spread = (sample: Sample, n: number): Sample =>
      n === 0 ? sample : (x, z) => sample((x + 0.5) * h - 0.5, (z + 0.5) * v - 0.5);
    const components = colours.map((sample, n) => ({
      ...(n === 0 && { h, v }),
      sample: (x: number, z: number) => Math.round(spread(sample, n)(x, z)),
    }));
    const progressive = v === 2;
    const file = encodeJpeg({ width: 128, height: 128, progressive, components });
    for (const maxSide of [100, 64, 40, 30, 16]) {
      const off = difference(await toRawImage(file, { maxSide }), picture(maxSide));
      // A quarter of the columns is repeated, not interpolated.
      assert.ok(off <= (h === 4 ? 20 : 12), `${h}×${v} to ${maxSide}: off by ${off}`);
    }
  }
});

const gradient = (width: number, height: number) =>
  draw(width, height, (x, y) => [(x * 255) / width, (y * 255) / height, 40].map(Math.round));

function jpegOf(image: RawImage, orientation: number): Uint8Array {
  const components = [0, 1, 2].map((c) => ({
    sample: (x: number, y: number) => image.data[(y * image.width + x) * 4 + c],
  }));
  const { width, height } = image;
  return encodeJpeg({ width, height, components, adobe: 0, app1: exifSegment(orientation) });
}

test("every orientation is put upright once", async () => {
  const upright = gradient(90, 64);
  const expected = gradient(45, 32);
  for (let orientation = 1; orientation <= 8; orientation++) {
    const file = jpegOf(storedAs(upright, orientation), orientation);
    const image = await toRawImage(file, { maxSide: 45 });
    assert.equal(image.original, { width: 90, height: 64 }, `${orientation}`);
    assert.ok(difference(image, expected) <= 8, `${orientation}: ${difference(image, expected)}`);
  }
});

test("what suffices as it is comes as it is; so does everything with decode full", async () => {
  const file = jpegOf(gradient(90, 64), 1);
  const whole = await toRawImage(file);
  for (const options of [
    { maxSide: 90 },
    { maxSide: 500 },
    { minSide: 200, maxSide: 400 },
    { maxSide: 30, decode: "full" as const },
  ]) {
    const image = await toRawImage(file, options);
    assert.is(difference(image, whole), 0);
    assert.is(image.original, undefined);
  }
  assert.is(await codeOf(toRawImage(file, { decode: "half" as never })), "OPTION_INVALID");
});

test("a PNG is filtered too; alpha with it", async () => {
  const sample = (x: number, y: number, c: number) => (c === 3 ? x * 2 : (x + y) % 2) * 1;
  const stripes = encodePng({
    width: 120,
    height: 60,
    depth: 8,
    colourType: 6,
    sample: (x, y, c) => (c === 3 ? sample(x, y, c) : 255 * sample(x, y, c)),
  });
  const image = await toRawImage(stripes, { maxSide: 80 });
  assert.equal([image.width, image.height, image.original], [80, 40, { width: 120, height: 60 }]);
  for (let i = 0; i < 80 * 40; i++) {
    const off = Math.abs(image.data[i * 4] - 127.5);
    assert.ok(off < 40, `a chequerboard becomes grey, got ${image.data[i * 4]}`);
    assert.ok(Math.abs(image.data[i * 4 + 3] - ((i % 80) * 3 + 0.5)) < 2.1);
  }
});

test("damage is an error whatever the size, and shown on request with a warning", async () => {
  const file = jpegOf(gradient(200, 160), 1);
  const cut = file.subarray(0, file.length >> 1);
  for (const maxSide of [150, 90, 40, 20]) {
    assert.is(await codeOf(toRawImage(cut, { maxSide })), "IMAGE_CORRUPT");
    const { warnings, data } = await toRawImage(cut, { maxSide, truncated: "show" });
    assert.match(warnings?.[0] ?? "", /end early/);
    assert.ok(Math.abs(data[data.length - 4] - 128) < 4, "the rest is grey");
    assert.ok(data[0] < 20, "the part that is there is shown");
  }
});

test("faces are found in pixels of the original, clipped to it", async () => {
  const sample = new URL("../../../../packages/retinaface/assets/sample.png", import.meta.url);
  const image = await toRawImage(sample);
  const large = jpegOf(
    draw(image.width * 3, image.height * 3, (x, y) => {
      const at = (Math.floor(y / 3) * image.width + Math.floor(x / 3)) * 4;
      return [...image.data.subarray(at, at + 3)];
    }),
    1,
  );
  const maxSide = Math.max(image.width, image.height);
  const options = { maxSide, clip: true, decoder: "own" } as const;
  const detector = await RetinaFace.load({ backend: "wasm", ...options });
  try {
    const expected = byPlace(await detector.detect(image));
    const full = await detector.detect(large, { decode: "full" });
    for (const faces of [await detector.detect(large), full].map(byPlace)) {
      assert.is(faces.length, expected.length);
      for (const [i, { box, score }] of faces.entries()) {
        assert.ok(Math.abs(score - expected[i].score) < 0.02);
        assert.ok(box.every((value, k) => Math.abs(value / 3 - expected[i].box[k]) < 1.5));
      }
    }
    const { data, width, height } = await toRawImage(large, { maxSide });
    const own = { data, width, height, original: { width: width * 3, height: height * 3 } };
    assert.equal(await detector.detect(own), await detector.detect(large));
    const wrong = { ...own, original: { width: 0, height: 9 } };
    assert.is(await codeOf(detector.detect(wrong)), "IMAGE_EMPTY");
  } finally {
    detector.dispose();
  }
});

test.run();

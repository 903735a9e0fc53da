/** The kernel from RGBA bytes to a network's input, and the upload in pieces, against float64. */
import { imageInput, TAP_FLOATS, writeTaps } from "@retinaface-webgpu/kernels-wgsl";
import { empty } from "@retinaface-webgpu/tensor";
import { ImageError, ImageFeed, type RawImage, UploadBuffer } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkInput } from "../reference/detection.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

/** A thousandth of the range of a byte. */
const TOLERANCE = { atol: 0.255 };
/** What f32 sums of bytes reach. */
const TIGHT = { atol: 2e-3 };

/** Noise with black and white blocks, so that a tap too many or too few is seen. */
function picture(width: number, height: number, seed = 1): RawImage {
  const random = new Random(seed);
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < data.length; i++) data[i] = random.integer(0, 255);
  for (let n = 0; n < 8; n++) {
    const value = n % 2 ? 255 : 0;
    const row = random.integer(0, height - 1);
    const column = random.integer(0, width - 1);
    const end = Math.min(width, column + 9);
    data.fill(value, (row * width + column) * 4, (row * width + end) * 4);
  }
  return { data, width, height };
}

async function feed(
  images: readonly RawImage[],
  width: number,
  height: number,
  limit?: number,
): Promise<Float32Array> {
  const input = empty(device(), [images.length, height, width, 3]);
  const upload = new UploadBuffer(device(), limit);
  const target = { binding: input.binding, width, height };
  const feeder = await ImageFeed.create(device(), target, upload);
  try {
    // Twice, the second time as in a steady run of frames.
    feeder.feed(images);
    feeder.feed(images);
    return (await input.data()) as Float32Array;
  } finally {
    for (const owner of [feeder, upload, input]) owner.dispose();
  }
}

function reference(images: readonly RawImage[], width: number, height: number): Float32Array {
  const size = width * height * 3;
  const values = new Float32Array(images.length * size);
  for (const [i, image] of images.entries()) {
    values.set(networkInput(image, width, height), i * size);
  }
  return values;
}

test("without resizing it is an exact copy: B, G, R minus the mean", async () => {
  const image = picture(37, 21);
  const actual = await feed([image], 37, 21);
  assertClose(actual, reference([image], 37, 21));
  assert.is(actual[0], image.data[2] - 104);
  assert.is(actual[1], image.data[1] - 117);
  assert.is(actual[2], image.data[0] - 123);
});

const SIZES: [from: [number, number], to: [number, number]][] = [
  [
    [7, 5],
    [13, 11],
  ],
  [
    [7, 5],
    [1, 1],
  ],
  [
    [1, 1],
    [5, 9],
  ],
  [
    [64, 48],
    [43, 29],
  ],
  [
    [64, 48],
    [32, 24],
  ],
  [
    [65, 49],
    [32, 24],
  ],
  [
    [100, 90],
    [27, 90],
  ],
  [
    [30, 200],
    [30, 33],
  ],
  [
    [30, 90],
    [45, 17],
  ],
  [
    [403, 301],
    [64, 48],
  ],
  [
    [12, 3000],
    [5, 3],
  ],
];

test("every way of resizing equals float64", async () => {
  let largest = 0;
  for (const [[w, h], [width, height]] of SIZES) {
    const image = picture(w, h, w + h);
    const expected = reference([image], width, height);
    const actual = await feed([image], width, height);
    const what = `${w}×${h} to ${width}×${height}`;
    largest = Math.max(largest, assertClose(actual, expected, { ...TIGHT, what }));
  }
  console.log(`# largest difference from float64: ${largest.toExponential(1)} of 255`);
});

test("a photo 30,000 pixels wide keeps its precision to the last column", async () => {
  const image = picture(30000, 3);
  assertClose(await feed([image], 1999, 2), reference([image], 1999, 2), TOLERANCE);
  assertClose(await feed([image], 29998, 3), reference([image], 29998, 3), TOLERANCE);
});

test("a batch of images of different sizes", async () => {
  const images = [picture(33, 21, 1), picture(40, 30, 2), picture(200, 123, 3)];
  assertClose(await feed(images, 40, 30), reference(images, 40, 30), TIGHT);
});

test("images larger than the upload buffer come in bands, with the same result", async () => {
  const sizes: typeof SIZES = [
    [
      [100, 90],
      [100, 90],
    ],
    [
      [100, 90],
      [61, 47],
    ],
    [
      [100, 90],
      [17, 13],
    ],
    [
      [100, 90],
      [11, 1],
    ],
    [
      [100, 90],
      [120, 130],
    ],
  ];
  for (const [[w, h], [width, height]] of sizes) {
    const image = picture(w, h);
    for (const rows of [1, 2, 7, 40, 89]) {
      const actual = await feed([image], width, height, rows * w * 4);
      const what = `bands of ${rows} rows to ${width}×${height}`;
      assertClose(actual, reference([image], width, height), { ...TIGHT, what });
    }
  }
  const batch = [picture(50, 40, 1), picture(50, 40, 2), picture(90, 60, 3)];
  assertClose(await feed(batch, 30, 24, 50 * 40 * 4), reference(batch, 30, 24), TIGHT);
});

test("a row that exceeds the limit is an error that says so", async () => {
  let error: unknown;
  await feed([picture(100, 2)], 10, 1, 399).catch((e) => {
    error = e;
  });
  assert.instance(error, ImageError);
  assert.is((error as ImageError).code, "IMAGE_TOO_LARGE");
});

test("padding is 0, other images of the batch stay as they are, rows may be spaced", async () => {
  const [w, h, width, height] = [21, 17, 14, 11];
  const image = picture(w, h);
  const [targetWidth, targetHeight] = [16, 24];
  const stride = 32;
  const spaced = new Uint8Array(stride * h * 4).fill(99);
  for (let y = 0; y < h; y++) {
    spaced.set(image.data.subarray(y * w * 4, (y + 1) * w * 4), y * stride * 4);
  }
  const table = new Float32Array((width + height) * TAP_FLOATS);
  writeTaps(w, width, table);
  writeTaps(h, height, table.subarray(width * TAP_FLOATS));
  const size = targetWidth * targetHeight * 3;
  const source = device().allocate(spaced.length);
  const taps = device().allocate(table.byteLength);
  const target = device().allocate(size * 3 * 4);
  device().write(source, spaced);
  device().write(taps, table);
  device().write(target, new Float32Array(size * 3).fill(7));
  const kernel = imageInput({
    sourceWidth: w,
    sourceHeight: h,
    sourceStride: stride,
    width,
    height,
    targetWidth,
    targetHeight,
    targetOffset: size,
    mean: [104, 117, 123],
  });
  device().run(
    kernel,
    [source, taps, target].map(({ buffer, bytes }) => ({ buffer, size: bytes })),
  );
  const values = new Float32Array(await device().read(target.buffer, size * 3 * 4));
  const scaled = networkInput(image, width, height);
  const expected = new Float32Array(size * 3).fill(7);
  expected.fill(0, size, size * 2);
  for (let y = 0; y < height; y++) {
    const row = scaled.subarray(y * width * 3, (y + 1) * width * 3);
    expected.set(row, size + y * targetWidth * 3);
  }
  assertClose(values, expected, TIGHT);
  for (const buffer of [source, taps, target]) device().free(buffer);
});

test("a steady run of frames allocates nothing and submits nothing by itself", async () => {
  const input = empty(device(), [1, 24, 32, 3]);
  const upload = new UploadBuffer(device());
  const target = { binding: input.binding, width: 32, height: 24 };
  const feeder = await ImageFeed.create(device(), target, upload);
  const frames = [1, 2, 3].map((seed) => picture(64, 48, seed));
  feeder.feed([frames[0]]);
  await input.data();
  const before = device().memory();
  for (let n = 0; n < 30; n++) {
    feeder.feed([frames[n % 3]]);
    await device().sync();
  }
  const after = device().memory();
  assert.is(after.liveBytes, before.liveBytes);
  assert.is(after.liveBuffers, before.liveBuffers);
  assert.is(after.submits - before.submits, 30);
  assert.is(after.dispatches - before.dispatches, 30);
  feeder.feed([frames[1]]);
  assertClose((await input.data()) as Float32Array, reference([frames[1]], 32, 24), TIGHT);
  for (const owner of [feeder, upload, input]) owner.dispose();
});

test.run();

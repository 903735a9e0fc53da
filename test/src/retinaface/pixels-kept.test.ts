import { type Face, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { rejectsCode } from "../support/throws.js";
import { tinyWeights } from "../support/tiny-detector.js";

/* Pixels whose memory is taken away while a call waits never give an earlier image's faces. */

const device = useDevice(test);
const WIDTH = 40;
const HEIGHT = 32;
const BYTES = WIDTH * HEIGHT * 4;

function noise(seed: number): Uint8ClampedArray<ArrayBuffer> {
  const random = new Random(seed);
  return Uint8ClampedArray.from({ length: BYTES }, () => random.integer(0, 255));
}

/** The same pixels in memory that can become shorter. */
function resizable(pixels: Uint8ClampedArray, tracking: boolean) {
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(bytes: number): void };
  const buffer = new Resizable(BYTES, { maxByteLength: BYTES * 2 });
  const data = tracking ? new Uint8ClampedArray(buffer) : new Uint8ClampedArray(buffer, 0, BYTES);
  data.set(pixels);
  return { buffer, data };
}

const image = (data: Uint8ClampedArray) => ({ data, width: WIDTH, height: HEIGHT });

async function withDetector(check: (detector: RetinaFace) => Promise<void>): Promise<void> {
  const weights = await tinyWeights(device());
  const options = { visThreshold: 0, confidenceThreshold: 0, topK: 20 };
  const detector = await RetinaFace.load({ device: device(), weights, ...options });
  try {
    await check(detector);
  } finally {
    detector.dispose();
  }
}

const scores = (faces: readonly Face[]) => faces.map(({ score }) => score);

test("a buffer that shrinks after the call: the pixels are those of the call", () =>
  withDetector(async (detector) => {
    const [first, second] = [noise(1), noise(2)];
    const expected = scores(await detector.detect(image(second)));
    const other = scores(await detector.detect(image(first)));
    assert.not.equal(expected, other, "the two images differ for this detector");
    for (const tracking of [true, false]) {
      for (const left of [0, 4, BYTES / 2, BYTES * 2]) {
        assert.equal(scores(await detector.detect(image(first))), other);
        const { buffer, data } = resizable(second, tracking);
        const call = detector.detect(image(data));
        buffer.resize(left);
        assert.equal(scores(await call), expected, `${tracking} ${left}`);
      }
    }
  }));

test("a buffer that is transferred or written to after the call: the pixels are those of the call", () =>
  withDetector(async (detector) => {
    const expected = scores(await detector.detect(image(noise(2))));
    for (const others of [[], [image(noise(3))]]) {
      const gone = noise(2);
      const written = noise(2);
      const call = detector.detectBatch([...others, image(gone), image(written)]);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      written.fill(0);
      const found = await call;
      assert.equal(found.slice(-2).map(scores), [expected, expected]);
    }
  }));

test("pixels in shared memory, in WebAssembly's and within a larger buffer", () =>
  withDetector(async (detector) => {
    const expected = scores(await detector.detect(image(noise(2))));
    const wasm = new WebAssembly.Memory({ initial: 1 });
    const places: ArrayBufferLike[] = [wasm.buffer, new ArrayBuffer(BYTES + 64)];
    if (typeof SharedArrayBuffer !== "undefined") places.push(new SharedArrayBuffer(BYTES + 64));
    for (const place of places) {
      const data = new Uint8ClampedArray(place, 12, BYTES);
      data.set(noise(2));
      for (const maxSide of [undefined, 20]) {
        const scaled = maxSide && scores(await detector.detect(image(noise(2)), { maxSide }));
        const call = detector.detect(image(data as Uint8ClampedArray<ArrayBuffer>), { maxSide });
        assert.equal(scores(await call), scaled ?? expected);
      }
    }
    const call = detector.detect(image(new Uint8ClampedArray(wasm.buffer, 12, BYTES)));
    wasm.grow(1);
    assert.equal(scores(await call), expected, "memory that grows is moved elsewhere");
  }));

test("pixels that change their size's numbers after the call", () =>
  withDetector(async (detector) => {
    const expected = scores(await detector.detect(image(noise(2))));
    const changing = image(noise(2));
    const call = detector.detect(changing);
    changing.width = 4;
    changing.height = 4;
    assert.equal(scores(await call), expected);
  }));

test("a buffer that is gone already, or too short", () =>
  withDetector(async (detector) => {
    const { buffer, data } = resizable(noise(2), true);
    buffer.resize(BYTES - 1);
    await rejectsCode(detector.detect(image(data)), "IMAGE_CORRUPT");
    const bytes = new Uint8Array(8);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    await rejectsCode(detector.detect(bytes), "IMAGE_EMPTY");
  }));

test.run();

/** Frames of a video go to the GPU as they are, and give the faces that their pixels give. */
import {
  type Face,
  type ImageInput,
  type RawImage,
  RetinaFace,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
let detector: RetinaFace;

test.before(async () => {
  detector = await RetinaFace.load({ weights: await tinyWeights(device()), device: device() });
});
test.after(() => detector.dispose());

const WIDTH = 64;
const HEIGHT = 48;

function canvasOf(image: RawImage): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement("canvas"), {
    width: image.width,
    height: image.height,
  });
  const pixels = new ImageData(new Uint8ClampedArray(image.data), image.width, image.height);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  return canvas;
}

/** Opaque noise: a canvas loses the colour of what is transparent. */
function picture(seed: number, width = WIDTH, height = HEIGHT): RawImage {
  const image = noiseImage(width, height, seed);
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  return image;
}

const frameOf = (image: RawImage) => new VideoFrame(canvasOf(image), { timestamp: 0 });

/** A frame as decoders give it: a plane of luma and, at half the size, two of colour, which are even here. */
function planarFrame(): VideoFrame {
  const luma = WIDTH * HEIGHT;
  const planes = new Uint8Array((luma * 3) / 2).fill(110);
  for (let i = 0; i < luma; i++) planes[i] = 16 + ((i * 37 + Math.floor(i / WIDTH) * 11) % 220);
  planes.fill(150, (luma * 5) / 4);
  const size = { codedWidth: WIDTH, codedHeight: HEIGHT };
  return new VideoFrame(planes, { format: "I420", timestamp: 0, ...size });
}

/** What `work` does with canvases, the CPU's way, and with frames. */
async function counting<T>(work: () => Promise<T>) {
  const { getContext } = OffscreenCanvas.prototype;
  const { clone, close } = VideoFrame.prototype;
  const counts = { canvases: 0, open: 0 };
  OffscreenCanvas.prototype.getContext = function (
    this: OffscreenCanvas,
    ...args: Parameters<typeof getContext>
  ) {
    counts.canvases++;
    return getContext.apply(this, args);
  } as typeof getContext;
  VideoFrame.prototype.clone = function () {
    counts.open++;
    return clone.call(this);
  };
  VideoFrame.prototype.close = function () {
    counts.open--;
    close.call(this);
  };
  try {
    return { result: await work(), ...counts, counts };
  } finally {
    OffscreenCanvas.prototype.getContext = getContext;
    Object.assign(VideoFrame.prototype, { clone, close });
  }
}

/** The same faces up to the order of those that score alike. */
function assertSameFaces(actual: Face[], expected: Face[], pixels: number): void {
  assert.is(actual.length, expected.length);
  for (const { box, score } of actual) {
    const near = (other: Face) =>
      Math.abs(score - other.score) < 1e-2 &&
      box.every((v, k) => Math.abs(v - other.box[k]) <= pixels);
    assert.ok(expected.some(near), `none is at ${box.map((v) => v.toFixed(1))} with ${score}`);
  }
}

const find = (image: ImageInput, options = {}) =>
  detector.detect(image, { ...LENIENT, ...options });

test("a frame is taken without a canvas and gives the faces of its pixels", async () => {
  for (const options of [{}, { maxSide: 40 }, { profile: true }]) {
    const image = picture(1);
    const expected = await find(image, options);
    const frame = frameOf(image);
    const { result, counts } = await counting(() => find(frame, options));
    assert.equal(counts, { canvases: 0, open: 0 });
    assertSameFaces(result, expected, 1e-3);
    assert.is(frame.displayWidth, WIDTH, "the caller's frame stays open");
    frame.close();
  }
});

test("a decoder's planes become the colours that a canvas shows", async () => {
  const frame = planarFrame();
  const expected = await find(await toRawImage(frame));
  const { result, counts } = await counting(() => find(frame));
  assert.equal(counts, { canvases: 0, open: 0 });
  assertSameFaces(result, expected, 0.5);
  frame.close();
});

test("a video element gives the frame that it shows", async () => {
  const image = picture(3);
  const canvas = canvasOf(image);
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = canvas.captureStream(0);
  const [track] = (video.srcObject as MediaStream).getVideoTracks();
  (track as CanvasCaptureMediaStreamTrack).requestFrame();
  await video.play();
  const { result, counts } = await counting(() => find(video));
  assert.is(counts.canvases, 0);
  assertSameFaces(result, await find(await toRawImage(video)), 0.5);
  track.stop();
});

test("frames and pixels go through the network together", async () => {
  const images = [picture(4), picture(5), picture(6, 32, 32)];
  const expected = await detector.detectBatch(images, LENIENT);
  const frames = images.map(frameOf);
  const mixed = [frames[0], images[1], frames[2]];
  const { result, counts } = await counting(() => detector.detectBatch(mixed, LENIENT));
  assert.equal(counts, { canvases: 0, open: 0 });
  for (const [i, faces] of result.entries()) assertSameFaces(faces, expected[i], 1e-3);
  for (const frame of frames) frame.close();
});

test("a stream of frames allocates nothing", async () => {
  const frames = [7, 8, 9].map((seed) => frameOf(picture(seed)));
  const stream = detector.stream(LENIENT);
  await stream.push(frames[0]);
  const before = device().memory();
  for (let i = 0; i < 12; i++) assert.ok(await stream.push(frames[i % 3]));
  const after = device().memory();
  assert.is(after.liveBytes, before.liveBytes);
  assert.is(after.submits - before.submits, 12);
  for (const frame of frames) frame.close();
});

test("where frames cannot be lent to the GPU a canvas reads them", async () => {
  const image = picture(10);
  const expected = await find(image);
  const frame = frameOf(image);
  const gpu = device().gpuDevice;
  const refuse = () => {
    throw new DOMException("no such format", "OperationError");
  };
  Object.defineProperty(gpu, "importExternalTexture", { value: refuse, configurable: true });
  const { result, counts } = await counting(() => find(frame));
  Reflect.deleteProperty(gpu, "importExternalTexture");
  assert.equal(counts, { canvases: 1, open: 0 });
  assertSameFaces(result, expected, 1e-3);
  frame.close();
});

test("a frame is given back when its call fails, and a closed one is an error", async () => {
  const frame = frameOf(picture(11));
  const { counts } = await counting(async () => {
    const together = detector.detectBatch([frame, new Uint8Array()], LENIENT);
    const error = await together.then(
      () => undefined,
      (e) => e,
    );
    assert.is(error?.code, "IMAGE_EMPTY");
  });
  assert.is(counts.open, 0);
  frame.close();
  const error = await find(frame).then(
    () => undefined,
    (e) => e,
  );
  assert.is(error?.code, "IMAGE_EMPTY");
});

test.run();

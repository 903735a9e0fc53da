/* Images and weights by URLs that hold their bytes; errors that repeat little of what they were given. */
import { RetinaFace, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { difference } from "../support/images.js";
import { encodeJpeg } from "../support/jpeg-encoder.js";
import { base } from "../support/jpeg-samples.js";
import { tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
const file = encodeJpeg(base);

function dataUrl(bytes: Uint8Array, type: string): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:${type};base64,${btoa(text)}`;
}

test("data: and blob: URLs, as text and as URL, are images", async () => {
  const expected = await toRawImage(file);
  const blob = URL.createObjectURL(new Blob([file as BlobPart]));
  const percent = `data:,${[...file].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")}`;
  for (const url of [dataUrl(file, "image/jpeg"), dataUrl(file, "text/plain"), percent, blob]) {
    assert.is(difference(await toRawImage(url), expected), 0);
    assert.is(difference(await toRawImage(new URL(url)), expected), 0);
  }
  const upper = dataUrl(file, "image/jpeg").replace("data:", "DATA:");
  assert.is(difference(await toRawImage(upper), expected), 0);
  URL.revokeObjectURL(blob);
});

test("they are weights too, and images of a detector", async () => {
  const weights = await tinyWeights(device());
  const options = { device: device(), visThreshold: 0, confidenceThreshold: 0, topK: 9 };
  const plain = await RetinaFace.load({ ...options, weights });
  const expected = await plain.detect(file);
  plain.dispose();
  const blob = URL.createObjectURL(new Blob([weights as BlobPart]));
  for (const url of [dataUrl(weights, "application/octet-stream"), blob, new URL(blob)]) {
    const detector = await RetinaFace.load({ ...options, weights: url });
    assert.equal(await detector.detect(dataUrl(file, "image/jpeg")), expected);
    detector.dispose();
  }
});

test("errors repeat no more than 200 characters of what they were given", async () => {
  const long = "x".repeat(100_000);
  const inputs: [unknown, string][] = [
    [`data:image/jpeg;base64,${long}`, "IMAGE_UNSUPPORTED"],
    [`data:image/jpeg;base64,!${long}`, "IMAGE_UNREADABLE"],
    [`data:${long}`, "IMAGE_UNREADABLE"],
    [`blob:${long}`, "IMAGE_UNREADABLE"],
    [Symbol(long), "OPTION_INVALID"],
  ];
  for (const [input, code] of inputs) {
    const error = await toRawImage(input as never).catch((caught) => caught);
    assert.is(error.code, code, String(input).slice(0, 30));
    assert.ok(error.message.length < 400, `${error.message.length} characters`);
  }
});

test("clip cuts boxes to the image and leaves landmarks", async () => {
  const weights = await tinyWeights(device());
  const limits = { visThreshold: 0, confidenceThreshold: 0, topK: 60 };
  const detector = await RetinaFace.load({ device: device(), weights, ...limits });
  const image = await toRawImage(file);
  const plain = await detector.detect(image);
  const clipped = await detector.detect(image, { clip: true });
  assert.ok(
    plain.some(({ box }) => box[0] < 0 || box[3] > image.height),
    "some reach outside",
  );
  const inside = (value: number, side: number) => Math.min(Math.max(value, 0), side);
  for (const [i, { box, landmarks, score }] of clipped.entries()) {
    const [x1, y1, x2, y2] = plain[i].box;
    const { width, height } = image;
    const expected = [inside(x1, width), inside(y1, height), inside(x2, width), inside(y2, height)];
    assert.equal(box, expected);
    assert.equal({ landmarks, score }, { landmarks: plain[i].landmarks, score: plain[i].score });
  }
  detector.dispose();
  const byDefault = await RetinaFace.load({ device: device(), weights, ...limits, clip: true });
  assert.equal(await byDefault.detect(image), clipped);
  assert.equal(await byDefault.detect(image, { clip: false }), plain);
  byDefault.dispose();
});

test("a photo that is cut off is shown to a detector on request", async () => {
  const weights = await tinyWeights(device());
  const detector = await RetinaFace.load({ device: device(), weights });
  const cut = file.subarray(0, file.length - 500);
  const error = await detector.detect(cut).catch((caught) => caught);
  assert.is(error.code, "IMAGE_CORRUPT");
  await detector.detect(cut, { truncated: "show" });
  const other = await detector
    .detect(cut, { truncated: "maybe" as never })
    .catch((caught) => caught);
  assert.is(other.code, "OPTION_INVALID");
  detector.dispose();
});

test.run();

import { toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, difference, draw, exifSegment } from "../../support/images.js";
import { encodeJpeg } from "../../support/jpeg-encoder.js";

const picture = draw(20, 12, (x, y) => [x * 12, y * 20, (x * y) % 256]);

const pixels = () => new ImageData(new Uint8ClampedArray(picture.data), 20, 12);

function canvas<T extends HTMLCanvasElement | OffscreenCanvas>(element: T): T {
  const context = element.getContext("2d") as CanvasRenderingContext2D;
  context.putImageData(pixels(), 0, 0);
  return element;
}

function htmlCanvas(): HTMLCanvasElement {
  const element = document.createElement("canvas");
  element.width = 20;
  element.height = 12;
  return canvas(element);
}

const png = () =>
  new Promise<Blob>((resolve) => htmlCanvas().toBlob((blob) => resolve(blob as Blob), "image/png"));

async function imageElement(blob: Blob): Promise<HTMLImageElement> {
  const element = new Image();
  element.src = URL.createObjectURL(blob);
  return element;
}

test("whatever a canvas can draw gives the same pixels", async () => {
  const frame = new VideoFrame(htmlCanvas(), { timestamp: 0 });
  const inputs = {
    ImageData: pixels(),
    ImageBitmap: await createImageBitmap(pixels()),
    HTMLCanvasElement: htmlCanvas(),
    OffscreenCanvas: canvas(new OffscreenCanvas(20, 12)),
    HTMLImageElement: await imageElement(await png()),
    VideoFrame: frame,
    Blob: await png(),
  };
  for (const [name, input] of Object.entries(inputs)) {
    const off = difference(await toRawImage(input), picture);
    assert.ok(off <= (name === "VideoFrame" ? 2 : 0), `${name}, off by ${off}`);
  }
  frame.close();
});

test("a URL is fetched", async () => {
  const url = URL.createObjectURL(await png());
  assert.is(difference(await toRawImage(url), picture), 0);
  assert.is(difference(await toRawImage(new URL(url)), picture), 0);
  URL.revokeObjectURL(url);
  assert.is(await codeOf(toRawImage(url)), "IMAGE_UNREADABLE");
});

test("an image element is upright as well", async () => {
  const file = encodeJpeg({
    width: 20,
    height: 12,
    app1: exifSegment(6),
    components: [{ sample: (x) => (x < 10 ? 20 : 200) }],
  });
  const image = await toRawImage(await imageElement(new Blob([file as BlobPart])));
  assert.equal([image.width, image.height], [12, 20]);
  assert.ok(image.data[0] < 100 && image.data[19 * 12 * 4] > 100);
});

test("WebP, which the browser decodes", async () => {
  const blob = await new Promise<Blob>((resolve) =>
    htmlCanvas().toBlob((made) => resolve(made as Blob), "image/webp", 1),
  );
  assert.is(blob.type, "image/webp");
  const { width, height } = await toRawImage(new Uint8Array(await blob.arrayBuffer()));
  assert.equal([width, height], [20, 12]);
});

test("elements without pixels and above the limit are typed errors", async () => {
  assert.is(await codeOf(toRawImage(document.createElement("video"))), "IMAGE_EMPTY");
  assert.is(await codeOf(toRawImage(new Image())), "IMAGE_UNREADABLE");
  const broken = await imageElement(new Blob(["no image"]));
  assert.is(await codeOf(toRawImage(broken)), "IMAGE_UNREADABLE");
  assert.is(await codeOf(toRawImage(htmlCanvas(), { maxPixels: 239 })), "IMAGE_TOO_LARGE");
});

test.run();

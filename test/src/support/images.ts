import type { RawImage } from "retinaface-webgpu";

/** An EXIF block (TIFF) with a description before the orientation, in either byte order. */
export function exifBlock(orientation: number, little = true): Uint8Array {
  const bytes = new Uint8Array(8 + 2 + 2 * 12 + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(little ? [0x49, 0x49] : [0x4d, 0x4d]);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 2, little);
  const entry = (at: number, tag: number, type: number) => {
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, 1, little);
  };
  entry(10, 0x010e, 2);
  entry(22, 0x0112, 3);
  view.setUint16(30, orientation, little);
  return bytes;
}

/** The same with the name that APP1 segments of a JPEG start with. */
export function exifSegment(orientation: number, little = true): Uint8Array {
  return Uint8Array.from([0x45, 0x78, 0x69, 0x66, 0, 0, ...exifBlock(orientation, little)]);
}

/** Where an upright pixel is stored, by the EXIF standard's words; sizes are the upright image's. */
const STORED: Record<number, (x: number, y: number, w: number, h: number) => [number, number]> = {
  1: (x, y) => [x, y],
  2: (x, y, w) => [w - 1 - x, y],
  3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
  4: (x, y, _, h) => [x, h - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, w) => [y, w - 1 - x],
  7: (x, y, w, h) => [h - 1 - y, w - 1 - x],
  8: (x, y, _, h) => [h - 1 - y, x],
};

/** What a camera with this orientation stores of an upright image. */
export function storedAs(image: RawImage, orientation: number): RawImage {
  const { width, height } = image;
  const swap = orientation >= 5;
  const stored = {
    data: new Uint8Array(image.data.length),
    width: swap ? height : width,
    height: swap ? width : height,
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = STORED[orientation](x, y, width, height);
      const from = (y * width + x) * 4;
      stored.data.set(image.data.subarray(from, from + 4), (row * stored.width + column) * 4);
    }
  }
  return stored;
}

/** An image from a function that gives a pixel's red, green, blue and, if need be, alpha. */
export function draw(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly number[],
): RawImage {
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(pixel(x, y), (y * width + x) * 4);
  }
  return { data, width, height };
}

/** Largest difference of two images of the same size, alpha included. */
export function difference(a: RawImage, b: RawImage): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`sizes differ: ${a.width}×${a.height} and ${b.width}×${b.height}`);
  }
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, Math.abs(a.data[i] - b.data[i]));
  return most;
}

/** A promise's error code; "none" when there is no error. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    const { code } = error as { code?: string };
    return error instanceof Error && code !== undefined ? code : `untyped: ${error}`;
  }
}

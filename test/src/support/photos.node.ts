import { PNG } from "pngjs";
import { type RawImage, resizeBilinear, toRawImage } from "retinaface-webgpu";

/** The bytes of a PNG. */
export function encodePng({ data, width, height }: RawImage): Buffer {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return PNG.sync.write(png);
}

/** A photo scaled so that its long side is at most `maxSide` pixels: browsers on a CPU are slow. */
export async function smallPhoto(file: string, maxSide: number): Promise<RawImage> {
  const image = await toRawImage(file);
  const scale = Math.min(1, maxSide / Math.max(image.width, image.height));
  return resizeBilinear(image, Math.round(image.width * scale), Math.round(image.height * scale));
}

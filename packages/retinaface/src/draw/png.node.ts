import { PNG } from "pngjs";
import type { RawImage } from "../types.js";

/** Encodes RGBA pixels as an 8-bit RGB PNG; alpha is dropped. */
export function encodePng({ data, width, height }: RawImage): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return PNG.sync.write(png, { colorType: 2, inputHasAlpha: true, deflateLevel: 6 });
}

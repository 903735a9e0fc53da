import { holdsBytes } from "../image/bytes.js";
import type { BytesSource, ImageInput } from "../image/input.js";
import type { DecodeOptions } from "../image/raw.js";
import { readBytes, toRawImage } from "../image/read.node.js";
import type { PixelSource } from "../image/source.js";
import { locateWeights } from "../weights/locate.node.js";

export { openDecoders } from "../image/decoders.node.js";
export { checkDecoder } from "../image/sharp.node.js";
export { kernelStore } from "../tune/store.node.js";
export { readBytes, toRawImage };

/** What a network's input is made of: pixels, as nothing in Node gives frames of a video. */
export const toPixelSource = (input: ImageInput, options?: DecodeOptions): Promise<PixelSource> =>
  toRawImage(input, options);

/**
 * The bytes of a checkpoint: the given one, else by the order of `locateWeights`.
 *
 * @throws WeightsNotFoundError when nothing is given and there is none to be found.
 */
export async function findWeights(source?: BytesSource): Promise<Uint8Array> {
  if (source !== undefined && (typeof source !== "string" || holdsBytes(source))) {
    return readBytes(source);
  }
  return (await locateWeights(source)).bytes;
}

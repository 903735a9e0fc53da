import type { RawImage } from "../types.js";
import type { ImageInput } from "./input.js";
import type { DecodeOptions } from "./raw.js";

/** A decoded image and the milliseconds that reading and decoding it took. */
export interface Decoded {
  readonly image: RawImage;
  readonly milliseconds: number;
}

/** Decodes many images, several at a time where there are threads for it. */
export interface Decoders {
  /** Images that are decoded at a time. */
  readonly count: number;
  /** @throws as `toRawImage`; the signal's reason at once. */
  decode(input: ImageInput, options?: DecodeOptions): Promise<Decoded>;
  /** Ends the threads; what they are at is dropped. */
  close(): Promise<void>;
}

/** Decodes with the function given, on the caller's thread or wherever that one goes. */
export function plainDecoders(
  toRawImage: (input: ImageInput, options?: DecodeOptions) => Promise<RawImage>,
): Decoders {
  return {
    count: 1,
    decode: async (input, options) => {
      const start = performance.now();
      const image = await toRawImage(input, options);
      return { image, milliseconds: performance.now() - start };
    },
    close: async () => {},
  };
}

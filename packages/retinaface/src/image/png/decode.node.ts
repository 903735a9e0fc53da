import { Readable } from "node:stream";
import { constants, crc32, createInflateRaw, inflateRawSync } from "node:zlib";
import { ImageError } from "../../errors.js";
import type { RawImage } from "../../types.js";
import type { DecodeOptions } from "../raw.js";
import { Warnings } from "../warnings.js";
import { chunkAt, corruptPng, readPngHeader } from "./header.js";
import { PngPixels, pngRawBytes } from "./pixels.js";

/** Bytes that go through decompression at a time. */
const PART_BYTES = 2 ** 18;
/** Images of up to so many bytes are decompressed at once: starting a stream takes longer. */
const AT_ONCE_BYTES = 2 ** 21;

/**
 * Decodes a PNG and turns it upright. Data are decompressed part by part, so that nothing is held but the
 * pixels, 4 bytes each; data behind the last row are ignored.
 *
 * @throws ImageError as `readPngHeader`, and IMAGE_CORRUPT for damaged image data.
 */
export async function decodePng(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RawImage> {
  const show = options.truncated === "show";
  const header = readPngHeader(bytes, options, show);
  const warnings = new Warnings();
  const pixels = new PngPixels(header, options, warnings);
  const raw = pngRawBytes(header);
  const small = raw <= AT_ONCE_BYTES ? inflateAtOnce(bytes, header.dataStart, raw) : undefined;
  if (small !== undefined) pixels.push(small);
  try {
    if (!pixels.whole)
      await inflate(compressedParts(bytes, header.dataStart), (part) => {
        options.signal?.throwIfAborted();
        pixels.push(part);
        return !pixels.whole;
      });
  } catch (error) {
    if (!show || isOurs(error) || options.signal?.aborted) throw error;
  }
  if (!pixels.whole) {
    if (!show) throw corruptPng("it has too little image data");
    warnings.add("its image data end early: the rest of it is empty");
  }
  return { ...pixels.image, ...warnings.property };
}

/** Decompressed data of the right length; undefined for any others, which want a closer look. */
function inflateAtOnce(bytes: Uint8Array, from: number, length: number): Uint8Array | undefined {
  try {
    const data = Buffer.concat([...compressedParts(bytes, from)]);
    const raw = inflateRawSync(data, { maxOutputLength: length });
    return raw.length === length ? raw : undefined;
  } catch {
    return undefined;
  }
}

const isOurs = (error: unknown) => error instanceof ImageError;

/**
 * Decompresses parts until they end, what they hold ends, or `take` wants no more. What was decompressed
 * before an error was given to `take`.
 */
function inflate(parts: Iterable<Uint8Array>, take: (bytes: Uint8Array) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const source = Readable.from(parts);
    const stream = createInflateRaw({ chunkSize: PART_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
    const stop = (settle: () => void) => {
      source.destroy();
      stream.destroy();
      settle();
    };
    stream.on("data", (bytes: Uint8Array) => {
      try {
        if (!take(bytes)) stop(resolve);
      } catch (error) {
        stop(() => reject(error));
      }
    });
    stream.on("end", () => stop(resolve));
    for (const end of [source, stream]) end.on("error", (error) => stop(() => reject(error)));
    source.pipe(stream);
  });
}

/**
 * The contents of the image data's chunks behind zlib's two bytes of header, gathered: a file may have
 * millions of small ones. zlib's own checksum at the end is not compared, as libpng's is not once all rows
 * are there.
 *
 * @throws ImageError IMAGE_CORRUPT where a chunk's checksum is wrong.
 */
function* compressedParts(bytes: Uint8Array, from: number): Generator<Uint8Array> {
  let part = new Uint8Array(Math.min(PART_BYTES, bytes.length - from));
  let filled = 0;
  const header: number[] = [];
  for (let chunk = chunkAt(bytes, from); chunk !== undefined; chunk = chunkAt(bytes, chunk.end)) {
    if (chunk.type === "IEND") break;
    if (chunk.type !== "IDAT") continue;
    if (chunk.whole && !chunk.sumIsRight(crc32)) {
      throw corruptPng("the checksum of its image data is wrong");
    }
    let at = 0;
    for (; at < chunk.contents.length && header.length < 2; at++) {
      header.push(chunk.contents[at]);
      if (header.length === 2) checkZlibHeader(header);
    }
    while (at < chunk.contents.length) {
      const piece = chunk.contents.subarray(at, at + part.length - filled);
      part.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < part.length) continue;
      yield part;
      part = new Uint8Array(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/** zlib's format (RFC 1950): deflate as the method, a multiple of 31, no dictionary. */
function checkZlibHeader([method, flags]: number[]): void {
  if ((method & 15) !== 8 || ((method << 8) | flags) % 31 !== 0 || (flags & 32) !== 0) {
    throw corruptPng("its image data are not compressed as PNG's are");
  }
}

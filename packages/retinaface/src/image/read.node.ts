import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Known } from "@retinaface-webgpu/tensor/inference";
import { ImageError, OptionError, ReadError } from "../errors.js";
import { readWhole } from "../platform/read-file.node.js";
import { whyUnreadable } from "../platform/why-unreadable.node.js";
import type { RawImage } from "../types.js";
import { brief, bytesInMemory, fetchBytes, holdsBytes, kindOf } from "./bytes.js";
import { markDecoded } from "./capture.js";
import { decodeImage } from "./decode.node.js";
import type { BytesSource, ImageInput } from "./input.js";
import { checkRawImage, type DecodeOptions, isRawImage } from "./raw.js";

/**
 * Reads a file, or passes bytes through.
 *
 * @param source a path, a `file:`, `data:` or `blob:` URL, or bytes.
 * @throws ReadError when the file cannot be read, OptionError for anything else, the signal's reason.
 */
export async function readBytes(
  source: BytesSource,
  signal?: Known<"AbortSignal">,
): Promise<Uint8Array> {
  const bytes = await bytesInMemory(source);
  if (bytes !== undefined) return bytes;
  if (holdsBytes(source)) return fetchBytes(source as string | URL, signal);
  const path = filePath(source);
  try {
    return await readWhole(path, signal);
  } catch (cause) {
    if (cause instanceof ReadError || signal?.aborted) throw cause;
    throw new ReadError(`cannot read ${brief(path)}: ${whyUnreadable(cause)}`, {
      cause,
    });
  }
}

/**
 * Makes upright RGBA pixels of an image.
 *
 * @param input a path, a `file:`, `data:` or `blob:` URL, the bytes of a JPEG or PNG, or pixels.
 * @throws ImageError
 */
export async function toRawImage(input: ImageInput, options?: DecodeOptions): Promise<RawImage> {
  if (isRawImage(input)) return checkRawImage(input, options);
  try {
    const bytes = await readBytes(input as BytesSource, options?.signal);
    return markDecoded(await decodeImage(bytes, options));
  } catch (cause) {
    if (!(cause instanceof ReadError)) throw cause;
    throw new ImageError("IMAGE_UNREADABLE", cause.message, { cause });
  }
}

function filePath(source: unknown): string {
  const remedy = "pass a path, a file:, data: or blob: URL, or bytes";
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new OptionError(`cannot read ${kindOf(source)}: ${remedy}`);
  }
  const text = String(source);
  if (!/^([a-z][a-z0-9+.-]*:\/\/|file:)/i.test(text)) return text;
  if (typeof source === "string" && existsSync(text)) return text;
  if (!text.startsWith("file:")) {
    throw new OptionError(
      `cannot read ${brief(text)}: nothing is fetched over the network; ${remedy}`,
    );
  }
  try {
    return fileURLToPath(text);
  } catch {
    throw new OptionError(`${brief(text)} is not the URL of a local file`);
  }
}

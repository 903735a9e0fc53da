import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { PNG_OPTIONS } from "../draw/png.node.js";
import { ImageError } from "../errors.js";
import { type ImageFormat, sniffFormat } from "../image/format.js";
import { loadSharp, type Sharp } from "../image/sharp.node.js";
import { FORMAT_NAMES } from "../image/unsupported.js";
import type { RawImage } from "../types.js";
import {
  jpegMetadata,
  pngFrames,
  pngMetadata,
  withJpegMetadata,
  withPngMetadata,
} from "./metadata.js";

/** Of JPEG and WebP, 1 to 100: a copy of a copy still looks the same. */
const QUALITY = 95;
const AVIF_QUALITY = 85;

/** Encodes pixels as JPEG or PNG. */
export type Encode = (format: "jpeg" | "png", image: RawImage) => Promise<Uint8Array>;

/**
 * Encodes pixels in the format of the file that they come from, upright, with no metadata but its colour profile: by sharp
 * where it is installed, else as JPEG and PNG alone.
 *
 * @param keepMetadata also what is text or numbers about the photo; never what may show its pixels again
 * @param otherwise writes JPEG and PNG without sharp; default on this thread
 * @throws ImageError `IMAGE_UNSUPPORTED` for formats that are not written here, for animations and files of several pages,
 * and where metadata cannot be kept
 */
export async function encodeLike(
  original: Uint8Array,
  image: RawImage,
  keepMetadata: boolean,
  otherwise: Encode = encodeByOthers,
): Promise<Uint8Array> {
  const format = sniffFormat(original);
  const sharp = await loadSharp();
  if (format === "jpeg" || format === "png") {
    const encode = sharp ? encodeBySharp(sharp) : otherwise;
    return encodePhoto(original, format, image, { keepMetadata, encode });
  }
  const options = optionsOf(format, original);
  if (!options) throw unwritable(`${nameOf(format)} is not written here: `);
  if (!sharp) throw unwritable(`${nameOf(format)} is written by sharp: npm install sharp, or `);
  if (keepMetadata) {
    throw unwritable(
      `metadata of ${nameOf(format)} cannot be kept: leave out --keep-metadata, or `,
    );
  }
  const { pages = 1 } = await sharp(original, { limitInputPixels: false }).metadata();
  if (pages > 1) throw severalPictures(format, pages);
  return pipelineOf(sharp, image).toFormat(format, options).toBuffer();
}

/** A JPEG or PNG with what goes over of the original's metadata. @throws ImageError for an animation */
export async function encodePhoto(
  original: Uint8Array,
  format: "jpeg" | "png",
  image: RawImage,
  { keepMetadata, encode }: { readonly keepMetadata: boolean; readonly encode: Encode },
): Promise<Uint8Array> {
  if (format === "jpeg") {
    return withJpegMetadata(await encode(format, image), jpegMetadata(original, keepMetadata));
  }
  const frames = pngFrames(original);
  if (frames > 1) throw severalPictures(format, frames);
  return withPngMetadata(await encode(format, image), pngMetadata(original, keepMetadata));
}

/** How each format is written, as far as sharp writes it. */
function optionsOf(format: ImageFormat, original: Uint8Array): object | undefined {
  if (format === "webp") return { quality: QUALITY, lossless: isLossless(original) };
  if (format === "avif") return { quality: AVIF_QUALITY };
  if (format === "tiff") return { compression: "deflate" };
  return format === "gif" ? {} : undefined;
}

/** Whether a WebP's picture is stored without loss: by the name of its chunk. */
function isLossless(webp: Uint8Array): boolean {
  return Buffer.from(webp.buffer, webp.byteOffset, webp.byteLength).includes("VP8L", 12);
}

const nameOf = (format: ImageFormat) => FORMAT_NAMES[format] ?? format.toUpperCase();

const unwritable = (what: string) =>
  new ImageError("IMAGE_UNSUPPORTED", `${what}convert the photo to JPEG or PNG first`);

function severalPictures(format: ImageFormat, count: number): ImageError {
  return new ImageError(
    "IMAGE_UNSUPPORTED",
    `the ${nameOf(format)} has ${count} pictures, of which a copy would show the first alone: make a video of an ` +
      "animation, or a file of each picture",
  );
}

function pipelineOf(sharp: Sharp, { data, width, height }: RawImage) {
  const pipeline = sharp(data, { raw: { width, height, channels: 4 }, limitInputPixels: false });
  return isOpaque(data) ? pipeline.removeAlpha() : pipeline;
}

/** By libvips. Colours are not halved, as jpeg-js does not either. */
export function encodeBySharp(sharp: Sharp): Encode {
  const options = { jpeg: { quality: QUALITY, chromaSubsampling: "4:4:4" }, png: {} };
  return (format, image) => pipelineOf(sharp, image).toFormat(format, options[format]).toBuffer();
}

/** By jpeg-js and pngjs. */
export async function encodeByOthers(
  format: "jpeg" | "png",
  { data, width, height }: RawImage,
): Promise<Uint8Array> {
  const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (format === "jpeg") return jpeg.encode({ width, height, data: pixels }, QUALITY).data;
  const png = new PNG({ width, height });
  png.data = pixels;
  return PNG.sync.write(png, { ...PNG_OPTIONS, colorType: isOpaque(data) ? 2 : 6 });
}

function isOpaque(pixels: ArrayLike<number>): boolean {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 255) return false;
  return true;
}

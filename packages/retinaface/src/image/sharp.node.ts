/**
 * Decoding by `sharp` (libvips), where it is installed: an optional peer dependency, loaded when it is first asked for. A
 * JPEG is shrunk while it is decoded, and formats come with it that our own decoders do not know.
 *
 * JPEG and PNG are looked at by our own code first and afterwards: limits, orientation (by the first EXIF block) and errors
 * are the same whoever decodes. What sharp refuses or warns of goes to our decoders, which say what is wrong or show it with
 * a warning.
 */
import { ImageError, OptionError } from "../errors.js";
import type { RawImage } from "../types.js";
import { type Size, smallerSize } from "./fit.js";
import { type ImageFormat, sniffFormat } from "./format.js";
import { readJpegHeader } from "./jpeg/header.js";
import { turnUpright, uprightLayout } from "./orient.js";
import { readPngHeader } from "./png/header.js";
import { checkHeldBytes, checkSize, type DecodeOptions } from "./raw.js";
import { FORMAT_NAMES, SHARP_FORMATS } from "./unsupported.js";

/** What is used of sharp's interface. */
interface Pipeline {
  metadata(): Promise<{ readonly autoOrient: Size; readonly pages?: number }>;
  autoOrient(): Pipeline;
  resize(width: number, height: number, options: object): Pipeline;
  toColourspace(name: string): Pipeline;
  raw(options?: object): Pipeline;
  removeAlpha(): Pipeline;
  toFormat(format: string, options: object): Pipeline;
  toBuffer(): Promise<Uint8Array>;
  toBuffer(options: { resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: Size & { readonly channels: number };
  }>;
}

export type Sharp = (bytes: Uint8Array | Uint8ClampedArray, options: object) => Pipeline;

/** A name that bundlers do not follow: what is not installed must not stop them. */
const PACKAGE = "sharp";

/** Whether it is there to be loaded. */
export function hasSharp(): boolean {
  try {
    return import.meta.resolve(PACKAGE) !== "";
  } catch {
    return false;
  }
}

let loading: Promise<Sharp | undefined> | undefined;

/** `sharp`, or undefined where it is not installed or does not run. */
export function loadSharp(): Promise<Sharp | undefined> {
  loading ??= import(PACKAGE).then(
    (module) => module.default as Sharp,
    () => undefined,
  );
  return loading;
}

/** @throws OptionError for `"sharp"` where there is none */
export async function checkDecoder(decoder: DecodeOptions["decoder"]): Promise<void> {
  if (decoder !== "sharp" || (await loadSharp())) return;
  throw new OptionError(
    'decoder "sharp" needs the package sharp, which is not installed: npm install sharp',
  );
}

/**
 * Decodes by sharp what the options leave to it.
 *
 * @returns undefined where our own decoders are to do it
 * @throws ImageError as `decodeImage`, OptionError where sharp is asked for and is not there; the signal's reason
 */
export async function decodeBySharp(
  bytes: Uint8Array,
  options: DecodeOptions,
): Promise<RawImage | undefined> {
  const { decoder = "auto" } = options;
  if (decoder === "own") return undefined;
  await checkDecoder(decoder);
  const format = sniffFormat(bytes);
  if (format !== "jpeg" && format !== "png") return decodeOther(bytes, format, options);
  const stored = format === "jpeg" ? plainJpeg(bytes, options) : plainPng(bytes, options);
  if (!stored) return undefined;
  const { orientation } = stored;
  const { width, height } = uprightLayout(stored.width, stored.height, orientation);
  const smaller = smallerSize({ width, height }, options);
  if (!smaller && decoder === "auto") return undefined;
  const sharp = await loadSharp();
  if (!sharp) return undefined;
  const size = smaller ?? { width, height };
  checkHeldBytes(4 * size.width * size.height, options);
  const turned = orientation >= 5 ? { width: size.height, height: size.width } : size;
  try {
    const pixels = await pixelsOf(sharp(bytes, STRICT), smaller && turned);
    options.signal?.throwIfAborted();
    if (pixels.width !== turned.width || pixels.height !== turned.height) return undefined;
    return { ...turnUpright(pixels, orientation), ...(smaller && { original: { width, height } }) };
  } catch {
    options.signal?.throwIfAborted();
    return undefined;
  }
}

/** Whatever is amiss is an error; limits are ours; colours are taken as sRGB. */
const STRICT = { failOn: "warning", limitInputPixels: false, ignoreIcc: true };

/** A JPEG's header, unless it is CMYK, which sharp does not show as our decoder does. */
function plainJpeg(bytes: Uint8Array, options: DecodeOptions) {
  const header = readJpegHeader(bytes, options);
  return header.components.length < 4 ? header : undefined;
}

/** A PNG's header, unless it has transparency, whose colours sharp blends, or 16 bits, which it cuts off. */
function plainPng(bytes: Uint8Array, options: DecodeOptions) {
  const header = readPngHeader(bytes, options, options.truncated === "show");
  const opaque = header.channels % 2 === 1 && header.transparency === undefined;
  return opaque && header.depth <= 8 ? header : undefined;
}

/** Formats that only sharp decodes, turned upright by it; of an animation the first picture. */
async function decodeOther(
  bytes: Uint8Array,
  format: ImageFormat,
  options: DecodeOptions,
): Promise<RawImage | undefined> {
  const sharp = SHARP_FORMATS.has(format) ? await loadSharp() : undefined;
  if (!sharp) return undefined;
  const limits = { limitInputPixels: false };
  try {
    const { autoOrient: whole } = await sharp(bytes, limits).metadata();
    checkSize(whole.width, whole.height, options);
    checkHeldBytes(4 * whole.width * whole.height, options);
    const smaller = smallerSize(whole, options);
    const original = smaller && { original: { width: whole.width, height: whole.height } };
    const decode = (failOn: string) =>
      pixelsOf(sharp(bytes, { ...limits, failOn }).autoOrient(), smaller);
    try {
      return { ...(await decode("warning")), ...original };
    } catch (cause) {
      if (options.truncated !== "show") throw cause;
      const warnings = [`it is damaged (${reasonOf(cause)}): what could be decoded is shown`];
      return { ...(await decode("none")), ...original, warnings };
    }
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw refused(format, cause);
  } finally {
    options.signal?.throwIfAborted();
  }
}

function reasonOf(cause: unknown): string {
  const [line] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  return line;
}

function refused(format: ImageFormat, cause: unknown): ImageError {
  const name = FORMAT_NAMES[format] ?? format;
  const reason = reasonOf(cause);
  if (/unsupported|not support|compression format/i.test(reason)) {
    return new ImageError(
      "IMAGE_UNSUPPORTED",
      `this build of sharp does not decode this ${name} (${reason}): convert it to JPEG or PNG`,
      { cause },
    );
  }
  return new ImageError(
    "IMAGE_CORRUPT",
    `damaged ${name}: ${reason}; fetch or export the file again`,
    { cause },
  );
}

/** Runs a pipeline to RGBA, resized where a size is given by a filter that lets nothing alias. */
async function pixelsOf(pipeline: Pipeline, size: Size | undefined): Promise<RawImage> {
  const sized = size
    ? pipeline.resize(size.width, size.height, { fit: "fill", kernel: "linear" })
    : pipeline;
  const { data, info } = await sized
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return { data: toRgba(data, channels, width * height), width, height };
}

/** Pixels of one to four channels as RGBA: grey is spread, and opaque what has no alpha. */
function toRgba(data: Uint8Array, channels: number, pixels: number): Uint8ClampedArray {
  if (channels === 4) return new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength);
  const rgba = new Uint8ClampedArray(pixels * 4);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < rgba.length; from += channels, to += 4) {
    rgba[to] = data[from];
    rgba[to + 1] = data[from + green];
    rgba[to + 2] = data[from + blue];
    rgba[to + 3] = channels === 2 ? data[from + 1] : 255;
  }
  return rgba;
}

import { ImageError, OptionError, ReadError } from "../errors.js";
import { bytesInMemory, fetchBytes, kindOf } from "../image/bytes.js";
import { markDecoded } from "../image/capture.js";
import { type Decoders, plainDecoders } from "../image/decoders.js";
import { draw } from "../image/draw.browser.js";
import type { BytesSource, ImageInput } from "../image/input.js";
import { checkRawImage, checkSize, type DecodeOptions, isRawImage } from "../image/raw.js";
import type { PixelSource } from "../image/source.js";
import type { RawImage } from "../types.js";
import { LIGHT_WEIGHTS } from "../weights/registry.js";

export { kernelStore } from "../tune/store.browser.js";

/**
 * Fetches a URL, or passes bytes through.
 *
 * @param source a URL (of the page's own origin, or one that allows it), or bytes.
 * @throws ReadError when the answer is not a success, OptionError for anything else.
 */
export async function readBytes(source: BytesSource, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = await bytesInMemory(source);
  if (bytes !== undefined) return bytes;
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new OptionError(`cannot read ${kindOf(source)}: pass a URL or bytes`);
  }
  return fetchBytes(source, signal);
}

/** In pages a detector takes checkpoints only. @throws OptionError */
export async function openOnnx(): Promise<never> {
  throw new OptionError("detectors read ONNX in Node only; here run it by @retinaface-webgpu/onnx");
}

/** Pages say by `registerMesh` that they want the code of meshes: bundlers would else put parts of it into every page. */
export async function loadMesh(): Promise<void> {}

/** The weights that ship with the package, beside its code. */
const BUNDLED = new URL("../../weights/default.safetensors", import.meta.url);
const LIGHT = new URL("../../weights/light.safetensors", import.meta.url);

/** The bytes of a checkpoint: the given one, the package's light one by its name, else those that are its default. */
export async function findWeights(source?: BytesSource): Promise<Uint8Array> {
  return readBytes(source === LIGHT_WEIGHTS ? LIGHT : (source ?? BUNDLED));
}

/**
 * Makes upright RGBA pixels of an image.
 *
 * @param input encoded bytes or a Blob in a format that the browser decodes, a URL, pixels, or
 * anything that a canvas can draw. A video gives its current frame.
 * @throws ImageError
 */
export async function toRawImage(input: ImageInput, options?: DecodeOptions): Promise<RawImage> {
  const drawn = await drawableSize(input);
  if (drawn !== undefined) {
    const { maxPixels } = options ?? {};
    return draw(drawn.source, drawn.width, drawn.height, { maxPixels });
  }
  if (isRawImage(input)) return checkRawImage(input, options);
  try {
    const reading = readBytes(input as BytesSource, options?.signal);
    // Loaded beside the bytes, and only for them: a page that detects in frames and canvases has no use for it.
    const [bytes, { decode }] = await Promise.all([reading, import("../image/decode.browser.js")]);
    await checkDecoder(options?.decoder);
    return markDecoded(await decode(bytes, options));
  } catch (cause) {
    if (!(cause instanceof ReadError)) throw cause;
    throw new ImageError("IMAGE_UNREADABLE", cause.message, { cause });
  }
}

/** @throws OptionError for `"sharp"`, which is for Node */
export async function checkDecoder(decoder: DecodeOptions["decoder"]): Promise<void> {
  if (decoder !== "sharp") return;
  throw new OptionError('decoder "sharp" is for Node: in a page the browser decodes, leave it out');
}

/** Decodes images as the page's browser does, which has threads of its own for it. */
export function openDecoders(_wanted?: number): Decoders {
  return plainDecoders(toRawImage);
}

/**
 * What a network's input is made of: a video's frame as the decoder left it, else pixels.
 *
 * @throws ImageError
 */
export async function toPixelSource(
  input: ImageInput,
  options?: DecodeOptions,
): Promise<PixelSource> {
  const frame = holdFrame(input);
  if (frame === undefined) return toRawImage(input, options);
  const { displayWidth: width, displayHeight: height } = frame;
  try {
    checkSize(width, height);
  } catch (error) {
    frame.close();
    throw error;
  }
  return { frame, width, height, read: () => draw(frame, width, height) };
}

/** The present frame, held until it is closed, of a video or of a frame that its owner may close meanwhile. */
function holdFrame(input: ImageInput): VideoFrame | undefined {
  if (typeof VideoFrame !== "function") return undefined;
  try {
    const frame = isA(input, "HTMLVideoElement")
      ? new VideoFrame(input as HTMLVideoElement)
      : isA(input, "VideoFrame")
        ? (input as VideoFrame).clone()
        : undefined;
    if (!isTurned(frame)) return frame;
    frame?.close();
    return undefined;
  } catch {
    // Nothing to show yet, or of another origin: the way over a canvas says so.
    return undefined;
  }
}

/** Browsers differ in what they make of a turned or mirrored frame outside a canvas. */
function isTurned(
  frame: (VideoFrame & { rotation?: number; flip?: boolean }) | undefined,
): boolean {
  return Boolean(frame?.rotation || frame?.flip);
}

interface Drawable {
  source: CanvasImageSource;
  width: number;
  height: number;
}

const isA = <K extends keyof typeof globalThis>(value: unknown, name: K): boolean =>
  typeof globalThis[name] === "function" && value instanceof (globalThis[name] as never);

/** An image source with its own size in pixels; elements are absent in a worker. */
async function drawableSize(input: ImageInput): Promise<Drawable | undefined> {
  if (isA(input, "HTMLImageElement")) {
    const source = input as HTMLImageElement;
    await source.decode().catch((cause) => {
      throw new ImageError("IMAGE_UNREADABLE", "the image element did not load", { cause });
    });
    return { source, width: source.naturalWidth, height: source.naturalHeight };
  }
  if (isA(input, "HTMLVideoElement")) {
    const source = input as HTMLVideoElement;
    return { source, width: source.videoWidth, height: source.videoHeight };
  }
  if (isA(input, "VideoFrame")) {
    const source = input as VideoFrame;
    return { source, width: source.displayWidth, height: source.displayHeight };
  }
  if (
    isA(input, "ImageBitmap") ||
    isA(input, "HTMLCanvasElement") ||
    isA(input, "OffscreenCanvas")
  ) {
    const source = input as ImageBitmap | HTMLCanvasElement | OffscreenCanvas;
    return { source, width: source.width, height: source.height };
  }
  return undefined;
}

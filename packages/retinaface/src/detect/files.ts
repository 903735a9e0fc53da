import { openDecoders } from "#platform";
import { OptionError } from "../errors.js";
import type { Decoders } from "../image/decoders.js";
import type { ImageInput } from "../image/input.js";
import { shownSize } from "../image/source.js";
import type { Face } from "../types.js";
import type { PixelDetector } from "./fitting.js";
import { type GroupDetector, Groups } from "./groups.js";
import { inOrder, type Turn } from "./in-order.js";
import type { DetectCallOptions } from "./options.js";

/** Options of `detectFiles`. */
export interface DetectFilesOptions extends DetectCallOptions {
  /**
   * Threads that decode: in Node by default as many as there are processors, at most 8; with 0 the caller's own does.
   * Browsers decide for themselves.
   */
  decoders?: number | undefined;
  /**
   * Images that are read, decoded or looked at before the first result is taken; default two more than decode, and on a
   * graphics card up to 16 of at most a megapixel (decoded) that wait for it in addition.
   */
  ahead?: number | undefined;
}

/** What became of one image: its faces, or why there are none. */
export type FileResult = {
  /** What was given. */
  readonly file: ImageInput;
  /** How many were given before. */
  readonly index: number;
} & (
  | {
      /** Of the upright image, in pixels. */
      readonly width: number;
      readonly height: number;
      /** What was amiss with the file, which is shown all the same. */
      readonly warnings?: readonly string[] | undefined;
      /** As of `detect`. */
      readonly faces: Face[];
      readonly error?: undefined;
    }
  | {
      /** As `detect` throws it. */
      readonly error: Error;
      readonly faces?: undefined;
    }
);

/** Images under way beyond those that are decoded: one is looked at, one waits for that. */
const BEYOND_DECODING = 2;

/**
 * Finds the faces of many images: reading, decoding and the network overlap. Results come in the images' order and no
 * more are held than `ahead`, however many images there are. An image that fails is a result with its error. Images of one
 * size that wait for a graphics card go through its network together ({@link Groups}).
 *
 * @throws OptionError; the signal's reason once it is aborted. When the loop is left, however, threads have ended.
 */
export async function* detectFiles(
  detector: GroupDetector,
  files: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  options: DetectFilesOptions = {},
): AsyncGenerator<FileResult, void, undefined> {
  const { decoders: wanted, ahead, ...call } = options;
  const decoders = openDecoders(wanted ?? decodersFor(files));
  try {
    const most = aheadOf(decoders, ahead);
    const groups = new Groups(detector);
    const beginning = ahead === undefined ? () => most + groups.held : most;
    const leaving = new AbortController();
    const work = (file: ImageInput, index: number, turn: Turn) =>
      lookAt(groups, decoders, { file, index }, turn, withLeaving(call, leaving));
    try {
      yield* inOrder(files, work, beginning, call.signal);
    } finally {
      leaving.abort();
    }
  } finally {
    await decoders.close();
  }
}

/** For one image no thread is worth its start. */
export function decodersFor(files: unknown): number | undefined {
  return Array.isArray(files) && files.length <= 1 ? 0 : undefined;
}

/** @throws OptionError */
export function aheadOf(decoders: Decoders, wanted?: number): number {
  const ahead = wanted ?? decoders.count + BEYOND_DECODING;
  if (!Number.isSafeInteger(ahead) || ahead < 1) {
    throw new OptionError(`ahead must be a whole number of at least 1, got ${ahead}`);
  }
  return ahead;
}

/** Aborted by the caller's signal, and when the loop over the results is left. */
function withLeaving(call: DetectCallOptions, leaving: AbortController): DetectCallOptions {
  const { signal } = call;
  return {
    ...call,
    signal: signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal,
  };
}

async function lookAt(
  detector: PixelDetector,
  decoders: Decoders,
  given: { readonly file: ImageInput; readonly index: number },
  turn: Turn,
  call: DetectCallOptions,
): Promise<FileResult> {
  try {
    const { signal, truncated, decode, decoder, maxSide, minSide } = call;
    const decoding = { signal, truncated, decode, decoder, maxSide, minSide };
    const { image, milliseconds } = await decoders.decode(given.file, decoding);
    await turn.here;
    const faces = detector.detect(image, {
      ...call,
      onTimings: (timings) =>
        call.onTimings?.({
          ...timings,
          decode: timings.decode + milliseconds,
          total: timings.total + milliseconds,
        }),
    });
    turn.done();
    const { warnings } = image;
    const { width, height } = shownSize(image);
    return { ...given, width, height, ...(warnings && { warnings }), faces: await faces };
  } catch (error) {
    return { ...given, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

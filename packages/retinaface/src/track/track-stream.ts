import type { DetectCallOptions } from "../detect/options.js";
import { FRAMES_IN_FLIGHT, type FrameDetector } from "../detect/stream.js";
import { OptionError } from "../errors.js";
import type { ImageInput } from "../image/input.js";
import type { RawImage } from "../types.js";
import type { TrackedFace } from "./track.js";
import { FaceTracker, type TrackOptions } from "./tracker.js";

/** Options of `FaceTrackStream`. */
export interface TrackStreamOptions extends TrackOptions, Omit<DetectCallOptions, "visThreshold"> {
  /** Faces are looked for in every so manieth frame, and follow their motion in those between; default 1. */
  readonly every?: number | undefined;
  /** A face has come: called once for each, before `push` answers. */
  readonly onEnter?: ((face: TrackedFace) => void) | undefined;
  /** A face has not been found for `keepSeconds`: as it was last seen. */
  readonly onLeave?: ((face: TrackedFace) => void) | undefined;
}

/**
 * The faces of a running video, with identities. No frame is dropped: one that comes while the detector is busy is
 * answered by where the faces are believed to be. Where frames change their size all faces leave and come anew.
 *
 *     const options = { maxSide: 640, every: 3, onEnter: (face) => greet(face.track) };
 *     const tracked = new FaceTrackStream(detector, options);
 *     draw(await tracked.push(video));
 */
export class FaceTrackStream {
  readonly #detector: FrameDetector;
  readonly #options: TrackStreamOptions;
  readonly #call: DetectCallOptions;
  readonly #tracker: FaceTracker;
  readonly #every: number;
  #inFlight = 0;
  #waiting = 0;
  #size: string | undefined;

  /** @throws OptionError for options out of range */
  constructor(detector: FrameDetector, options: TrackStreamOptions = {}) {
    const { every = 1, onEnter, onLeave, ...others } = options;
    const { highThreshold, lowThreshold, newThreshold, matchThreshold, ...rest } = others;
    const { keepSeconds, smooth, ...call } = rest;
    if (!(Number.isSafeInteger(every) && every >= 1)) {
      throw new OptionError(`every must be a whole number of at least 1, got ${every}`);
    }
    const thresholds = { highThreshold, lowThreshold, newThreshold, matchThreshold };
    this.#tracker = new FaceTracker({ ...thresholds, keepSeconds, smooth });
    this.#detector = detector;
    this.#options = options;
    this.#call = { ...call, visThreshold: this.#tracker.lowThreshold };
    this.#every = every;
  }

  /** Whether the next frame's pixels would be looked at; a caller may else save itself making them. */
  get looks(): boolean {
    return this.#waiting === 0 && this.#inFlight < FRAMES_IN_FLIGHT;
  }

  /**
   * The faces of the next frame.
   *
   * @param frame may be left out where `looks` is false
   * @param seconds when it was taken; default now
   * @throws as `detect`; the stream stays usable. OptionError for a time before the last one that was looked at
   */
  async push(frame?: ImageInput, seconds = performance.now() / 1000): Promise<TrackedFace[]> {
    this.#call.signal?.throwIfAborted();
    if (!this.looks || frame === undefined) {
      this.#waiting = Math.max(0, this.#waiting - 1);
      return this.#tracker.predict(seconds);
    }
    this.#waiting = this.#every - 1;
    this.#inFlight++;
    const size = sizeOf(frame);
    try {
      const found = await this.#detector.detect(frame, this.#call);
      if (size !== undefined) this.#beginAnew(size);
      const { faces, entered, left } = this.#tracker.update(found, seconds);
      for (const face of entered) this.#options.onEnter?.(face);
      for (const face of left) this.#options.onLeave?.(face);
      return faces;
    } finally {
      this.#inFlight--;
    }
  }

  /** Forgets all faces, as at a cut or a jump in time; `onLeave` is told of none. */
  reset(): void {
    this.#tracker.reset();
    this.#waiting = 0;
  }

  /** In frames of another size faces are elsewhere: all that were there leave. */
  #beginAnew(size: string): void {
    const changed = this.#size !== undefined && this.#size !== size;
    this.#size = size;
    if (!changed) return;
    for (const face of this.#tracker.reset()) this.#options.onLeave?.(face);
  }
}

/** A frame's width and height, where they can be told without decoding. */
function sizeOf(frame: ImageInput): string | undefined {
  const { videoWidth, videoHeight } = frame as { videoWidth?: number; videoHeight?: number };
  const { displayWidth, displayHeight } = frame as {
    displayWidth?: number;
    displayHeight?: number;
  };
  const { width, height, original } = frame as Partial<RawImage>;
  const across = original?.width ?? videoWidth ?? displayWidth ?? width;
  const down = original?.height ?? videoHeight ?? displayHeight ?? height;
  return across === undefined || down === undefined ? undefined : `${across}×${down}`;
}

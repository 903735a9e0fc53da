import type { ImageInput } from "../image/input.js";
import type { Face } from "../types.js";
import type { DetectCallOptions } from "./options.js";

/** Frames under way at a time: one that the GPU works on and one that is uploaded meanwhile. */
export const FRAMES_IN_FLIGHT = 2;

/** What a stream asks of a detector. */
export interface FrameDetector {
  detect(frame: ImageInput, options: DetectCallOptions): Promise<Face[]>;
}

/**
 * Faces of a running video. It never falls behind: a frame that comes while two are under way is dropped.
 *
 *     const stream = detector.stream({ maxSide: 640 });
 *     const faces = await stream.push(video);
 *     if (faces) draw(faces);
 */
export class FaceStream {
  readonly #detector: FrameDetector;
  readonly #options: DetectCallOptions;
  #inFlight = 0;
  #dropped = 0;

  constructor(detector: FrameDetector, options: DetectCallOptions) {
    this.#detector = detector;
    this.#options = options;
  }

  /** Whether the next frame would be dropped; a caller may then save itself making it. */
  get busy(): boolean {
    return this.#inFlight >= FRAMES_IN_FLIGHT;
  }

  /** Frames dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Finds the faces of a frame. Results come in the order of the frames. Leave a raw image's pixels alone until
   * then; a `<video>` may play on meanwhile, and a `VideoFrame` be closed.
   *
   * @returns undefined at once when the frame is dropped.
   * @throws as `detect`; the stream stays usable.
   */
  async push(frame: ImageInput): Promise<Face[] | undefined> {
    if (this.busy) {
      this.#options.signal?.throwIfAborted();
      this.#dropped++;
      return undefined;
    }
    this.#inFlight++;
    try {
      return await this.#detector.detect(frame, this.#options);
    } finally {
      this.#inFlight--;
    }
  }
}

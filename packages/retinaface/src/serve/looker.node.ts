import { openDecoders } from "#platform";
import { aheadOf } from "../detect/files.js";
import { detectFitting, type PixelDetector, scaledNote } from "../detect/fitting.js";
import { errorLine, photoLine } from "../detect/line.js";
import type { DetectOptions } from "../detect/options.js";
import { shownSize } from "../image/source.js";
import type { SentPhoto } from "./body.node.js";
import { statusOf } from "./errors.js";
import { Gate } from "./gate.js";
import type { ServiceLimits } from "./limits.js";
import type { ServiceMetrics } from "./metrics.node.js";

/** What a photo is looked at with. */
export interface LookerParts {
  readonly detector: PixelDetector;
  readonly limits: Pick<ServiceLimits, "maxPixels">;
  readonly metrics: ServiceMetrics;
  /** Said of a photo, for whoever runs the service. */
  readonly note: (text: string) => void;
  /** Threads that decode. */
  readonly decoders?: number | undefined;
}

/** What is told of an error that is the service's own. */
const OWN_FAULT = "the service failed: its log tells why";

/** Decodes photos and finds their faces, no more at a time than there is use for: their pixels are what takes memory. */
export class Looker {
  readonly #parts: LookerParts;
  readonly #decoders: ReturnType<typeof openDecoders>;
  readonly #gate: Gate;

  constructor(parts: LookerParts) {
    this.#parts = parts;
    this.#decoders = openDecoders(parts.decoders);
    this.#gate = new Gate(aheadOf(this.#decoders));
  }

  /** A photo's line, as `retinaface detect` prints it. @throws as `detect`; the signal's reason */
  async line(photo: SentPhoto, options: DetectOptions, signal: AbortSignal) {
    const { metrics } = this.#parts;
    try {
      const line = await this.#gate.run(() => this.#look(photo, options, signal), signal);
      metrics.photos.inc({ outcome: "ok" });
      metrics.faces.inc(line.faces.length);
      return line;
    } catch (error) {
      metrics.photos.inc({ outcome: signal.aborted ? "given up" : errorLine(error).code });
      throw error;
    }
  }

  /** The same, and a line with the error where the photo fails. @throws the signal's reason */
  async lineOrError(photo: SentPhoto, options: DetectOptions, signal: AbortSignal) {
    try {
      return await this.line(photo, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { file: photo.file, error: this.told(error) };
    }
  }

  /** What the sender is told of an error. */
  told(error: unknown): { code: string; message: string } {
    if (statusOf(error) !== 500) return errorLine(error);
    this.#parts.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { code: "INTERNAL", message: OWN_FAULT };
  }

  close(): Promise<void> {
    return this.#decoders.close();
  }

  async #look({ file, bytes }: SentPhoto, options: DetectOptions, signal: AbortSignal) {
    const { detector, limits, metrics, note } = this.#parts;
    const { truncated, maxSide, minSide, decode } = options;
    const { image, milliseconds } = await this.#decoders.decode(bytes, {
      truncated,
      maxSide,
      minSide,
      decode,
      signal,
      maxPixels: limits.maxPixels,
    });
    metrics.seconds.observe({ part: "decode" }, milliseconds / 1000);
    const start = performance.now();
    const { faces, side } = await detectFitting(detector, image, { ...options, signal });
    metrics.seconds.observe({ part: "detect" }, (performance.now() - start) / 1000);
    const smaller = scaledNote(file, image, side, maxSide);
    if (smaller !== undefined) note(smaller);
    const { width, height } = shownSize(image);
    const { warnings } = image;
    return photoLine({ file, width, height, warnings, faces });
  }
}

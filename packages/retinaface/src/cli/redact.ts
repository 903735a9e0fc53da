import path from "node:path";
import { nms } from "../decode/nms.js";
import type { DetectCallOptions } from "../detect/options.js";
import { encodeLike } from "../redact/encode.node.js";
import { type RedactOptions, redact } from "../redact/redact.js";
import type { Face, RawImage } from "../types.js";
import type { CommandDetector, CopyMaker } from "./detect.js";
import type { Review } from "./review.js";

/** Up to this long side the second look is at twice the size, else at half of it. */
const SMALL = 960;
/** Overlap (IoU) above which the faces of two looks are one. */
const SAME_FACE = 0.4;

/** Looks at each photo twice, the second time at another size: small faces and very large ones. */
export class TwoLooks implements CommandDetector {
  readonly #detector: CommandDetector;

  constructor(detector: CommandDetector) {
    this.#detector = detector;
  }

  get config() {
    return this.#detector.config;
  }

  get backend(): string {
    return this.#detector.backend;
  }

  get threads(): number {
    return this.#detector.threads;
  }

  /** The faces of both, best first. */
  async detect(image: RawImage, options: DetectCallOptions): Promise<Face[]> {
    const own = Math.min(
      Math.max(image.width, image.height),
      options.maxSide ?? Number.POSITIVE_INFINITY,
    );
    const other = own <= SMALL ? 2 * own : Math.round(own / 2);
    const { onTimings: _, ...quiet } = options;
    const [first, second] = [
      await this.#detector.detect(image, options),
      await this.#detector.detect(image, { ...quiet, minSide: other, maxSide: other }),
    ];
    const all = [...first, ...second];
    const kept = nms(
      all.flatMap(({ box }) => box),
      all.map(({ score }) => score),
      SAME_FACE,
    );
    return Array.from(kept, (i) => all[i]);
  }

  dispose(): void {
    this.#detector.dispose();
  }
}

/** How redacted copies are made. */
export interface RedactCopies {
  readonly options: RedactOptions;
  readonly inPlace?: boolean | undefined;
  readonly keepMetadata?: boolean | undefined;
  readonly review?: Review | undefined;
}

/** Copies with hidden faces, in the format of the photos. */
export function redactedCopies(copies: RedactCopies): CopyMaker {
  const { options, inPlace, keepMetadata = false, review } = copies;
  return {
    extensionOf: (file) => path.extname(file),
    inPlace,
    make: async ({ file, bytes }, image, faces, encode) => {
      const redacted = redact(image, faces, options);
      const pixels = review ? { ...redacted, data: redacted.data.slice() } : redacted;
      const encoded = await encodeLike(bytes, pixels, keepMetadata, encode);
      review?.add(file, redacted, faces);
      return encoded;
    },
  };
}

import type { Device } from "@retinaface-webgpu/tensor/inference";
import { networkSize } from "../image/fit.js";
import { shownSize } from "../image/source.js";
import type { Face, RawImage } from "../types.js";
import type { PixelDetector } from "./fitting.js";
import type { DetectCallOptions } from "./options.js";
import type { Timings } from "./timings.js";

/** A detector that may know how to look at several images at once. */
export interface GroupDetector extends PixelDetector {
  readonly backend: string;
  readonly device?: Pick<Device, "adapter"> | undefined;
  detectBatch?(images: readonly RawImage[], options: DetectCallOptions): Promise<Face[][]>;
}

/** Images of a group, of which a GPU then has a plan: 16 would gain a quarter more and take twice the memory. */
const MOST_IMAGES = 8;
/** Pixels of a group, as the network sees them: more keep a large GPU busy alone. */
const MOST_PIXELS = MOST_IMAGES * 640 * 640;
/** Calls under way, as a detector lets in: one is uploaded while the GPU is at another. */
const CALLS = 2;
/** Images of at most so many bytes may wait in addition to what is decoded. */
const SMALL_BYTES = 4 * 2 ** 20;

interface Waiting {
  readonly image: RawImage;
  readonly options: DetectCallOptions;
  /** The same for what may go through the network together. */
  readonly key: string;
  /** How many of them are a group. */
  readonly count: number;
  /** When it was asked for. */
  readonly since: number;
  resolve(faces: Face[] | Promise<Face[]>): void;
  reject(error: unknown): void;
}

/**
 * Lets images that wait for a graphics card go through its network together, where they have the same size there: on an H200
 * sixteen of 640×640 cost 0.29 ms each, eight 0.41, and one 1.28 (2026-11-26). None waits for others to come: a group is what has
 * gathered while the card was busy with the ones before, so that it is where decoding is faster than the network that images are
 * grouped. Nothing is padded: faces differ from those of single images by what the kernels chosen for a batch round otherwise.
 *
 * On processors, where an image gains nothing from others, it hands images on as they come.
 */
export class Groups implements PixelDetector {
  readonly #detector: GroupDetector;
  readonly #waiting: Waiting[] = [];
  #calls = 0;
  #held = 0;
  #enough = true;

  constructor(detector: GroupDetector) {
    this.#detector = detector;
  }

  /** Images that wait or are looked at and of which more may be begun than of others, as they are small. */
  get held(): number {
    return Math.min(this.#held, 2 * MOST_IMAGES);
  }

  /** As the detector's. Calls differ in nothing but their sizes, signals of one source, and who is told timings. */
  async detect(image: RawImage, options: DetectCallOptions): Promise<Face[]> {
    const { maxSide, minSide } = options;
    const shown = shownSize(image);
    const { width, height } = networkSize(shown.width, shown.height, options);
    const count = Math.min(MOST_IMAGES, Math.floor(MOST_PIXELS / (width * height)));
    if (count < 2 || !this.#groups(options)) return this.#detector.detect(image, options);
    const small = image.data.byteLength <= SMALL_BYTES ? 1 : 0;
    this.#held += small;
    try {
      return await new Promise<Face[]>((resolve, reject) => {
        const key = [width, height, maxSide, minSide].join();
        const since = performance.now();
        this.#waiting.push({ image, options, key, count, since, resolve, reject });
        this.#next();
      });
    } finally {
      this.#held -= small;
    }
  }

  /** Asked anew for each image: a lost card may be followed by processors. */
  #groups({ testTime, mesh, profile }: DetectCallOptions): boolean {
    const { backend, device, detectBatch } = this.#detector;
    const card = backend === "webgpu" && device !== undefined && !device.adapter.software;
    return this.#enough && card && detectBatch !== undefined && !(testTime || mesh || profile);
  }

  #next(): void {
    while (this.#calls < CALLS && this.#waiting.length > 0) {
      this.#calls++;
      this.#look(this.#take()).finally(() => {
        this.#calls--;
        this.#next();
      });
    }
  }

  /** The image that waits longest, with others if they are a whole group: each number of images is a plan of its own. */
  #take(): Waiting[] {
    const [first] = this.#waiting;
    const alike = this.#waiting.filter(({ key }) => key === first.key).slice(0, first.count);
    const group = alike.length === first.count ? alike : [first];
    for (const one of group) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    return group;
  }

  async #look(group: readonly Waiting[]): Promise<void> {
    if (group.length === 1) return this.#alone(group[0]);
    const { options } = group[0];
    const images = group.map(({ image }) => image);
    let told: Timings | undefined;
    const onTimings = (timings: Timings) => {
      told = timings;
    };
    try {
      const faces = await this.#detector.detectBatch!(images, { ...options, onTimings });
      for (const [i, { options, since, resolve }] of group.entries()) {
        if (told) options.onTimings?.({ ...told, total: performance.now() - since });
        resolve(faces[i]);
      }
    } catch (error) {
      // What is wrong with one image is no reason for the others to fail.
      if ((error as { code?: unknown }).code === "GPU_OUT_OF_MEMORY") this.#enough = false;
      for (const one of group) await this.#alone(one);
    }
  }

  async #alone({ image, options, resolve, reject }: Waiting): Promise<void> {
    await this.#detector.detect(image, options).then(resolve, reject);
  }
}

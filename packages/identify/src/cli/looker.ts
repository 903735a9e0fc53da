import {
  AlignError,
  alignFace,
  type BackendChoice,
  type Face,
  hasLandmarks,
  type RawImage,
  RetinaFace,
  RetinaFaceError,
} from "retinaface-webgpu";
import { faceLine } from "retinaface-webgpu/node";
import { Embedder } from "../networks/embedder.js";

/** How the faces of photos are found and turned into numbers. */
export interface LookerOptions {
  /** File of the embedding network's weights. */
  readonly weights: string;
  /** Each picture is one face already. */
  readonly whole?: boolean | undefined;
  /** File of the detector's weights; default those that `detect` takes. */
  readonly detector?: string | undefined;
  readonly maxSide?: number | undefined;
  readonly visThreshold?: number | undefined;
  readonly backend?: BackendChoice | undefined;
  readonly threads?: number | undefined;
}

/** A face of a photo, ready for the embedding network. */
export interface PlacedFace {
  /** What is printed of it. */
  readonly line: Partial<ReturnType<typeof faceLine>>;
  readonly crop: RawImage;
}

/** Finds faces, upright and cut out, and makes vectors of them. */
export class Looker {
  readonly embedder: Embedder;
  readonly #detector: RetinaFace | undefined;
  readonly #maxSide: number | undefined;

  private constructor(
    embedder: Embedder,
    detector: RetinaFace | undefined,
    maxSide: number | undefined,
  ) {
    this.embedder = embedder;
    this.#detector = detector;
    this.#maxSide = maxSide;
  }

  /** @throws as `Embedder.load` and `RetinaFace.load` */
  static async load(options: LookerOptions): Promise<Looker> {
    const { backend, threads, maxSide, visThreshold } = options;
    const embedder = await Embedder.load(options.weights, { backend, threads });
    if (options.whole) return new Looker(embedder, undefined, maxSide);
    try {
      const load = { weights: options.detector, backend, threads, visThreshold };
      return new Looker(embedder, await RetinaFace.load(load), maxSide);
    } catch (error) {
      embedder.dispose();
      throw error;
    }
  }

  /**
   * The faces of a picture, best first.
   *
   * @throws RetinaFaceError `LANDMARKS_MISSING` where the detector's weights place none; as `detect`
   */
  async faces(image: RawImage): Promise<PlacedFace[]> {
    if (!this.#detector) {
      const { width, height } = image;
      return [{ line: { box: [0, 0, width, height] }, crop: image }];
    }
    const found = await this.#detector.detect(image, { maxSide: this.#maxSide });
    return found.flatMap((face) => this.#placed(image, face));
  }

  /** Upright; nothing of a face whose landmarks coincide. */
  #placed(image: RawImage, face: Face): PlacedFace[] {
    if (!hasLandmarks(face)) {
      throw new RetinaFaceError(
        "LANDMARKS_MISSING",
        "these weights of the detector place no landmarks, by which faces are turned upright: give others, or --whole " +
          "for pictures that are one face each",
      );
    }
    try {
      return [{ line: faceLine(face), crop: alignFace(image, face, this.embedder.size) }];
    } catch (error) {
      if (error instanceof AlignError) return [];
      throw error;
    }
  }

  /** One vector a face. */
  async vectors(faces: readonly Pick<PlacedFace, "crop">[]): Promise<Float32Array[]> {
    if (faces.length === 0) return [];
    const { dimension } = this.embedder;
    const numbers = await this.embedder.embed(faces.map(({ crop }) => crop));
    return faces.map((_, i) => numbers.slice(i * dimension, (i + 1) * dimension));
  }

  dispose(): void {
    this.embedder.dispose();
    this.#detector?.dispose();
  }
}

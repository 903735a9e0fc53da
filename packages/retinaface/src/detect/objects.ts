import type { Device } from "@retinaface-webgpu/tensor/inference";
import type { ImageInput } from "../image/input.js";
import type { NetworkConfig } from "../model/network-config.js";
import type { DetectorConfig, Face, Thresholds } from "../types.js";
import type { Backend } from "./backend.js";
import { type LoadOptions, RetinaFace } from "./detector.js";
import type { DetectCallOptions } from "./options.js";

/** One detected object, in pixels of the upright original image. */
export interface DetectedObject {
  /** Corners `[x1, y1, x2, y2]`. */
  box: [x1: number, y1: number, x2: number, y2: number];
  /** Probability of its class, 0..1. */
  score: number;
  /** Number of its class, from 1. */
  label: number;
  /** Name of its class; `class 3` where the weights do not name theirs. */
  class: string;
}

/** Of weights with one class that has no name: RetinaFace's. */
const FACE = "face";

/**
 * Finds objects of one class or several: RetinaNet's weights, torchvision's among them, and RetinaFace's, whose faces are
 * objects without their landmarks.
 *
 *     const detector = await Detector.load({ weights: "retinanet_resnet50_fpn.pth" });
 *     for (const { class: name, score, box } of await detector.detect("street.jpg")) console.log(name, score, box);
 *     detector.dispose();
 *
 * Images, options, backends and errors are those of {@link RetinaFace}.
 */
export class Detector {
  readonly #faces: RetinaFace;

  private constructor(faces: RetinaFace) {
    this.#faces = faces;
  }

  /**
   * Reads weights and prepares a detector. `config.classes` names the classes where the weights do not.
   * @throws as `RetinaFace.load`
   */
  static async load(options: LoadOptions = {}): Promise<Detector> {
    return new Detector(await RetinaFace.load(options));
  }

  get config(): DetectorConfig {
    return this.#faces.config;
  }

  get network(): NetworkConfig {
    return this.#faces.network;
  }

  /** What calls go by that give none. */
  get thresholds(): Readonly<Thresholds> {
    return this.#faces.thresholds;
  }

  get backend(): Backend {
    return this.#faces.backend;
  }

  /** Threads of the WebAssembly engine; 0 on a GPU. */
  get threads(): number {
    return this.#faces.threads;
  }

  get device(): Device {
    return this.#faces.device;
  }

  /** Finds the objects of one image scoring at least `visThreshold`, best first. @throws as `RetinaFace.detect` */
  async detect(image: ImageInput, options: DetectCallOptions = {}): Promise<DetectedObject[]> {
    return this.#objects(await this.#faces.detect(image, options));
  }

  /** Finds the objects of several images; those of equal size go through the network together. */
  async detectBatch(
    images: readonly ImageInput[],
    options: DetectCallOptions = {},
  ): Promise<DetectedObject[][]> {
    const found = await this.#faces.detectBatch(images, options);
    return found.map((faces) => this.#objects(faces));
  }

  /** Frees the weights and, if the detector made it, the device; pending calls are rejected. */
  dispose(): void {
    this.#faces.dispose();
  }

  #objects(faces: readonly Face[]): DetectedObject[] {
    const { classes } = this.config;
    const unnamed = (label: number) => (this.network.heads ? `class ${label}` : FACE);
    return faces.map(({ box, score, label = 1 }) => ({
      box,
      score,
      label,
      class: classes?.[label - 1] ?? unnamed(label),
    }));
  }
}

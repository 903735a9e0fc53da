import { loadImage } from "@retinaface-webgpu/train";
import type { RawImage } from "retinaface-webgpu";
import { toSquare } from "../networks/pixels.js";

/** Bytes of pictures that are kept decoded. */
const ROOM = 1 << 30;

/** Pictures at the size of a network's input; those for which there is room are decoded once. */
export class ImageStore {
  readonly #files: readonly string[];
  readonly #size: number;
  readonly #kept = new Map<number, RawImage>();
  readonly #room: number;

  /** @param size side of the network's input in pixels */
  constructor(files: readonly string[], size: number, room = ROOM) {
    this.#files = files;
    this.#size = size;
    this.#room = Math.floor(room / (size * size * 4));
  }

  /** @throws ImageError for what cannot be read or decoded */
  async get(index: number): Promise<RawImage> {
    const known = this.#kept.get(index);
    if (known) return known;
    const image = toSquare(await loadImage(this.#files[index]), this.#size);
    if (this.#kept.size < this.#room) this.#kept.set(index, image);
    return image;
  }
}

import type { Device } from "@retinaface-webgpu/tensor/inference";
import {
  type Backend,
  type BackendChoice,
  type BytesSource,
  mirroredImage,
  OptionError,
  type RawImage,
  readBytes,
} from "retinaface-webgpu";
import type { EmbedderConfig } from "./config.js";
import { toSquare, writePixels } from "./pixels.js";
import { checkRuntimeOptions, type EmbedderRuntime, openEmbedderRuntime } from "./runtime.js";
import { fingerprintOf, readEmbedder } from "./weights.js";

/** Options of `Embedder.load`. */
export interface EmbedderOptions {
  /** `webgpu`, `wasm` (the processors), or `auto`, the default: WebGPU where there is a graphics card, else WebAssembly. */
  readonly backend?: BackendChoice | undefined;
  /** Threads for `wasm`; default as many as there are processors, at most 8. */
  readonly threads?: number | undefined;
  /** Run on this device; it stays the caller's to destroy. */
  readonly device?: Device | undefined;
}

/** Images that go through the network together where there are as many. */
const BATCH = 8;

/**
 * Turns aligned faces into unit vectors: the dot product of two is the similarity of the faces, from −1 to 1.
 *
 *     const embedder = await Embedder.load("embedder.safetensors");
 *     const [a, b] = [alignFace(photo, face), alignFace(other, itsFace)];
 *     const vectors = await embedder.embed([a, b]); // [2 · dimension]
 *     embedder.dispose();
 */
export class Embedder {
  readonly config: EmbedderConfig;
  /** Tells models apart: vectors of embedders with other fingerprints cannot be compared. 64 hexadecimal digits. */
  readonly fingerprint: string;
  readonly #runtime: EmbedderRuntime;
  #disposed = false;

  private constructor(config: EmbedderConfig, fingerprint: string, runtime: EmbedderRuntime) {
    this.config = config;
    this.fingerprint = fingerprint;
    this.#runtime = runtime;
  }

  /**
   * Reads weights and puts the network where it runs.
   *
   * @param weights bytes, a path in Node, a URL in browsers: safetensors of the command `train`, or a checkpoint with
   * the names of insightface's `arcface_torch`
   * @throws ReadError; CheckpointError, SafetensorsError, RetinaFaceError `CHECKPOINT_UNSUPPORTED`,
   * StateDictMismatchError for weights; WebGpuUnavailableError for `webgpu` without an adapter, WasmUnavailableError where
   * WebAssembly does not run; OptionError
   */
  static async load(weights: BytesSource, options: EmbedderOptions = {}): Promise<Embedder> {
    const { backend = "auto", threads, device } = options;
    const where = { backend, threads, device };
    checkRuntimeOptions(where);
    const read = readEmbedder(await readBytes(weights));
    const fingerprint = await fingerprintOf(read);
    return new Embedder(read.config, fingerprint, await openEmbedderRuntime(read, where));
  }

  /** Numbers of an embedding. */
  get dimension(): number {
    const { dimension, flipped } = this.config;
    return flipped ? dimension * 2 : dimension;
  }

  /** Side of the network's input in pixels: what `alignFace(image, face, size)` makes is taken as it is. */
  get size(): number {
    return this.config.size;
  }

  /** What the network runs on. */
  get backend(): Backend {
    return this.#runtime.backend;
  }

  /**
   * Embeds aligned faces, or pictures that are one face each.
   *
   * @param images of any size: one that has another than the network's input is scaled to it, and stretched to a square
   * @returns vectors of length 1, one after the other: `[images, this.dimension]`
   * @throws OptionError for pixels that do not fit their size, or after `dispose()`; DeviceLostError
   */
  async embed(images: readonly RawImage[]): Promise<Float32Array> {
    if (this.#disposed) throw new OptionError("the embedder was disposed of: load another");
    for (const { data, width, height } of images) {
      if (width >= 1 && height >= 1 && data.length === width * height * 4) continue;
      throw new OptionError(
        `an image of ${width} × ${height} has ${data.length} bytes of pixels: it takes four for each pixel`,
      );
    }
    const { size, flipped } = this.config;
    const vectors = new Float32Array(images.length * this.dimension);
    for (let first = 0; first < images.length; ) {
      const rest = images.length - first;
      const count = rest >= BATCH ? BATCH : 1;
      const part = images.slice(first, first + count).map((image) => toSquare(image, size));
      const own = await this.#run(part);
      const made = flipped ? sideBySide(own, await this.#run(part.map(mirroredImage)), count) : own;
      vectors.set(made, first * this.dimension);
      first += count;
    }
    return vectors;
  }

  /** Vectors of pictures at the network's size, as the network makes them. */
  #run(images: readonly RawImage[]): Promise<Float32Array> {
    const numbers = this.size * this.size * 3;
    const input = new Float32Array(images.length * numbers);
    for (const [i, image] of images.entries()) {
      writePixels(image, input, i * numbers, this.config.evened);
    }
    return this.#runtime.run(input, images.length);
  }

  /** Ends the network and what it runs on, but for a device that was given. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runtime.dispose();
  }
}

/** Rows of two arrays of unit vectors, one behind the other, of length 1 together. */
function sideBySide(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const own = left.length / rows;
  const both = new Float32Array(left.length * 2);
  for (let row = 0; row < rows; row++) {
    both.set(left.subarray(row * own, (row + 1) * own), row * own * 2);
    both.set(right.subarray(row * own, (row + 1) * own), row * own * 2 + own);
  }
  return both.map((value) => value * Math.SQRT1_2);
}

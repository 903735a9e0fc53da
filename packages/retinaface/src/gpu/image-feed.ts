import { imageInput, TAP_FLOATS, writeTaps } from "@retinaface-webgpu/kernels-wgsl";
import type {
  BufferBinding,
  CompiledKernel,
  Device,
  PooledBuffer,
} from "@retinaface-webgpu/tensor/inference";
import { ImageError } from "../errors.js";
import { isLive, type LiveFrame, type PixelSource } from "../image/source.js";
import { MEAN_BGR } from "../model/mean.js";
import type { RawImage } from "../types.js";
import { BufferSet, whole } from "./buffer-set.js";
import type { FrameCopy } from "./frame-copy.js";
import { detectionPipelines } from "./pipelines.js";
import { Stage } from "./stage.js";
import { type Piece, planUpload, type UploadBuffer } from "./upload.js";

/** A network's input: `[batch, height, width, 3]`. */
export interface FeedTarget {
  readonly binding: BufferBinding;
  readonly height: number;
  readonly width: number;
}

/** What is kept while batches of the same image sizes come. */
interface Layout {
  readonly key: string;
  readonly pieces: readonly Piece[];
  readonly bytes: number;
}

/** An image whose bytes are at hand, or a frame that was lent to the GPU. */
type Lent = RawImage | (LiveFrame & { readonly texture: GPUExternalTexture });

/** Uploads images and turns them into a network's input on the GPU: one kernel an image. */
export class ImageFeed {
  readonly #device: Device;
  readonly #compiled: CompiledKernel;
  readonly #upload: UploadBuffer;
  readonly #target: FeedTarget;
  readonly #stages: Stage[] = [];
  readonly #owned: BufferSet;
  #taps: PooledBuffer[] = [];
  #layout: Layout | undefined;
  #bound: PooledBuffer | undefined;
  #frames: FrameCopy | undefined;

  constructor(device: Device, compiled: CompiledKernel, upload: UploadBuffer, target: FeedTarget) {
    this.#device = device;
    this.#compiled = compiled;
    this.#upload = upload;
    this.#target = target;
    this.#owned = new BufferSet(device);
  }

  /** Compiles what is not compiled yet. @param upload may be shared with other feeds of the device */
  static async create(
    device: Device,
    target: FeedTarget,
    upload: UploadBuffer,
  ): Promise<ImageFeed> {
    const { imageInput: compiled } = await detectionPipelines(device);
    return new ImageFeed(device, compiled, upload, target);
  }

  /** Compiles what frames of a video need; without it they take the way through the CPU. */
  async prepare(images: readonly PixelSource[]): Promise<void> {
    if (this.#frames || !images.some(isLive)) return;
    // Loaded only here: a page without videos has no use for it. Frames are held meanwhile.
    const { FrameCopy } = await import("./frame-copy.js");
    this.#frames ??= await FrameCopy.create(this.#device);
  }

  /**
   * Scales images to the network's size, one into each place of the batch. What exceeds the upload buffer is submitted
   * in between; usually nothing is.
   *
   * @throws ImageError IMAGE_CORRUPT for pixels that are no longer there; nothing is submitted then.
   */
  feed(sources: readonly PixelSource[]): void {
    checkPixels(sources);
    const { pieces, bytes } = this.#arrange(sources);
    const images = sources.map((source, i) => this.#lend(source, i));
    const pixels = this.#upload.reserve(bytes);
    if (pixels !== this.#bound) this.#setStages(images, pixels);
    for (let from = 0, to = 0; from < pieces.length; from = to) {
      while (to < pieces.length && pieces[to].load === pieces[from].load) {
        this.#write(pixels, pieces[to], images[pieces[to].image]);
        to++;
      }
      for (let n = from; n < to; n++) this.#stages[n].record();
    }
  }

  dispose(): void {
    for (const stage of this.#stages) stage.dispose();
    this.#frames?.dispose();
    this.#owned.dispose();
  }

  /** A frame that comes in one piece is lent to the GPU where that can be; any other is read. */
  #lend(source: PixelSource, index: number): Lent {
    if (!isLive(source)) return source;
    const pieces = this.#layout!.pieces.filter(({ image }) => image === index);
    const texture = pieces.length === 1 ? this.#frames?.import(source) : undefined;
    return texture ? { ...source, texture } : source.read();
  }

  /** Sizes decide the pieces and the tables of taps. */
  #arrange(images: readonly PixelSource[]): Layout {
    const key = images.map(({ width, height }) => `${width}x${height}`).join();
    if (this.#layout?.key === key) return this.#layout;
    const pieces = planUpload(images, this.#upload.limit);
    const bytes = Math.max(...pieces.map((piece) => piece.offset + piece.bytes));
    this.#layout = undefined;
    for (const taps of this.#taps) this.#owned.free(taps);
    this.#taps = images.map((image) => this.#makeTaps(image));
    this.#bound = undefined;
    this.#layout = { key, pieces, bytes };
    return this.#layout;
  }

  #makeTaps(image: PixelSource): PooledBuffer {
    const { width, height } = this.#target;
    const table = new Float32Array((width + height) * TAP_FLOATS);
    writeTaps(image.width, width, table);
    writeTaps(image.height, height, table.subarray(width * TAP_FLOATS));
    return this.#owned.upload(table, "resize taps");
  }

  #setStages(images: readonly PixelSource[], pixels: PooledBuffer): void {
    const { width, height, binding } = this.#target;
    for (const [n, { image, band, offset, bytes }] of this.#layout!.pieces.entries()) {
      this.#stages[n] ??= new Stage(this.#device, this.#compiled);
      const kernel = imageInput({
        sourceWidth: images[image].width,
        sourceHeight: images[image].height,
        band,
        width,
        height,
        targetWidth: width,
        targetHeight: height,
        targetOffset: image * width * height * 3,
        mean: MEAN_BGR,
      });
      this.#stages[n].set(kernel, [
        bindingOf(pixels, offset, bytes),
        whole(this.#taps[image]),
        binding,
      ]);
    }
    this.#bound = pixels;
  }

  #write(pixels: PooledBuffer, { band, offset, bytes }: Piece, image: Lent): void {
    if ("texture" in image) {
      this.#frames!.record(image.texture, image, bindingOf(pixels, offset, bytes));
      return;
    }
    const start = band.firstRow * image.width * 4;
    this.#device.write(pixels, image.data.subarray(start, start + bytes), offset);
  }
}

/** What is shorter than its size says would leave an earlier image's pixels in the upload buffer. */
function checkPixels(sources: readonly PixelSource[]): void {
  for (const source of sources) {
    if (isLive(source)) continue;
    const { data, width, height } = source;
    if (data.length === width * height * 4) continue;
    throw new ImageError(
      "IMAGE_CORRUPT",
      `the ${width}×${height} pixels went away while they waited for the GPU (${data.length} bytes are left): ` +
        "keep their buffer, neither transferred nor resized, until the call has ended",
    );
  }
}

function bindingOf({ buffer }: PooledBuffer, offset: number, bytes: number): BufferBinding {
  return { buffer, offset, size: Math.max(16, Math.ceil(bytes / 16) * 16) };
}

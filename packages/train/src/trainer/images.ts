import { imageInput as hostInput, packTaps, tentTaps } from "@retinaface-webgpu/kernels-wasm";
import { imageInput } from "@retinaface-webgpu/kernels-wgsl";
import { type Device, type Host, hostOf, type Tensor } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";
import { MEAN_RGB, type Sample } from "../augment/sample.js";

/**
 * The images of one batch after the other on the GPU: their bytes are uploaded once, a third of what floats take,
 * and become the input of whatever network looks at them there.
 */
export class BatchImages {
  readonly #device: Device;
  #pixels: ReturnType<Device["allocate"]> | undefined;
  #shape: readonly number[] = [0, 0, 0, 3];
  /** That every sample is taken as it is, for the host's kernel, and for which size. */
  #taps: { readonly key: string; readonly buffer: ReturnType<Device["allocate"]> } | undefined;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Of the network's input: `[n, height, width, 3]`. */
  get shape(): readonly number[] {
    return this.#shape;
  }

  /** @throws {OptionError} for images of different sizes or with too few bytes; none is then uploaded */
  upload(samples: readonly Sample[]): void {
    const { width, height } = samples[0].image;
    for (const { id, image } of samples) {
      if (image.data.length !== image.width * image.height * 4) {
        throw new OptionError(
          `${id} has ${image.data.length} bytes of pixels, ${image.width} × ${image.height} take ` +
            `${image.width * image.height * 4}: pass four for each pixel, in memory that stays`,
        );
      }
      if (image.width === width && image.height === height) continue;
      throw new OptionError(
        `a batch needs images of one size; ${id} is ${image.width} × ${image.height}, the first ` +
          `${width} × ${height}: scale or pad them to one`,
      );
    }
    const bytes = width * height * 4;
    this.#reserve(samples.length * bytes);
    for (const [i, { image }] of samples.entries()) {
      this.#device.write(this.#pixels!, image.data, i * bytes);
    }
    this.#shape = [samples.length, height, width, 3];
  }

  /** Writes the uploaded images into a tensor of their shape: BGR minus the mean. */
  fill(input: Tensor): void {
    const [count, height, width] = this.#shape;
    // One image above the other is what NHWC makes of a batch.
    const rows = count * height;
    const [red, green, blue] = MEAN_RGB;
    const host = hostOf(this.#device);
    if (host) {
      this.#fillOnHost(host, input, width, rows);
      return;
    }
    const kernel = imageInput({
      sourceWidth: width,
      sourceHeight: rows,
      width,
      height: rows,
      targetWidth: width,
      targetHeight: rows,
      targetOffset: 0,
      mean: [blue, green, red],
    });
    const pixels = { buffer: this.#pixels!.buffer, size: rows * width * 4 };
    // Without scaling the kernel looks up no taps.
    this.#device.run(kernel, [pixels, pixels, input.binding]);
  }

  dispose(): void {
    for (const buffer of [this.#pixels, this.#taps?.buffer]) {
      if (buffer) this.#device.free(buffer);
    }
    this.#pixels = undefined;
    this.#taps = undefined;
  }

  #fillOnHost(host: Host, input: Tensor, width: number, height: number): void {
    const [red, green, blue] = MEAN_RGB;
    const kernel = hostInput({
      ...{ sourceWidth: width, sourceHeight: height, width, height },
      mean: [blue, green, red],
    });
    const source = { buffer: this.#pixels!.buffer };
    const taps = { buffer: this.#tapsFor(width, height).buffer };
    host.run([{ kernel, operands: { source, taps, output: input.binding } }]);
    this.#device.versions.count(input.storage.buffer.buffer);
  }

  #tapsFor(width: number, height: number): ReturnType<Device["allocate"]> {
    const key = `${width}x${height}`;
    if (this.#taps?.key === key) return this.#taps.buffer;
    if (this.#taps) this.#device.free(this.#taps.buffer);
    const words = packTaps(tentTaps(width, width), tentTaps(height, height));
    const buffer = this.#device.allocate(words.byteLength, "taps of images");
    this.#device.write(buffer, words);
    this.#taps = { key, buffer };
    return buffer;
  }

  #reserve(bytes: number): void {
    if (this.#pixels && this.#pixels.buffer.size >= bytes) return;
    this.dispose();
    this.#pixels = this.#device.allocate(bytes, "images of a batch");
  }
}

import { framePixels } from "@retinaface-webgpu/kernels-wgsl";
import type {
  BufferBinding,
  CompiledKernel,
  Device,
  PooledBuffer,
} from "@retinaface-webgpu/tensor/inference";
import type { LiveFrame } from "../image/source.js";

/** Uniform blocks are bound whole, with the dynamic offset 0. */
const NO_OFFSET = [0];

/**
 * Takes frames of a video as the decoder left them, without a copy through the CPU. The browser lends a frame to the GPU
 * for the task that asks for it, so its bind group is made anew each time: `import`, `record` and the submission belong
 * into one task.
 */
export class FrameCopy {
  readonly #device: Device;
  readonly #compiled: CompiledKernel;
  #params: PooledBuffer | undefined;
  #size = "";

  private constructor(device: Device, compiled: CompiledKernel) {
    this.#device = device;
    this.#compiled = compiled;
  }

  /** Undefined where the browser lends no frames to the GPU. */
  static async create(device: Device): Promise<FrameCopy | undefined> {
    if (!("importExternalTexture" in device.gpuDevice)) return undefined;
    return new FrameCopy(device, await device.prepare(framePixels({ width: 1, height: 1 })));
  }

  /** Undefined where this frame cannot be lent, e.g. in a format that the browser only draws. */
  import({ frame }: LiveFrame): GPUExternalTexture | undefined {
    try {
      return this.#device.gpuDevice.importExternalTexture({ source: frame, label: "video frame" });
    } catch {
      return undefined;
    }
  }

  /** Records the copy of a frame's pixels into `target`, 4 bytes each. */
  record(frame: GPUExternalTexture, size: LiveFrame, target: BufferBinding): void {
    const { width, height } = size;
    const kernel = framePixels({ width, height });
    const bytes = kernel.params!.byteLength;
    this.#params ??= this.#device.allocate(bytes, "params of frame-pixels");
    if (this.#size !== `${width}x${height}`) {
      this.#device.write(this.#params, new Uint8Array(kernel.params!));
      this.#size = `${width}x${height}`;
    }
    const params = { buffer: this.#params.buffer, offset: 0, size: bytes };
    const group = this.#device.bind(this.#compiled, [frame, target], params);
    this.#device.runPrepared(this.#compiled, kernel, group, NO_OFFSET);
  }

  dispose(): void {
    if (this.#params) this.#device.free(this.#params);
    this.#params = undefined;
  }
}

/**
 * A `GPU` without a processor: its buffers are memory of the host, which can be filled, copied, cleared and read, and
 * nothing computes on them. A `Device` on it holds parameters and lets networks be traced where there is no WebGPU; what
 * computes is a plan for WebAssembly. Any other call says so.
 */
import { WebGpuUnavailableError } from "../core/errors.js";
import { Device } from "../device/device.js";

const ADAPTER = "memory of the host";

/** WebGPU's largest, so that the limit is the host's memory. */
const MAX_BYTES = 2 ** 32 - 4;

/** A device without a GPU, for the parameters of networks that run by WebAssembly. */
export function createHostDevice(): Promise<Device> {
  return Device.create({ gpu: hostGpu(), features: [] });
}

function computesNothing(): never {
  throw new WebGpuUnavailableError(
    "This device only holds tensors: there is no WebGPU here. Networks run through WebAssembly by compileWasm(); " +
      "single operations and training need a WebGPU adapter.",
  );
}

class HostBuffer {
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor({ size }: GPUBufferDescriptor) {
    this.size = size;
    this.bytes = new Uint8Array(size);
  }

  async mapAsync(): Promise<void> {}

  getMappedRange(offset = 0, size = this.size - offset): ArrayBuffer {
    return this.bytes.slice(offset, offset + size).buffer;
  }

  unmap(): void {}
  destroy(): void {}
}

type Copy = () => void;

/** Copies run when they are submitted. */
function commandEncoder() {
  const copies: Copy[] = [];
  return {
    copyBufferToBuffer: (
      source: HostBuffer,
      sourceOffset: number,
      target: HostBuffer,
      targetOffset: number,
      size: number,
    ) => {
      copies.push(() => {
        const bytes = source.bytes.subarray(sourceOffset, sourceOffset + size);
        target.bytes.set(bytes, targetOffset);
      });
    },
    clearBuffer: (target: HostBuffer, offset = 0, size = target.size - offset) => {
      copies.push(() => target.bytes.fill(0, offset, offset + size));
    },
    beginComputePass: computesNothing,
    finish: () => copies,
  };
}

const QUEUE = {
  submit: (buffers: readonly Copy[][]) => {
    for (const copy of buffers.flat()) copy();
  },
  writeBuffer: (
    target: HostBuffer,
    at: number,
    source: Uint8Array,
    first = 0,
    size = source.length - first,
  ) => target.bytes.set(source.subarray(first, first + size), at),
  onSubmittedWorkDone: async () => {},
};

function hostGpu(): GPU {
  const limits = new Proxy({}, { get: () => MAX_BYTES });
  const info = { vendor: "", architecture: "", device: "", description: ADAPTER };
  const requestDevice = async () => {
    let end: (info: GPUDeviceLostInfo) => void;
    const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
      end = resolve;
    });
    return {
      limits,
      lost,
      queue: QUEUE,
      features: new Set(),
      createBuffer: (descriptor: GPUBufferDescriptor) => new HostBuffer(descriptor),
      createCommandEncoder: commandEncoder,
      createShaderModule: computesNothing,
      createBindGroup: computesNothing,
      createBindGroupLayout: computesNothing,
      pushErrorScope: () => {},
      popErrorScope: async () => null,
      addEventListener: () => {},
      removeEventListener: () => {},
      destroy: () => end({ reason: "destroyed", message: "" } as GPUDeviceLostInfo),
    };
  };
  const adapter = { features: new Set(), limits, info, requestDevice };
  return { requestAdapter: async () => adapter } as unknown as GPU;
}

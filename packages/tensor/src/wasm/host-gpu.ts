/**
 * A `GPU` without a processor: its buffers are memory of the host, which can be filled, copied, cleared and read. On
 * plain memory nothing computes; in an engine's memory the engine's kernels do, in the order in which work was submitted. A
 * `Device` on it holds parameters and lets networks be traced where there is no WebGPU. Any other call says so.
 */
import { WebGpuUnavailableError } from "../core/errors.js";
import type { BufferBinding } from "../device/bind-groups.js";
import { Device } from "../device/device.js";
import type { KernelTiming } from "../device/dispatch-timer.js";
import { registerProfiler } from "../device/profilers.js";
import { USAGE } from "../device/usage.js";
import { type Place, type WasmEngine, type WasmStep, WasmUnavailableError } from "./engine.js";
import { type Host, type HostStep, registerHost } from "./host.js";
import { HostQueue } from "./host-queue.js";
import type { Block } from "./memory.js";
import type { StepTiming } from "./timings.js";

const ADAPTER = "memory of the host";

/** WebGPU's largest, so that the limit is the host's memory. */
const MAX_BYTES = 2 ** 32 - 4;

/**
 * A device without a GPU, for the parameters of networks that run by WebAssembly.
 *
 * @param engine in whose memory the device's tensors lie: then `compile` and `compileStep` prepare kernels of the engine.
 * It stays the caller's to dispose of, after the device
 * @throws WasmUnavailableError where the engine's memory is not shared with this thread
 */
export async function openHostDevice(engine?: WasmEngine): Promise<Device> {
  if (engine && !engine.isShared) {
    throw new WasmUnavailableError(
      "Training on the WebAssembly engine needs memory that threads share, which this page may not have: serve it with " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    );
  }
  const memory = new HostMemory(engine);
  const device = await Device.create({ gpu: memory.gpu(), features: [] });
  registerHost(device, engine && memory.host(engine, device));
  if (engine) registerProfiler(device, (work) => memory.profile(work));
  return device;
}

function computesNothing(): never {
  throw new WebGpuUnavailableError(
    "This device only holds tensors: there is no WebGPU here. Networks run through WebAssembly by compile() or " +
      "compileWasm(), training steps by compileStep() on a device of createHostDevice(engine); single operations " +
      "need a WebGPU adapter.",
  );
}

/** Where a buffer's bytes are. */
interface HostBuffer {
  readonly size: number;
  bytes(): Uint8Array;
  destroy(): void;
  mapAsync(): Promise<void>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
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
        const bytes = source.bytes().subarray(sourceOffset, sourceOffset + size);
        target.bytes().set(bytes, targetOffset);
      });
    },
    clearBuffer: (target: HostBuffer, offset = 0, size = target.size - offset) => {
      copies.push(() => target.bytes().fill(0, offset, offset + size));
    },
    beginComputePass: computesNothing,
    finish: () => copies,
  };
}

/** What steps took, with what they are called and do. */
function named(steps: readonly HostStep[], timings: readonly StepTiming[]): KernelTiming[] {
  return timings.map((timing, i) => {
    const { kernel, operands } = steps[i];
    const bytes = Object.values(operands).reduce(
      (sum, { buffer, size = buffer.size }) => sum + size,
      0,
    );
    return { name: kernel.name, flops: kernel.flops, bytes, ...timing };
  });
}

class HostMemory {
  readonly #engine: WasmEngine | undefined;
  readonly #queue: HostQueue;
  readonly #blocks = new WeakMap<object, Block>();
  /** Where what steps take is told, while it is asked for. */
  #timings: KernelTiming[] | undefined;
  #end: (info: GPUDeviceLostInfo) => void = () => undefined;

  constructor(engine: WasmEngine | undefined) {
    this.#engine = engine;
    this.#queue = new HostQueue(({ message }) =>
      this.#end({ reason: "unknown", message } as GPUDeviceLostInfo),
    );
  }

  gpu(): GPU {
    const limits = new Proxy({}, { get: () => MAX_BYTES });
    const info = { vendor: "", architecture: "", device: "", description: ADAPTER };
    const requestDevice = async () => ({
      limits,
      lost: new Promise<GPUDeviceLostInfo>((resolve) => {
        this.#end = resolve;
      }),
      queue: this.#gpuQueue(),
      features: new Set(),
      createBuffer: (descriptor: GPUBufferDescriptor) => this.#createBuffer(descriptor),
      createCommandEncoder: commandEncoder,
      createShaderModule: computesNothing,
      createBindGroup: computesNothing,
      createBindGroupLayout: computesNothing,
      pushErrorScope: () => {},
      popErrorScope: async () => null,
      addEventListener: () => {},
      removeEventListener: () => {},
      destroy: () => this.#end({ reason: "destroyed", message: "" } as GPUDeviceLostInfo),
    });
    const adapter = { features: new Set(), limits, info, requestDevice };
    return { requestAdapter: async () => adapter } as unknown as GPU;
  }

  host(engine: WasmEngine, device: Device): Host {
    const room = {};
    const placeOf = ({ buffer, offset = 0 }: BufferBinding): Place =>
      (buffer as unknown) === room ? { offset } : { block: this.#blocks.get(buffer)!, offset };
    const bind = ({ kernel, operands, joins }: HostStep): WasmStep => ({
      kernel,
      joins,
      places: Object.fromEntries(
        Object.entries(operands).map(([name, binding]) => [name, placeOf(binding)]),
      ),
    });
    return {
      engine,
      reserve: (steps, bytes = 0) => engine.reserve({ bytes, steps: steps.map(bind) }),
      run: (steps, bytes = 0) => {
        const job = { bytes, steps: steps.map(bind), writes: [], reads: [] };
        device.flush();
        const told = this.#timings;
        this.#queue.add(async () => {
          if (!told) await engine.run(job);
          else told.push(...named(steps, await engine.profile(job)));
        });
      },
      after: (fn) => this.#queue.add(fn),
      roomOf: (offset, size) => ({ buffer: room as GPUBuffer, offset, size }),
      bindingOf: (block) => {
        const buffer = { size: block.bytes } as GPUBuffer;
        this.#blocks.set(buffer, block);
        return { buffer, offset: 0, size: block.bytes };
      },
    };
  }

  /** What each step took that `work` runs, which begins before this returns. */
  async profile(work: () => void | Promise<void>): Promise<KernelTiming[]> {
    const told: KernelTiming[] = [];
    this.#timings = told;
    try {
      await work();
    } finally {
      this.#timings = undefined;
    }
    await this.#queue.drained();
    return told;
  }

  #gpuQueue() {
    return {
      submit: (buffers: readonly Copy[][]) => {
        for (const copy of buffers.flat()) this.#queue.add(copy);
      },
      writeBuffer: (
        target: HostBuffer,
        at: number,
        source: Uint8Array,
        first = 0,
        size = source.length - first,
      ) => {
        const part = source.subarray(first, first + size);
        const data = this.#queue.isBusy ? part.slice() : part;
        this.#queue.add(() => target.bytes().set(data, at));
      },
      onSubmittedWorkDone: () => this.#queue.drained(),
    };
  }

  #createBuffer({ size, usage }: GPUBufferDescriptor): HostBuffer {
    const engine = (usage & USAGE.mapRead) === 0 ? this.#engine : undefined;
    const block = engine?.allocate(size);
    const own = block ? undefined : new Uint8Array(size);
    const bytes = () => own ?? engine!.bytesOf(block!).subarray(0, size);
    if (block) bytes().fill(0);
    const buffer: HostBuffer = {
      size,
      bytes,
      destroy: () => {
        // What was submitted before may still use it.
        if (block) this.#queue.add(() => engine!.free(block));
      },
      mapAsync: () => this.#queue.drained(),
      getMappedRange: (offset = 0, length = size - offset) =>
        bytes().slice(offset, offset + length).buffer as ArrayBuffer,
      unmap: () => {},
    };
    if (block) this.#blocks.set(buffer, block);
    return buffer;
  }
}

import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { GPUBindGroup, GPUBuffer, GPUDevice } from "../core/web.js";
import { BindGroupCache, type BufferBinding } from "./bind-groups.js";
import type { DispatchTimer } from "./dispatch-timer.js";
import type { CompiledKernel } from "./pipelines.js";

type Command =
  | { kind: "dispatch"; compiled: CompiledKernel; kernel: Kernel; bindings: BufferBinding[] }
  | {
      kind: "prepared";
      compiled: CompiledKernel;
      kernel: Kernel;
      group: GPUBindGroup;
      offsets: number[];
    }
  | {
      kind: "copy";
      source: GPUBuffer;
      sourceOffset: number;
      target: GPUBuffer;
      targetOffset: number;
      bytes: number;
    }
  | { kind: "clear"; target: GPUBuffer; bytes: number };

const PARAMS_CHUNK = 64 * 1024;

/** Kernels that an error about a submit names at most. */
const NAMES_SHOWN = 8;

/**
 * Collects dispatches and copies and submits them together.
 *
 * Kernel params share 64 KiB uniform chunks, bound with dynamic offsets and written once per submit.
 * Encoding happens in one go at `submit`, so that error scopes nest properly.
 */
export class Recorder {
  readonly #device: GPUDevice;
  #commands: Command[] = [];
  readonly #chunks: GPUBuffer[] = [];
  readonly #groups: BindGroupCache;
  #dispatches = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#groups = new BindGroupCache(device);
  }

  get length(): number {
    return this.#commands.length;
  }

  /** Dispatches recorded since the device was created. */
  get dispatches(): number {
    return this.#dispatches;
  }

  dispatch(compiled: CompiledKernel, kernel: Kernel, bindings: BufferBinding[]): void {
    this.#dispatches++;
    this.#commands.push({ kind: "dispatch", compiled, kernel, bindings });
  }

  prepared(compiled: CompiledKernel, kernel: Kernel, group: GPUBindGroup, offsets: number[]): void {
    this.#dispatches++;
    this.#commands.push({ kind: "prepared", compiled, kernel, group, offsets });
  }

  copy(
    source: GPUBuffer,
    sourceOffset: number,
    target: GPUBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    this.#commands.push({ kind: "copy", source, sourceOffset, target, targetOffset, bytes });
  }

  clear(target: GPUBuffer, bytes: number): void {
    this.#commands.push({ kind: "clear", target, bytes });
  }

  /**
   * Encodes and submits everything recorded; with `timer`, each dispatch is timed by itself.
   *
   * @returns what was submitted in words, for errors that do not say which dispatch they are about
   */
  submit(timer?: DispatchTimer): () => string {
    const params = this.#writeParams();
    const encoder = this.#device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    for (const [i, command] of this.#commands.entries()) {
      if (command.kind === "copy" || command.kind === "clear") {
        pass?.end();
        pass = undefined;
        if (command.kind === "clear") encoder.clearBuffer(command.target, 0, command.bytes);
        else {
          const { source, sourceOffset, target, targetOffset, bytes } = command;
          encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
        }
        continue;
      }
      pass ??= encoder.beginComputePass(timer?.descriptor(command.kernel));
      pass.setPipeline(command.compiled.pipeline);
      if (command.kind === "prepared") pass.setBindGroup(0, command.group, command.offsets);
      else this.#bind(pass, command, params[i]);
      pass.dispatchWorkgroups(...command.kernel.workgroups);
      if (timer) {
        pass.end();
        pass = undefined;
      }
    }
    pass?.end();
    timer?.resolve(encoder);
    this.#device.queue.submit([encoder.finish()]);
    const submitted = this.#commands;
    this.#commands = [];
    return () => describe(submitted);
  }

  /** Drops what was kept to record faster. */
  trim(): void {
    this.#groups.clear();
  }

  destroy(): void {
    this.#commands.length = 0;
    this.trim();
    for (const chunk of this.#chunks) chunk.destroy();
    this.#chunks.length = 0;
  }

  #bind(
    pass: GPUComputePassEncoder,
    command: Extract<Command, { kind: "dispatch" }>,
    slot: ParamsSlot | undefined,
  ): void {
    const { compiled, kernel, bindings } = command;
    const params = slot && { buffer: slot.chunk, offset: 0, size: slot.bytes };
    const all = params ? [...bindings, params] : bindings;
    const group = this.#groups.get(compiled.layout, all, kernel.name);
    pass.setBindGroup(0, group, slot ? [slot.offset] : []);
  }

  #writeParams(): (ParamsSlot | undefined)[] {
    const slots: (ParamsSlot | undefined)[] = [];
    const data: Uint8Array[] = [];
    let used = PARAMS_CHUNK;
    for (const command of this.#commands) {
      const params = command.kind === "dispatch" ? command.kernel.params : undefined;
      if (!params) {
        slots.push(undefined);
        continue;
      }
      if (used + params.byteLength > PARAMS_CHUNK) {
        data.push(new Uint8Array(PARAMS_CHUNK));
        used = 0;
      }
      data[data.length - 1].set(new Uint8Array(params), used);
      const chunk = this.#chunk(data.length - 1);
      slots.push({ chunk, offset: used, bytes: params.byteLength });
      used = Math.ceil((used + params.byteLength) / 256) * 256;
    }
    for (const [i, bytes] of data.entries()) {
      const end = i === data.length - 1 ? Math.min(used, PARAMS_CHUNK) : PARAMS_CHUNK;
      this.#device.queue.writeBuffer(this.#chunk(i), 0, bytes as Uint8Array<ArrayBuffer>, 0, end);
    }
    return slots;
  }

  #chunk(index: number): GPUBuffer {
    this.#chunks[index] ??= this.#device.createBuffer({
      size: PARAMS_CHUNK,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      label: "kernel params",
    });
    return this.#chunks[index];
  }
}

/** The kernels among these commands, each once, the first few of many. */
function describe(commands: readonly Command[]): string {
  const names = new Set(commands.flatMap((c) => ("kernel" in c ? [c.kernel.name] : [])));
  if (names.size === 0) return "a copy";
  const shown = [...names].slice(0, NAMES_SHOWN).join(", ");
  const more = names.size > NAMES_SHOWN ? ` and ${names.size - NAMES_SHOWN} more` : "";
  return names.size === 1 ? `a dispatch of ${shown}` : `a dispatch among ${shown}${more}`;
}

interface ParamsSlot {
  chunk: GPUBuffer;
  offset: number;
  bytes: number;
}

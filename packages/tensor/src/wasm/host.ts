/** Devices without a GPU: who computes for them. Apart from the engine, so that programs with a GPU do not load it. */
import type { Kernel } from "@retinaface-webgpu/kernels-wasm";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import type { WasmEngine } from "./engine.js";
import type { Block } from "./memory.js";

/** A kernel for processors and the memory of its operands, on a host device. */
export interface HostStep {
  readonly kernel: Kernel;
  readonly operands: Readonly<Record<string, BufferBinding>>;
  /** See `ProgramStep.joins` of kernels-wasm. */
  readonly joins?: boolean | undefined;
}

/** What a host device computes with. */
export interface Host {
  readonly engine: WasmEngine;
  /** Makes room for steps. @throws WasmOutOfMemoryError */
  reserve(steps: readonly HostStep[], bytes?: number): Promise<void>;
  /**
   * Runs steps after all that was submitted to the device before.
   *
   * @param bytes of memory for their duration: bindings of `roomOf` lie there
   */
  run(steps: readonly HostStep[], bytes?: number): void;
  /** Calls `fn` when all that was submitted before is done. */
  after(fn: () => void): void;
  /** A part of the memory that steps have for their duration. */
  roomOf(offset: number, size: number): BufferBinding;
  /** A block of the engine's. */
  bindingOf(block: Block): BufferBinding;
}

const hosts = new WeakMap<Device, Host | undefined>();

/** Notes that a device has no GPU; with `host`, that kernels for processors run on its memory. */
export function registerHost(device: Device, host: Host | undefined): void {
  hosts.set(device, host);
}

/** Whether nothing but kernels for processors computes on a device's memory. */
export function isHostDevice(device: Device): boolean {
  return hosts.has(device);
}

/** What runs kernels for processors on a device's memory, where it is one of `createHostDevice` with an engine. */
export function hostOf(device: Device): Host | undefined {
  return hosts.get(device);
}

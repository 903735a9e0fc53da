import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { PooledBuffer } from "../device/buffer-pool.js";
import type { Device } from "../device/device.js";

/** Bytes between the parameters of two dispatches, as uniform buffers are bound. */
export const PARAMS_SLOT = 256;

/** Kernels' parameters in one buffer. */
export interface Params {
  /** The caller's to free. */
  readonly buffer: PooledBuffer;
  /** Where each kernel's begin, in bytes. */
  readonly offsets: readonly number[];
}

/** Writes all kernels' parameters into one buffer, in their order. */
export function writeParams(device: Device, kernels: readonly Kernel[], label: string): Params {
  const offsets: number[] = [];
  let total = 0;
  for (const { params } of kernels) {
    offsets.push(total);
    total += Math.ceil((params?.byteLength ?? 0) / PARAMS_SLOT) * PARAMS_SLOT;
  }
  const bytes = new Uint8Array(Math.max(total, 16));
  for (const [i, { params }] of kernels.entries()) {
    if (params) bytes.set(new Uint8Array(params), offsets[i]);
  }
  const buffer = device.allocate(bytes.length, label);
  device.write(buffer, bytes);
  return { buffer, offsets };
}

/** The parameters of a kernel that takes the place of another; undefined where it is not the same kernel. */
export function paramsInPlace(now: Kernel | undefined, before: Kernel): Uint8Array | undefined {
  const same = now?.wgsl === before.wgsl && now.params?.byteLength === before.params?.byteLength;
  return same ? new Uint8Array(now.params ?? new ArrayBuffer(0)) : undefined;
}

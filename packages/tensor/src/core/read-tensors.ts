import type { Device } from "../device/device.js";
import { bytesPerElement } from "./dtype.js";
import { Storage } from "./storage.js";
import type { Tensor } from "./tensor.js";

/** Reads the bytes of many tensors back at once: one copy of each into one buffer, one read. */
export async function readBytes(
  device: Device,
  tensors: readonly Tensor[],
): Promise<Map<Tensor, Uint8Array<ArrayBuffer>>> {
  const places = new Map<Tensor, number>();
  let total = 0;
  for (const tensor of new Set(tensors)) {
    places.set(tensor, total);
    total += Math.ceil(bytesOf(tensor) / 4) * 4;
  }
  if (total === 0) return new Map([...places].map(([tensor]) => [tensor, new Uint8Array()]));
  const gathered = new Storage(device, total, "tensors on their way to the host");
  gathered.retain();
  try {
    for (const [tensor, place] of places) {
      const { buffer, offset } = tensor.storage;
      const bytes = Math.ceil(bytesOf(tensor) / 4) * 4;
      if (bytes > 0) device.copy(buffer.buffer, offset, gathered.buffer.buffer, place, bytes);
    }
    const bytes = await device.read(gathered.buffer.buffer, total);
    const view = (tensor: Tensor, place: number) => new Uint8Array(bytes, place, bytesOf(tensor));
    return new Map([...places].map(([tensor, place]) => [tensor, view(tensor, place)]));
  } finally {
    gathered.release();
  }
}

function bytesOf({ size, dtype }: Tensor): number {
  return size * bytesPerElement(dtype);
}

/** As `readBytes`, of f32 tensors. */
export async function readTensors(
  device: Device,
  tensors: readonly Tensor[],
): Promise<Map<Tensor, Float32Array>> {
  const read = await readBytes(device, tensors);
  return new Map(
    [...read].map(([tensor, { buffer, byteOffset }]) => [
      tensor,
      new Float32Array(buffer, byteOffset, tensor.size),
    ]),
  );
}

import type { Device } from "../device/device.js";
import { Storage } from "./storage.js";
import type { Tensor } from "./tensor.js";

/** Reads many f32 tensors back at once: one copy of each into one buffer, one read. */
export async function readTensors(
  device: Device,
  tensors: readonly Tensor[],
): Promise<Map<Tensor, Float32Array>> {
  const unique = [...new Set(tensors)];
  const total = unique.reduce((bytes, tensor) => bytes + tensor.size * 4, 0);
  const result = new Map<Tensor, Float32Array>();
  if (total === 0) return result;
  const gathered = new Storage(device, total, "weights on their way to the host");
  gathered.retain();
  try {
    let offset = 0;
    for (const tensor of unique) {
      const { buffer, offset: from } = tensor.storage;
      device.copy(buffer.buffer, from, gathered.buffer.buffer, offset, tensor.size * 4);
      offset += tensor.size * 4;
    }
    const bytes = await device.read(gathered.buffer.buffer, total);
    offset = 0;
    for (const tensor of unique) {
      result.set(tensor, new Float32Array(bytes, offset, tensor.size));
      offset += tensor.size * 4;
    }
  } finally {
    gathered.release();
  }
  return result;
}
